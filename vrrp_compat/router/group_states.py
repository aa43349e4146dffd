"""The states of a sync group on one host, and what may follow what.

Rules of this file: everything that affects the states is here; a pair that is not in TRANSITIONS is a defect
of ours and raises, and the supervisor then stands its routers down. docs/states.md is drawn from this table.
"""

from __future__ import annotations

import enum

from vipkeeper.model.errors import ProgrammingError


class GroupState(enum.Enum):
    """What its members are together. A member that starts late is listened for in BACKUP."""

    BACKUP = "Backup"  # not every member is master
    MASTER = "Master"  # every member is
    FAULT = "Fault"  # one cannot serve, so none does


class GroupTrigger(enum.Enum):
    """What moves a group."""

    COMPLETE = "every member is master, or wants to be"
    BETTER_HEARD = "a member hears a better master"
    RELEASED = "released by an operator"
    MUTE = "a member's advertisements do not leave"
    UNFIT = "a member cannot serve"
    FIT = "every member can serve"


TRANSITIONS: dict[GroupState, dict[GroupTrigger, GroupState]] = {
    GroupState.BACKUP: {
        GroupTrigger.COMPLETE: GroupState.MASTER,
        GroupTrigger.UNFIT: GroupState.FAULT,
    },
    GroupState.MASTER: {
        GroupTrigger.BETTER_HEARD: GroupState.BACKUP,
        GroupTrigger.RELEASED: GroupState.BACKUP,
        GroupTrigger.MUTE: GroupState.BACKUP,
        GroupTrigger.UNFIT: GroupState.FAULT,
    },
    GroupState.FAULT: {
        GroupTrigger.FIT: GroupState.BACKUP,
    },
}


def follow(name: str, state: GroupState, trigger: GroupTrigger) -> GroupState:
    """The next state. Raises ProgrammingError for a pair that is not in the table."""
    following = TRANSITIONS[state].get(trigger)
    if following is None:
        raise ProgrammingError(f"sync group {name}: {trigger.value} cannot happen while {state.value}")
    return following
