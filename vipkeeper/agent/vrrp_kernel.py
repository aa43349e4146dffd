"""Brings the kernel in line with what the virtual routers hold, and knows what an earlier process held.

Rules of this file: what shrinks is told at once; a hold that only grows may wait a little, because the kernel
then ends it too soon and never late; what the next process may adopt is written after the kernel was told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from vipkeeper.agent.deadlines import NEVER_S
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.vrrp_holds import KeptHolds
from vipkeeper.agent.vrrp_router import RouterAtWork
from vipkeeper.election.effects import Holding
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.vips import Unit

# A hold that grew reaches the kernel within so much of an interval.
_GROWTH_WAITS = 0.25


class Silence(Protocol):
    """Addresses that this host does not take packets for, though it has them (`accept = false`)."""

    def set(self, addresses: Collection[str]) -> None:
        """These and no others. Raises KernelRefused."""
        ...


class RoutersInKernel:
    """All of one host. `host` is set before anything is asked of it; `routers` may change at any time."""

    host: HostShell

    def __init__(self, routers: Mapping[str, RouterAtWork], holds: KeptHolds, silence: Silence) -> None:
        self._routers = routers
        self._holds = holds
        self._silence = silence
        self._silent: frozenset[str] = frozenset()
        self.due_s = NEVER_S  # when the kernel has to know what changed
        self.must_leave = False  # the kernel may answer for something longer than its router wants

    def adoptable_until_s(self, name: str) -> float | None:
        """None unless it stands in the kernel; not later than an earlier process told the kernel."""
        until_s, kept_s = self.host.adoptable_until_s(name), self._holds.held_until_s(name)
        if until_s is None:
            return None
        # An address's own end is known to a second or two, and never before what was kept.
        return kept_s if self.host.fence() is FenceKind.LIFETIME else min(until_s, kept_s)

    def note(self, router: RouterAtWork, now_s: float) -> None:
        """The router was stepped."""
        hold_s, told_s = router.machine.hold_until_s, router.held_until_s
        if hold_s != told_s:
            grows = hold_s is not None and told_s is not None and hold_s > told_s
            self.must_leave |= told_s is not None and not grows
            patience_s = _GROWTH_WAITS * router.plan.router.interval_cs / 100 if grows else 0.0
            self.due_s = min(self.due_s, now_s + patience_s)

    def withdrawn(self, router: RouterAtWork) -> None:
        """A reading showed that its addresses are gone."""
        router.in_kernel = False
        if router.plan.silent:
            self.due_s = 0.0  # its rule goes after them

    def apply(self) -> None:
        """Tell it all."""
        self.due_s, self.must_leave = NEVER_S, False
        held: dict[str, float] = {}
        for name, router in self._routers.items():
            router.held_until_s = router.machine.hold_until_s
            if router.held_until_s is not None:
                held[name] = router.held_until_s
                router.in_kernel = True
        self._silence_before()
        self.host.want({name: Holding(until_s) for name, until_s in held.items()})
        self._silence_after()
        self._holds.keep(held)

    def reconfigure(self, units: Iterable[Unit]) -> None:
        """Other addresses, perhaps, for routers that go on."""
        self._silence_before()
        self.host.reconfigure(tuple(units))
        self._silence_after()

    def _silence_before(self) -> None:
        """An address is never there without its rule."""
        if wanted := self._silent | self._to_be_silent():
            self._silence.set(wanted)
            self._silent = wanted

    def _silence_after(self) -> None:
        self._silent = self._to_be_silent()
        self._silence.set(self._silent)

    def _to_be_silent(self) -> frozenset[str]:
        """Not while it is a backup: as a real server it may have the address on its loopback."""
        return frozenset(
            vip.address
            for router in self._routers.values()
            if router.plan.silent and router.in_kernel
            for vip in router.plan.unit.addresses
        )
