"""What a virtual router hears: plain values, made by the shells around it.

All times are CLOCK_BOOTTIME. After a freeze the shell delivers every advertisement that waits in the socket
before TimePassed, so that a timer does not end over a message that was there in time.
"""

from __future__ import annotations

import msgspec

from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.wire.advertisement import Advertisement


class Started(msgspec.Struct, frozen=True):
    """Begin. `adopted_until_s`: our addresses stand in the kernel behind a fence with that deadline.

    `not_before_s`: what is not adopted is not taken before.
    """

    adopted_until_s: float | None = None
    not_before_s: float = float("-inf")


class AdvertHeard(msgspec.Struct, frozen=True):
    """An advertisement that passed every rule of reception. What did not never gets here."""

    advertisement: Advertisement
    source: bytes  # packed, of the same family as ours


class AdvertSent(msgspec.Struct, frozen=True):
    """The kernel took it, to every peer if there are several. `sent_at_s` was read before the first call."""

    advertisement: Advertisement
    sent_at_s: float


class SendFailed(msgspec.Struct, frozen=True):
    """It left for nobody, or not for all."""

    why: str


class TimePassed(msgspec.Struct, frozen=True):
    """`next_deadline()` was reached."""


class FitnessChanged(msgspec.Struct, frozen=True):
    """Whether this host could serve: None for yes, or the reason why not."""

    unfit: RouterReason | None
    detail: str = ""


class WeightChanged(msgspec.Struct, frozen=True):
    """The sum of all weights of tracked things. Added to the priority within 1-254; 255 stays."""

    weight: int


class Withdrawn(msgspec.Struct, frozen=True):
    """A reading of the kernel shows that none of our addresses is there.

    Queued at the moment of that reading and delivered in order with everything else.
    """


class ReleaseAsked(msgspec.Struct, frozen=True):
    """An operator wants another router to be master for now."""


class Grouped(msgspec.Struct, frozen=True):
    """From now on a sync group says when to take over, or no more."""

    grouped: bool


class TakeOver(msgspec.Struct, frozen=True):
    """The sync group is complete: be master now. Only to one that wants to."""


class HeldBack(msgspec.Struct, frozen=True):
    """It wants to be master, and these members of its sync group do not."""

    detail: str


class StandBack(msgspec.Struct, frozen=True):
    """Its sync group is not master here. `released`: do not preempt whoever is it now."""

    detail: str
    released: bool = False


class Reconfigured(msgspec.Struct, frozen=True):
    """A reload was accepted."""

    settings: RouterSettings


class StopRequested(msgspec.Struct, frozen=True):
    """Stop. `keep`: leave the addresses behind their fence for the next process; else withdraw and say so."""

    keep: bool = False


Event = (
    Started
    | AdvertHeard
    | AdvertSent
    | SendFailed
    | TimePassed
    | FitnessChanged
    | WeightChanged
    | Withdrawn
    | ReleaseAsked
    | Grouped
    | TakeOver
    | HeldBack
    | StandBack
    | Reconfigured
    | StopRequested
)
