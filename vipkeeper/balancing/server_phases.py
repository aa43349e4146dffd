"""Whether a real server is well, whether it is drained, and what may follow what.

Rules of this file: everything that affects these two is here; a pair that is not in its table is a defect of
ours and raises. docs/states.md is drawn from these tables. The two are apart because a server that is
drained is checked on: taken back, it serves only if it is well.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeVar

from vipkeeper.model.errors import ProgrammingError


class Health(enum.Enum):
    """What its checks say together."""

    WAITING = "waiting"  # out, and nothing was told: a check has to succeed first
    UP = "up"
    DOWN = "down"

    __hash__ = object.__hash__


class HealthTrigger(enum.Enum):
    """What moves a real server's health."""

    WELL = "no check counts as failed"
    FAILED = "a check failed"

    __hash__ = object.__hash__


class Drain(enum.Enum):
    """What an operator made of it."""

    SERVING = "serving"
    DRAINING = "draining"  # weight 0, and it stays in the table for the connections that it has
    DRAINED = "drained"  # out of the table

    __hash__ = object.__hash__


class DrainTrigger(enum.Enum):
    """What moves a drained real server."""

    DRAIN = "drained by an operator"
    EMPTY = "no connection is left"
    UNDRAIN = "taken back by an operator"

    __hash__ = object.__hash__


HEALTH: dict[Health, dict[HealthTrigger, Health]] = {
    Health.WAITING: {
        HealthTrigger.WELL: Health.UP,
        HealthTrigger.FAILED: Health.DOWN,
    },
    Health.UP: {
        HealthTrigger.FAILED: Health.DOWN,
    },
    Health.DOWN: {
        HealthTrigger.WELL: Health.UP,
    },
}

DRAIN: dict[Drain, dict[DrainTrigger, Drain]] = {
    Drain.SERVING: {
        DrainTrigger.DRAIN: Drain.DRAINING,
    },
    Drain.DRAINING: {
        DrainTrigger.EMPTY: Drain.DRAINED,
        DrainTrigger.UNDRAIN: Drain.SERVING,
    },
    Drain.DRAINED: {
        DrainTrigger.UNDRAIN: Drain.SERVING,
    },
}

_S = TypeVar("_S", bound=enum.Enum)
_T = TypeVar("_T", bound=enum.Enum)


def follow(name: str, table: Mapping[_S, Mapping[_T, _S]], state: _S, trigger: _T) -> _S:
    """The next state. Raises ProgrammingError for a pair that is not in the table."""
    following = table[state].get(trigger)
    if following is None:
        raise ProgrammingError(f"{name}: {trigger.value} cannot happen while {state.value}")
    return following
