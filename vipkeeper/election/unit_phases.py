"""The phases of one unit on this node, and what may follow what.

Rules of this file: everything that affects the phases is here; a pair that is not in TRANSITIONS is a defect
of ours and raises, and the supervisor then stands the unit down. docs/states.md is drawn from this table.
"""

from __future__ import annotations

import enum

import msgspec

from vipkeeper.model.errors import ProgrammingError
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import Unit
from vipkeeper.model.weights import Weight


class Phase(enum.Enum):
    """Where a unit is between "not ours" and "ours and answering"."""

    ADOPTING = "adopting"  # found in the kernel at start behind a running fence; the store is not read yet
    STANDBY = "standby"  # no record names us
    CLAIMING = "claiming"  # our claim is on its way
    HOLDING = "holding"  # committed, deadline running: the only phase that extends the fence
    LAPSED = "lapsed"  # a record names us, but no commit of ours proves that we may serve
    RESUMING = "resuming"  # our confirmation of a record that names us is on its way
    WITHDRAWING = "withdrawing"  # the kernel is asked to remove it; not yet confirmed
    RELEASING = "releasing"  # gone from the kernel; the release is on its way or to be repeated

    __hash__ = object.__hash__  # looked up at every step; that of Enum is written in Python


class Trigger(enum.Enum):
    """What moves a unit."""

    CLAIM_SENT = "claim sent"
    RESUME_SENT = "resume sent"
    COMMITTED = "committed in time"
    COMMITTED_LATE = "committed, answer too late or unwanted"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    RECORD_OURS = "record names us"
    RECORD_LOST = "record names us no more"
    DEADLINE_PASSED = "deadline passed"
    STAND_DOWN = "stand down"
    WITHDRAWN = "withdrawn from the kernel"

    __hash__ = object.__hash__


TRANSITIONS: dict[Phase, dict[Trigger, Phase]] = {
    Phase.ADOPTING: {
        Trigger.RECORD_OURS: Phase.LAPSED,
        Trigger.RECORD_LOST: Phase.STANDBY,
        Trigger.STAND_DOWN: Phase.STANDBY,
    },
    Phase.STANDBY: {
        Trigger.CLAIM_SENT: Phase.CLAIMING,
        Trigger.RECORD_OURS: Phase.LAPSED,
    },
    Phase.CLAIMING: {
        Trigger.COMMITTED: Phase.HOLDING,
        Trigger.COMMITTED_LATE: Phase.LAPSED,
        Trigger.REFUSED: Phase.STANDBY,
        # It may still commit later. Then the record will name us, and only a resume lets us serve.
        Trigger.UNANSWERED: Phase.STANDBY,
    },
    Phase.HOLDING: {
        Trigger.DEADLINE_PASSED: Phase.LAPSED,
        Trigger.STAND_DOWN: Phase.WITHDRAWING,
        Trigger.RECORD_LOST: Phase.STANDBY,
    },
    Phase.LAPSED: {
        Trigger.RESUME_SENT: Phase.RESUMING,
        Trigger.STAND_DOWN: Phase.WITHDRAWING,
        Trigger.RECORD_LOST: Phase.STANDBY,
    },
    Phase.RESUMING: {
        Trigger.COMMITTED: Phase.HOLDING,
        Trigger.COMMITTED_LATE: Phase.LAPSED,
        Trigger.REFUSED: Phase.LAPSED,
        Trigger.UNANSWERED: Phase.LAPSED,
    },
    Phase.WITHDRAWING: {
        Trigger.WITHDRAWN: Phase.RELEASING,
        Trigger.RECORD_LOST: Phase.STANDBY,
    },
    # A release is final: only a record that still names us after a new reading starts again, by a resume.
    Phase.RELEASING: {
        Trigger.COMMITTED: Phase.STANDBY,
        Trigger.REFUSED: Phase.RELEASING,
        Trigger.UNANSWERED: Phase.RELEASING,
        Trigger.RECORD_LOST: Phase.STANDBY,
    },
}


_ADOPTION_ENDS = frozenset({Phase.HOLDING, Phase.STANDBY, Phase.WITHDRAWING})


class UnitState(msgspec.Struct):
    """One unit as this node sees it."""

    unit: Unit
    configured: bool = True
    phase: Phase = Phase.STANDBY
    in_kernel: bool = False  # asked of the kernel, and its absence not confirmed since
    adopted: bool = False  # stands in the kernel since an earlier process; left as it is until confirmed
    unfit: Reason | None = Reason.STARTING
    unfit_detail: str = ""
    weight: Weight = Weight()
    release_reason: Reason = Reason.NODE_UNFIT
    held_because: Reason = Reason.RESUMED
    waits_for: Reason = Reason.STARTING
    waits_detail: str = ""
    blocked: Reason | None = None  # why only somebody else can make this node a candidate
    better_since_s: dict[str, float] = msgspec.field(default_factory=dict)  # preempt: candidate -> since when

    @property
    def name(self) -> str:
        return self.unit.name

    @property
    def priority(self) -> int:
        """The effective one."""
        return self.weight.added_to(self.unit.priority)

    def move(self, trigger: Trigger) -> None:
        """Follow the table. Raises ProgrammingError for a pair that is not in it."""
        following = TRANSITIONS[self.phase].get(trigger)
        if following is None:
            raise ProgrammingError(f"{self.name}: {trigger.value} cannot happen while {self.phase.value}")
        self.phase = following
        if following in _ADOPTION_ENDS:
            self.adopted = False
