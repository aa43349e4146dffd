"""What the election hears: plain values, made by the shells around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from backends.store import Changed, Committed, Conflict, Snapshot, Unknown
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.model.messages import Message
from vipkeeper.model.reasons import Reason
from vipkeeper.model.weights import Weight


class Now(NamedTuple):
    """One reading of the clocks. Decisions use `boot_s` alone; `wall` is written for people."""

    boot_s: float  # CLOCK_BOOTTIME
    wall: str = ""  # RFC 3339, UTC


class TimePassed(msgspec.Struct, frozen=True):
    """`next_deadline()` was reached."""


class SnapshotRead(msgspec.Struct, frozen=True):
    """A read succeeded. Its prefix may be the whole cluster or one key.

    `floor` is `Election.revision` at the moment the read was sent: a linearizable store that answers with
    a lower revision was restored from a backup. (A reply may also be overtaken by the watch; that is not
    a step back.)
    """

    snapshot: Snapshot
    floor: int = 0


class ReadFailed(msgspec.Struct, frozen=True):
    """A read that the election asked for is Unknown; it will want to ask again."""

    prefix: str


class RecordsChanged(msgspec.Struct, frozen=True):
    """The watch delivered changes."""

    changed: Changed


class FeedLost(msgspec.Struct, frozen=True):
    """The watch can no longer promise to be live. The shell reads the whole prefix again by itself."""

    why: str


class CommitAnswered(msgspec.Struct, frozen=True):
    """The one answer to the Commit effect with this id."""

    id: int
    outcome: Committed | Conflict | Unknown


class KernelAdoptable(msgspec.Struct, frozen=True):
    """At start: addresses of these units stand in the kernel behind a deadline that still runs."""

    units: frozenset[str]


class Withdrawn(msgspec.Struct, frozen=True):
    """A reading of the kernel shows that no address of these units is there.

    Queued at the moment of that reading and delivered in order with everything else: what was queued
    before it was caused before it, so it can never speak of a later stay of the unit in the kernel.
    """

    units: frozenset[str]


class FitnessChanged(msgspec.Struct, frozen=True):
    """Whether this host could serve these units: None for yes, or the reason why not.

    One event for all that change together: a link that goes down may carry a thousand.
    """

    units: frozenset[str]
    unfit: Reason | None
    detail: str = ""


class WeightChanged(msgspec.Struct, frozen=True):
    """What tracked things add to this node's priority for these units, from now on."""

    weights: Mapping[str, Weight]


class ConflictHeard(msgspec.Struct, frozen=True):
    """Somebody else announces an address of this unit on the segment: look at the record again."""

    unit: str
    detail: str  # the foreign link-layer address, for people


class MessageHeard(msgspec.Struct, frozen=True):
    """Another node spoke to this one directly, and proved with a shared key that it is of the cluster."""

    message: Message
    address: str  # ADDRESS:PORT that an answer goes to


class Reconfigured(msgspec.Struct, frozen=True):
    """A reload was accepted."""

    settings: ElectionSettings


class StopRequested(msgspec.Struct, frozen=True):
    """Stop. `keep`: leave addresses and records for the next agent; else withdraw, release, then end."""

    keep: bool


Event = (
    TimePassed
    | SnapshotRead
    | ReadFailed
    | RecordsChanged
    | FeedLost
    | CommitAnswered
    | KernelAdoptable
    | Withdrawn
    | FitnessChanged
    | WeightChanged
    | ConflictHeard
    | MessageHeard
    | Reconfigured
    | StopRequested
)
