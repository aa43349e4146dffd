"""What the announcer of a store's owner hears beside the events of every router: plain values."""

from __future__ import annotations

import msgspec

from vrrp_compat.router.events import (
    AdvertHeard,
    AdvertSent,
    FitnessChanged,
    Reconfigured,
    SendFailed,
    TimePassed,
)


class LeaseGiven(msgspec.Struct, frozen=True):
    """The store lets this node serve until then (CLOCK_BOOTTIME); each renewal says it anew."""

    until_s: float


class LeaseOver(msgspec.Struct, frozen=True):
    """This node does not serve any more: given up, handed over, lapsed, or kept for the next process."""


class LeftToNobody(msgspec.Struct, frozen=True):
    """The store has it released without a successor, and the kernel is clean."""


AnnouncerEvent = (
    LeaseGiven
    | LeaseOver
    | LeftToNobody
    | AdvertHeard
    | AdvertSent
    | SendFailed
    | TimePassed
    | FitnessChanged
    | Reconfigured
)
