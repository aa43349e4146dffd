"""Two agents on one segment with as many virtual routers as asked for, and what their processes cost.

Rules of this file: the verdict on roles is the kernel's: who has the addresses; what was sent is heard at the
switch.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers.adverts import Adverts, hear_adverts
from tests.peers.keepalived import addresses_of
from vipkeeper.lab.interruption import uninterrupted
from vipkeeper.lab.namespaces import new_lab_name
from vipkeeper.lab.network import LAN_INTERFACE, Host, make_network, vip_ipv4
from vipkeeper.lab.processes import LabProcess
from vipkeeper.lab.run_command import run_command

_START_S = 60.0
_POLL_S = 0.1
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class ManyRouters:
    """One agent on one host with virtual routers 1 to `count`, all with one priority."""

    def __init__(
        self, host: Host, directory: Path, *, count: int, interval_s: float, priority: int, version: int = 3
    ) -> None:
        self.host = host
        self.vips = frozenset(vip_ipv4(number) for number in range(count))
        self._config = directory / f"{host.name}.toml"
        self._config.write_text(_toml(count, interval_s, version))
        self._place = ("--config", str(self._config), "--run-dir", str(directory / f"run-{host.name}"))
        self.process = LabProcess(
            f"agent on {host.name}",
            (
                *(sys.executable, "-m", "vipkeeper", "agent", *self._place),
                *("--node", host.name, "--priority", str(priority)),
            ),
            log=directory / f"{host.name}.log",
            namespace=host.namespace,
        )

    def start(self) -> None:
        """Returns when every router listens or is master."""
        self.process.start()
        self._wait(lambda: self.log().count(" vip=vip") >= len(self.vips))

    def wait_until_master(self) -> None:
        """Of all of them, by the addresses in the kernel."""
        self._wait(lambda: self.vips <= addresses_of(self.host.namespace))

    def log(self) -> str:
        return self.process.log.read_text() if self.process.log.exists() else ""

    def processor_s(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (kilobytes,) = re.findall(r"VmRSS:\s+(\d+) kB", status)
        return int(kilobytes) / 1024

    def listed(self) -> list[dict[str, object]]:
        """What `vipkeeper ls` says here."""
        arguments = (sys.executable, "-m", "vipkeeper", "ls", *self._place, "-o", "json")
        found: list[dict[str, object]] = json.loads(run_command(*self.host.namespace.inside(*arguments)))
        return found

    def _wait(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_S
        while not done():
            self.process.require_running()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.process.name}: waited {_START_S:g} s\n{self.process.log_end()}")
            time.sleep(_POLL_S)


@dataclass(frozen=True, slots=True)
class Pair:
    """`master` has the higher priority; none is started yet."""

    master: ManyRouters
    backup: ManyRouters
    adverts: Adverts

    def elect(self) -> None:
        """The one holds all, the other none."""
        self.master.start()
        self.master.wait_until_master()
        self.backup.start()

    def require_roles(self) -> None:
        """Raises AssertionError when anything moved."""
        assert self.master.vips <= addresses_of(self.master.host.namespace), self.master.process.log_end()
        assert not self.backup.vips & addresses_of(self.backup.host.namespace), self.backup.process.log_end()


@contextlib.contextmanager
def make_pair(directory: Path, *, count: int, interval_s: float) -> Iterator[Pair]:
    """Two hosts and a switch; nothing of them is left when the block ends."""
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(make_network(new_lab_name(), hosts=2, store_servers=0))
        master, backup = (
            ManyRouters(host, directory, count=count, interval_s=interval_s, priority=priority)
            for host, priority in zip(network.hosts, (200, 100), strict=True)
        )
        stack.callback(_stop, master, backup)
        yield Pair(master, backup, stack.enter_context(hear_adverts(network)))


def _stop(*agents: ManyRouters) -> None:
    with uninterrupted():
        for agent in agents:
            agent.process.stop(patience_s=15)


def _toml(count: int, interval_s: float, version: int) -> str:
    lines = ['backend = "vrrp"']
    for number in range(count):
        lines += [
            f"[vip.vip{number}]",
            f'addresses = ["{vip_ipv4(number)}"]',
            f'interface = "{LAN_INTERFACE}"',
            f"[vip.vip{number}.vrrp]",
            f"vrid = {number + 1}",
            f"version = {version}",
            f"advert_interval = {interval_s:g}",
        ]
    return "\n".join(lines) + "\n"
