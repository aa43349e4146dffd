"""What the election asks for, and what it shows. The shells carry it out; nothing here does IO."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from backends.store import Transaction
from vipkeeper.model.reasons import Reason


class Role(enum.Enum):
    """A unit's role on this node, in an operator's words."""

    HOLDER = "holder"
    STANDBY = "standby"
    UNFIT = "unfit"


@dataclass(frozen=True, slots=True)
class Commit:
    """Send this transaction now; answer with CommitAnswered(id) once, within the attempt time."""

    id: int
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class Read:
    """Read this prefix; answer with SnapshotRead or ReadFailed."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, for the log: one line each."""

    unit: str
    role: Role
    reason: Reason
    detail: str = ""
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something an operator should know that changed no role."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class PinCluster:
    """Remember this cluster id in the run directory."""

    cluster_id: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is held any more (or all is kept on purpose): the agent may exit with this code."""

    exit_code: int
    reason: Reason
    detail: str = ""


Effect = Commit | Read | Decided | Noticed | PinCluster | Finished


@dataclass(frozen=True, slots=True)
class Holding:
    """A unit that the kernel should have.

    `deadline_s` is the fence's deadline on CLOCK_BOOTTIME; None: leave what stands there as it is, add
    nothing, extend nothing (a restart that has not been confirmed by the store yet).
    """

    deadline_s: float | None


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """Where a unit stands here, and why."""

    role: Role
    reason: Reason
    detail: str
    epoch: int
    owner: str | None
