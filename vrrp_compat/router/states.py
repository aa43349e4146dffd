"""The states of a virtual router, and what may follow what.

Rules of this file: everything that affects the states is here; a pair that is not in TRANSITIONS is a defect
of ours and raises, and the supervisor then stands the router down. docs/states.md is drawn from this table.
"""

from __future__ import annotations

import enum

from vipkeeper.model.errors import ProgrammingError


class State(enum.Enum):
    """RFC 9568 6.4, and Fault as keepalived's users know it."""

    INITIALIZE = "Initialize"  # not started, or stopped
    BACKUP = "Backup"
    MASTER = "Master"
    FAULT = "Fault"  # this host cannot serve


class Trigger(enum.Enum):
    """What moves a router."""

    STARTED = "started"
    STARTED_AS_MASTER = "started as address owner, or adopted"
    TOOK_OVER = "master silent, gone or preempted"
    BETTER_HEARD = "better router heard"
    LAPSED = "another serves since the hold lapsed"
    RELEASED = "released by an operator"
    STOOD_BACK = "sync group is not master"
    UNFIT = "cannot serve"
    FIT = "can serve"
    FIT_AS_OWNER = "can serve, as address owner"
    STOPPED = "stopped"


TRANSITIONS: dict[State, dict[Trigger, State]] = {
    State.INITIALIZE: {
        Trigger.STARTED: State.BACKUP,
        Trigger.STARTED_AS_MASTER: State.MASTER,
        Trigger.UNFIT: State.FAULT,
    },
    State.BACKUP: {
        Trigger.TOOK_OVER: State.MASTER,
        Trigger.UNFIT: State.FAULT,
        Trigger.STOPPED: State.INITIALIZE,
    },
    State.MASTER: {
        Trigger.BETTER_HEARD: State.BACKUP,
        Trigger.LAPSED: State.BACKUP,
        Trigger.RELEASED: State.BACKUP,
        Trigger.STOOD_BACK: State.BACKUP,
        Trigger.UNFIT: State.FAULT,
        Trigger.STOPPED: State.INITIALIZE,
    },
    State.FAULT: {
        Trigger.FIT: State.BACKUP,
        Trigger.FIT_AS_OWNER: State.MASTER,
        Trigger.STOPPED: State.INITIALIZE,
    },
}


def follow(name: str, state: State, trigger: Trigger) -> State:
    """The next state. Raises ProgrammingError for a pair that is not in the table."""
    following = TRANSITIONS[state].get(trigger)
    if following is None:
        raise ProgrammingError(f"{name}: {trigger.value} cannot happen while {state.value}")
    return following
