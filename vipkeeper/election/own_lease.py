"""The lease of this node: one renewal covers every unit that it holds.

Rules of this file: a deadline counts from the moment before the request left; of all writes that may have
committed the earliest deadline counts; a reply that comes after the running deadline extends nothing.
"""

from __future__ import annotations

import msgspec

from vipkeeper.config.timing_rules import fence_deadline_s, owner_deadline_s
from vipkeeper.model.fences import FenceKind


class LeaseWrite(msgspec.Struct, frozen=True):
    """One attempt to write our lease record."""

    id: int
    sent_at_s: float
    ttl_s: float
    fence: FenceKind

    @property
    def deadline_s(self) -> float:
        """Until when we may serve by our own decision, if it commits."""
        return owner_deadline_s(self.sent_at_s, self.ttl_s, self.fence)

    @property
    def fence_deadline_s(self) -> float:
        """Until when the kernel may answer, if it commits."""
        return fence_deadline_s(self.sent_at_s, self.ttl_s)


class OwnLease(msgspec.Struct):
    """Which write gives us our deadline, and which later ones may have committed."""

    running: LeaseWrite | None = None
    uncertain: list[LeaseWrite] = msgspec.field(default_factory=list)

    def sending(self, write: LeaseWrite) -> None:
        """A write is about to leave. If it asks for less than we have, we have less from now on."""
        if self.running is not None:
            self.uncertain.append(write)

    def renewed(self, write: LeaseWrite, now_s: float) -> bool:
        """A renewal committed. It extends a lease that still runs; one that has lapsed needs a resume.

        Earlier uncertain writes compared the version that this one replaced: they are over.
        """
        if self.running is None:
            return False
        return self.granted(write, now_s)

    def granted(self, write: LeaseWrite, now_s: float) -> bool:
        """A claim or resume committed: it proved the VIP records too. True if the lease runs by it."""
        self.uncertain.clear()
        self.running = write if now_s < write.deadline_s else None
        return self.running is not None

    def refused(self, write: LeaseWrite) -> None:
        """A write is known not to have happened."""
        if write in self.uncertain:
            self.uncertain.remove(write)

    def lapse(self) -> None:
        """The deadline has passed."""
        self.running = None
        self.uncertain.clear()

    @property
    def deadline_s(self) -> float | None:
        """The running deadline, or None when no lease runs."""
        if self.running is None:
            return None
        return min(write.deadline_s for write in (self.running, *self.uncertain))

    @property
    def fence_deadline_s(self) -> float | None:
        """What the kernel's fence should have, or None when no lease runs."""
        if self.running is None:
            return None
        return min(write.fence_deadline_s for write in (self.running, *self.uncertain))
