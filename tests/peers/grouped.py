"""Two routers with the same sync group on two segments: keepalived or vipkeeper, told the same.

Rules of this file: they are told by their configuration and signals alone; who serves is not asked of them.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path

from tests.peers.keepalived import stop_planned
from tests.peers.process_tree import kill_all
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.network import Host
from vipkeeper.lab.processes import LabProcess
from vipkeeper.lab.run_command import CommandFailed

OUT, IN = "10.77.4.1", "10.88.4.1"
VIPS = {OUT: ("eth0", 61), IN: ("store0", 62)}


class Grouped:
    """One router with both VIPs in one group."""

    def __init__(self, kind: str, host: Host, directory: Path) -> None:
        self.kind, self.host = kind, host
        home = directory / f"{kind}-{host.name}"
        home.mkdir(parents=True, exist_ok=True)
        self._config, self._home = home / "config", home
        words: tuple[str, ...] = (
            *(sys.executable, "-m", "vipkeeper", "agent", "--config", str(self._config)),
            *("--run-dir", str(home), "--node", host.name),
        )
        if kind == "keepalived":
            words = (
                *("keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", str(self._config)),
                *("--pid", str(home / "pid"), "--vrrp_pid", str(home / "vrrp.pid")),
            )
        self.process = LabProcess(f"{kind} on {host.name}", words, log=home / "log", namespace=host.namespace)

    def tell(self, priority: int, *, inside: int | None = None) -> None:
        """Its configuration; a reload if it runs."""
        priorities = {OUT: priority, IN: priority if inside is None else inside}
        write = keepalived_conf if self.kind == "keepalived" else vipkeeper_toml
        self._config.write_text(write(priorities))
        if self.process.is_running():
            self.process.send(signal.SIGHUP)

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        stop_planned(self.process)

    def kill(self) -> None:
        kill_all(self.process)

    def log_end(self) -> str:
        return self.process.log_end(25)

    def clean_up(self) -> None:
        if self.process.is_running():
            kill_all(self.process)
        namespace = self.host.namespace
        if self.kind == "vipkeeper":
            place = ("--config", str(self._config), "--run-dir", str(self._home))
            namespace.run(sys.executable, "-m", "vipkeeper", "clear", *place)
        for address, (interface, _) in VIPS.items():
            _try(namespace, f"addr del {address}/32 dev {interface}")


def _try(namespace: Namespace, line: str) -> None:
    with contextlib.suppress(CommandFailed):  # what is not there need not go
        namespace.configure(line)


def keepalived_conf(priorities: dict[str, int]) -> str:
    """Version 3, twice a second."""
    text = "vrrp_sync_group lb {\n    group {\n        V61\n        V62\n    }\n}\n"
    for address, (interface, vrid) in VIPS.items():
        text += (
            f"vrrp_instance V{vrid} {{\n    state BACKUP\n    interface {interface}\n"
            f"    virtual_router_id {vrid}\n    version 3\n    priority {priorities[address]}\n"
            f"    advert_int 0.5\n    virtual_ipaddress {{\n        {address}/32\n    }}\n}}\n"
        )
    return text


def vipkeeper_toml(priorities: dict[str, int]) -> str:
    """The same."""
    text = 'backend = "vrrp"\n[sync_group.lb]\nvips = ["v61", "v62"]\n'
    for address, (interface, vrid) in VIPS.items():
        text += (
            f'[vip.v{vrid}]\naddresses = ["{address}"]\ninterface = "{interface}"\n'
            f"priority = {priorities[address]}\n[vip.v{vrid}.vrrp]\nvrid = {vrid}\nadvert_interval = 0.5\n"
        )
    return text
