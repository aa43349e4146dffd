"""The lease of this node: one renewal covers every unit that it holds.

Rules of this file: a deadline counts from the moment before the request left; of all writes that may have
committed the earliest deadline counts; a reply that comes after the running deadline extends nothing; a
promise extends what a write gives only if everybody who could claim against that write gave it.
"""

from __future__ import annotations

import functools

import msgspec

from vipkeeper.config.timing_rules import fence_deadline_s, owner_deadline_s
from vipkeeper.model.fences import FenceKind

# Nodes, each with the incarnation that may claim.
Electors = frozenset[tuple[str, str]]


class Ends(msgspec.Struct, frozen=True, order=True):
    """Until when we may serve by our own decision, and until when the kernel may answer."""

    deadline_s: float
    fence_deadline_s: float


def _ends(start_s: float, interval_s: float, fence: FenceKind) -> Ends:
    """For an interval that others count in full from a later moment on."""
    return Ends(owner_deadline_s(start_s, interval_s, fence), fence_deadline_s(start_s, interval_s))


class LeaseWrite(msgspec.Struct, frozen=True, dict=True):
    """One attempt to write our lease record."""

    id: int
    sent_at_s: float
    ttl_s: float
    fence: FenceKind
    electorate: Electors = frozenset()
    outsiders_s: float = 0.0  # 0: everybody may claim after ttl_s

    @functools.cached_property  # asked for at each step
    def ends(self) -> Ends:
        """If it commits."""
        return _ends(self.sent_at_s, self.ttl_s, self.fence)

    @functools.cached_property
    def outsiders_end(self) -> Ends:
        """The same towards nodes that are not in its electorate: no promise reaches further."""
        return _ends(self.sent_at_s, self.outsiders_s, self.fence)

    @property
    def terms(self) -> tuple[object, ...]:
        """All of it but when it was sent."""
        return (self.ttl_s, self.fence, self.electorate, self.outsiders_s)


class Hold(msgspec.Struct, dict=True):
    """One question to everybody, and who has promised so far."""

    nonce: str
    asked_at_s: float
    for_s: float
    fence: FenceKind
    hold_ms: int
    names: frozenset[str]  # the VIPs that it is about
    units: str  # their digest
    asked: frozenset[str]
    promised_by: set[tuple[str, str]] = msgspec.field(default_factory=set)

    @functools.cached_property
    def ends(self) -> Ends:
        """If everybody who could claim promises."""
        return _ends(self.asked_at_s, self.for_s, self.fence)


class OwnLease(msgspec.Struct):
    """Which write gives us our deadline, which later ones may have committed, and what was promised."""

    running: LeaseWrite | None = None
    uncertain: list[LeaseWrite] = msgspec.field(default_factory=list)
    holds: list[Hold] = msgspec.field(default_factory=list)

    def sending(self, write: LeaseWrite) -> None:
        """A write is about to leave. If it asks for less than we have, we have less from now on.

        An earlier one with the same terms stands for it: an outage of an hour makes thousands.
        """
        if self.running is not None and all(other.terms != write.terms for other in self.uncertain):
            self.uncertain.append(write)

    def renewed(self, write: LeaseWrite, now_s: float) -> bool:
        """A renewal committed. It extends a lease that still runs; one that has lapsed needs a resume.

        Earlier uncertain writes compared the version that this one replaced: they are over.
        """
        if self.running is None:
            return False
        return self.granted(write, now_s)

    def granted(self, write: LeaseWrite, now_s: float, gained: frozenset[str] = frozenset()) -> bool:
        """A claim or resume committed: it proved the VIP records too. True if the lease runs by it.

        Promises carry it too if they speak of everything that it gained.
        """
        self.uncertain.clear()
        self.holds = [hold for hold in self.holds if gained <= hold.names]
        if now_s < self._ends_of(write).deadline_s:
            self.running = write
        else:
            self.lapse()
        return self.running is not None

    def refused(self, write: LeaseWrite) -> None:
        """A write is known not to have happened."""
        if write in self.uncertain:
            self.uncertain.remove(write)

    def lapse(self) -> None:
        """The deadline has passed."""
        self.running = None
        self.uncertain.clear()
        self.holds.clear()

    def asking(self, hold: Hold, now_s: float) -> None:
        """A question is about to leave. Those that can give nothing any more are forgotten."""
        self.holds = [each for each in self.holds if each.ends.deadline_s > now_s]
        self.holds.append(hold)

    @property
    def writes(self) -> tuple[LeaseWrite, ...]:
        """Those of which one is the present version in the store."""
        return () if self.running is None else (self.running, *self.uncertain)

    @property
    def electorate(self) -> Electors:
        """Everybody who may be in the electorate of the present version."""
        return frozenset().union(*(write.electorate for write in self.writes))

    @property
    def deadline_s(self) -> float | None:
        """The running deadline, or None when no lease runs."""
        return min([self._ends_of(write).deadline_s for write in self.writes], default=None)

    @property
    def fence_deadline_s(self) -> float | None:
        """What the kernel's fence should have, or None when no lease runs."""
        return min([self._ends_of(write).fence_deadline_s for write in self.writes], default=None)

    def promised_by(self, now_s: float) -> Electors | None:
        """Whose promises we serve by, when the store alone would not let us; None when it does."""
        if not self.writes or now_s < min(write.ends.deadline_s for write in self.writes):
            return None
        return self.electorate

    def _ends_of(self, write: LeaseWrite) -> Ends:
        """What a write gives, or what promises make of it."""
        if not self.holds or not write.outsiders_s:
            return write.ends
        return max(write.ends, *(_carried(write, hold) for hold in self.holds))


def _carried(write: LeaseWrite, hold: Hold) -> Ends:
    """What one question's promises give against those who could claim if `write` is the present version."""
    if not write.electorate <= hold.promised_by or hold.for_s > write.ttl_s:
        return write.ends
    mine, outer = hold.ends, write.outsiders_end
    return Ends(min(mine.deadline_s, outer.deadline_s), min(mine.fence_deadline_s, outer.fence_deadline_s))
