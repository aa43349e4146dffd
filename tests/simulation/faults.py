"""What can go wrong, as data: a fault, and when it happens.

Rules of this file: plain values; times in seconds of true time; a fault names its host by number, and None
means the host whose transaction set it off.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class CommitKind(enum.Enum):
    """What a transaction is about, as an onlooker reads it from its writes."""

    RENEWAL = "renewal"
    CLAIM = "claim"
    RELEASE = "release"
    OTHER = "other"


class Phase(enum.Enum):
    """A moment in the life of a transaction."""

    SENT = "sent"  # it leaves the agent
    STORED = "stored"  # the store has just carried it out
    ANSWERED = "answered"  # the reply has just reached the host


@dataclass(frozen=True, slots=True)
class At:
    """At a time."""

    time_s: float


@dataclass(frozen=True, slots=True)
class OnCommit:
    """At the first transaction of a kind after a time, in one moment of its life; `host` None: anyone's."""

    after_s: float
    kind: CommitKind
    phase: Phase
    host: int | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    """SIGSTOP, and SIGCONT after a time. `in_step`: between a decision and the kernel's hearing of it."""

    host: int | None
    for_s: float
    in_step: bool = False


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL, and a start in the same run directory after a time."""

    host: int | None
    restart_after_s: float


@dataclass(frozen=True, slots=True)
class Reboot:
    """The host loses its kernel's memory, and its clock begins again."""

    host: int | None
    down_s: float
    keeps_run_directory: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """An operator stops the agent and starts it later."""

    host: int | None
    keep: bool
    restart_after_s: float


@dataclass(frozen=True, slots=True)
class Cut:
    """No message passes between a host and the store."""

    host: int | None
    for_s: float


@dataclass(frozen=True, slots=True)
class StoreDown:
    """The store answers nobody."""

    for_s: float


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """The transaction that set this off reaches the store so much later."""

    for_s: float


@dataclass(frozen=True, slots=True)
class HoldReply:
    """The reply to the transaction that set this off reaches the host so much later."""

    for_s: float


@dataclass(frozen=True, slots=True)
class LoseRequest:
    """The transaction that set this off never reaches the store."""


@dataclass(frozen=True, slots=True)
class LoseReply:
    """The reply to the transaction that set this off never arrives."""


@dataclass(frozen=True, slots=True)
class BreakWatch:
    """A watch delivers nothing more, and the agent hears so after a time."""

    host: int | None
    noticed_after_s: float


@dataclass(frozen=True, slots=True)
class StallWatch:
    """A watch delivers late, for a time."""

    host: int | None
    for_s: float


@dataclass(frozen=True, slots=True)
class Unfit:
    """A host cannot serve one of its units for a time; `unit` is an index."""

    host: int | None
    unit: int
    for_s: float


class Shape(enum.Enum):
    """How a host names and groups the addresses of its units."""

    PLANNED = "planned"
    RENAMED = "renamed"  # the first unit, or the first two as one, under another name
    WIDENED = "widened"  # the first unit has the second one's addresses too


@dataclass(frozen=True, slots=True)
class Reload:
    """An operator changes settings; what is None stays. The shape of the units is as planned, or as named."""

    host: int | None
    ttl_s: float | None = None
    priority: int | None = None
    preempt: bool | None = None
    dropped: int | None = None  # index of a unit that is configured no more, until the next reload
    shape: Shape = Shape.PLANNED


@dataclass(frozen=True, slots=True)
class SlowRemoval:
    """For a time a host's kernel leaves addresses standing that the agent asked it to remove."""

    host: int | None
    for_s: float


@dataclass(frozen=True, slots=True)
class Hear:
    """A foreign announcement for a unit is heard."""

    host: int | None
    unit: int


@dataclass(frozen=True, slots=True)
class DeleteRecord:
    """An operator deletes the record of a unit, or of its first address; `unit` is an index."""

    unit: int
    of_address: bool = False


@dataclass(frozen=True, slots=True)
class Wipe:
    """An operator deletes everything."""


@dataclass(frozen=True, slots=True)
class Restore:
    """An operator stops the store, and starts it with a backup of so many seconds ago, or the oldest.

    The last writes had reached every watch, every agent runs and hears of the break, and none starts soon
    after: an agent can only notice that the store went back when it had heard of something newer.
    """

    age_s: float
    down_s: float


@dataclass(frozen=True, slots=True)
class Compact:
    """The store forgets its history."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No datagram passes between a host and the others."""

    host: int | None
    for_s: float


@dataclass(frozen=True, slots=True)
class SlowDatagrams:
    """For a time, what a host sends to the others arrives late."""

    host: int | None
    for_s: float
    by_s: float


# By what they strike: a host, the transaction that set them off, the store.
OfProcess = Freeze | Kill | Reboot | Stop | Unfit | Reload | SlowRemoval | Hear
OfWay = Cut | BreakWatch | StallWatch | Silence | SlowDatagrams
OfHost = OfProcess | OfWay
OfMessage = HoldRequest | HoldReply | LoseRequest | LoseReply
OfStore = StoreDown | DeleteRecord | Wipe | Restore | Compact
Action = OfHost | OfMessage | OfStore


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    when: At | OnCommit
    what: Action
