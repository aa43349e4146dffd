"""One virtual router as an operator would describe it to any daemon, and what each kind of daemon offers.

Rules of this file: no daemon's own words; a daemon that cannot do what a description asks for says so when
its configuration is written.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from vipkeeper.lab.interruption import uninterrupted
from vipkeeper.lab.network import LAN_INTERFACE, Host

_POLL_S = 0.02


class VirtualRouter(msgspec.Struct, frozen=True):
    """What one host is told. Addresses are IPv4 or IPv6, never both: those are two virtual routers."""

    addresses: tuple[str, ...]
    vrid: int = 51
    version: Literal[2, 3] = 3
    priority: int = 100
    interval_ms: int = 100  # version 2: whole seconds
    auth: Literal["none", "pass", "ah"] = "none"  # version 2 over IPv4
    key: str = ""
    unicast_peers: tuple[str, ...] = ()
    vmac: bool = False
    preempt: bool = True
    preempt_delay_s: float = 0.0
    interface: str = LAN_INTERFACE

    @property
    def family(self) -> Literal[4, 6]:
        return 6 if ":" in self.addresses[0] else 4

    @property
    def mac(self) -> str:
        """The virtual MAC (RFC 9568 section 7.3)."""
        return f"00:00:5e:00:0{1 if self.family == 4 else 2}:{self.vrid:02x}"

    @property
    def interval_s(self) -> float:
        return self.interval_ms / 1000

    @property
    def skew_s(self) -> float:
        """How long a backup waits after the master has taken leave."""
        of_s = 1.0 if self.version == 2 else self.interval_s
        return (256 - self.priority) / 256 * of_s

    @property
    def master_down_s(self) -> float:
        """How long a backup waits after the last advertisement."""
        return 3 * self.interval_s + self.skew_s


class CannotBeTold(Exception):
    """The daemon has no words for what the description asks for."""


class Router(Protocol):
    """One daemon on one host, over all its restarts: same configuration, same log."""

    kind: str
    host: Host
    described: VirtualRouter

    def start(self) -> None: ...

    def stop(self) -> None:
        """SIGTERM, as its service unit would; returns when it has ended."""

    def kill(self) -> None:
        """SIGKILL to every process of it. What it left in the kernel stays there."""

    def freeze(self) -> None:
        """SIGSTOP to every process of it."""

    def thaw(self) -> None: ...

    def is_running(self) -> bool: ...

    def is_master(self) -> bool:
        """By its own word, or by the addresses it put in place; False when it does not run."""

    def holds(self, address: str) -> bool:
        """Whether its host has the address in a way that it would answer for it."""

    def clean_up(self) -> None:
        """End it, whatever its state, and remove what it left in the kernel."""

    def log_end(self) -> str: ...


def wait_for_master(routers: Sequence[Router], *, timeout_s: float = 20.0) -> Router:
    """The one that is master, as soon as there is exactly one. Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while True:
        masters = [router for router in routers if router.is_master()]
        if len(masters) == 1:
            return masters[0]
        if time.monotonic() > deadline:
            names = [router.host.name for router in masters]
            raise TimeoutError(f"masters after {timeout_s:g} s: {names or 'none'}\n{log_ends(routers)}")
        time.sleep(_POLL_S)


def wait_until_master(router: Router, *, timeout_s: float = 20.0) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not router.is_master():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{router.host.name} is no master after {timeout_s:g} s\n{log_ends([router])}")
        time.sleep(_POLL_S)


def log_ends(routers: Sequence[Router]) -> str:
    return "\n".join(f"--- {router.kind} on {router.host.name}\n{router.log_end()}" for router in routers)


@contextlib.contextmanager
def running(routers: Sequence[Router], *, start: int | None = None) -> Iterator[Sequence[Router]]:
    """Start all of them, or the first `start`; however the block ends, nothing of them is left."""
    try:
        for router in routers[:start]:
            router.start()
        yield routers
    finally:
        with uninterrupted():
            for router in routers:
                router.clean_up()
