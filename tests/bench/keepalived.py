"""keepalived as the peer: the same hosts, the same address, Debian's package, adverts every second."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

from vipkeeper.lab.interruption import uninterrupted
from vipkeeper.lab.network import Host, Network
from vipkeeper.lab.processes import LabProcess

CONFIG = """
global_defs {{
    router_id {name}
}}
vrrp_instance web {{
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 1
    virtual_ipaddress {{
        {vip}/32
    }}
}}
"""


@contextlib.contextmanager
def run_keepalived(network: Network, vip: str, directory: Path) -> Iterator[dict[str, LabProcess]]:
    """One keepalived a host; all stopped when the block ends."""
    directory.mkdir(parents=True, exist_ok=True)
    processes = {
        host.name: _process(host, vip, 100 - number, directory) for number, host in enumerate(network.hosts)
    }
    try:
        for process in processes.values():
            process.start()
        yield processes
    finally:
        with uninterrupted():
            for process in processes.values():
                process.stop(patience_s=10)


def stop_planned(process: LabProcess) -> None:
    """SIGTERM, as its service unit would."""
    process.send(signal.SIGTERM)
    process.wait(timeout_s=15)


def _process(host: Host, vip: str, priority: int, directory: Path) -> LabProcess:
    config = directory / f"{host.name}.conf"
    config.write_text(CONFIG.format(name=host.name, priority=priority, vip=vip))
    arguments = (
        *("keepalived", "--dont-fork", "--log-console", "--vrrp"),
        *("--use-file", str(config)),
        *("--pid", str(directory / f"{host.name}.pid")),
        *("--vrrp_pid", str(directory / f"{host.name}.vrrp.pid")),
    )
    return LabProcess(
        f"keepalived on {host.name}",
        arguments,
        log=directory / f"{host.name}.log",
        namespace=host.namespace,
    )
