"""A real keepalived as a neighbour on the LAN, where it is installed."""

from __future__ import annotations

from pathlib import Path

from vipkeeper.lab.network import LAN_INTERFACE, Host
from vipkeeper.lab.processes import LabProcess
from vipkeeper.lab.run_command import missing_tools


def is_installed() -> bool:
    """Whether there is a keepalived on this machine."""
    return not missing_tools("keepalived")


class KeepalivedNeighbour:
    """One virtual router of version 3 on one host."""

    def __init__(
        self, host: Host, vip: str, directory: Path, *, vrid: int, priority: int, interval_s: float
    ) -> None:
        self.host = host
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / f"{host.name}.keepalived.conf"
        config.write_text(
            f"""\
vrrp_instance web {{
    state BACKUP
    interface {LAN_INTERFACE}
    virtual_router_id {vrid}
    version 3
    priority {priority}
    advert_int {interval_s:g}
    virtual_ipaddress {{
        {vip}/32
    }}
}}
"""
        )
        pids = (f"{directory / host.name}.keepalived.pid", f"{directory / host.name}.vrrp.pid")
        self.process = LabProcess(
            f"keepalived on {host.name}",
            (
                *("keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", str(config)),
                *("--pid", pids[0], "--vrrp_pid", pids[1]),
            ),
            log=directory / f"{host.name}.log",
            namespace=host.namespace,
        )

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        """It takes its address away and waits for a second before it ends."""
        self.process.stop()
