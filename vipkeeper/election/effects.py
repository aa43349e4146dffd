"""What the election asks for, and what it shows. The shells carry it out; nothing here does IO."""

from __future__ import annotations

import enum

import msgspec

from backends.store import Transaction
from vipkeeper.model.messages import GivenPromise, Message
from vipkeeper.model.reasons import Reason


class Role(enum.Enum):
    """A unit's role on this node, in an operator's words."""

    HOLDER = "holder"
    STANDBY = "standby"
    UNFIT = "unfit"


class Commit(msgspec.Struct, frozen=True):
    """Send this transaction now; answer with CommitAnswered(id) once, within the attempt time."""

    id: int
    transaction: Transaction


class Read(msgspec.Struct, frozen=True):
    """Read this prefix; answer with SnapshotRead or ReadFailed."""

    prefix: str


class Decided(msgspec.Struct, frozen=True):
    """A decision, for the log: one line each."""

    unit: str
    role: Role
    reason: Reason
    detail: str = ""
    epoch: int = 0


class Released(msgspec.Struct, frozen=True):
    """The store has confirmed that this node gave a unit up. `successor`: who was named, if anybody."""

    unit: str
    successor: str | None


class Noticed(msgspec.Struct, frozen=True):
    """Something an operator should know that changed no role."""

    reason: Reason
    detail: str


class PinCluster(msgspec.Struct, frozen=True):
    """Remember this cluster id in the run directory."""

    cluster_id: str


class Tell(msgspec.Struct, frozen=True):
    """Send this to another node directly; nobody waits for it."""

    address: str  # ADDRESS:PORT
    message: Message


class KeepPromises(msgspec.Struct, frozen=True):
    """Write these to the run directory, in place of those there; only then send the promise.

    If they cannot be written, the promise is not sent.
    """

    promises: tuple[GivenPromise, ...]
    then: Tell


class Finished(msgspec.Struct, frozen=True):
    """Nothing is held any more (or all is kept on purpose): the agent may exit with this code."""

    exit_code: int
    reason: Reason
    detail: str = ""


Effect = Commit | Read | Decided | Released | Noticed | PinCluster | Tell | KeepPromises | Finished


class Holding(msgspec.Struct, frozen=True):
    """A unit that the kernel should have.

    `deadline_s` is the fence's deadline on CLOCK_BOOTTIME; None: leave what stands there as it is, add
    nothing, extend nothing (a restart that has not been confirmed by the store yet).
    """

    deadline_s: float | None


class UnitStatus(msgspec.Struct, frozen=True):
    """Where a unit stands here, and why."""

    role: Role
    reason: Reason
    detail: str
    epoch: int
    owner: str | None
