"""What a virtual router's effects mean to those who are told of changes.

Rules of this file: values in, values out.
"""

from __future__ import annotations

from vipkeeper.agent.state_teller import StateTeller
from vipkeeper.agent.vrrp_router import RouterAtWork
from vipkeeper.model.state_changes import StateChange, VipState
from vrrp_compat.router.effects import Decided, Effect, LowerHeard, PriorityChanged
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State

_STATES = {State.MASTER: VipState.MASTER, State.BACKUP: VipState.BACKUP, State.FAULT: VipState.FAULT}
_PRIORITY = {State.MASTER: VipState.MASTER_PRIORITY, State.BACKUP: VipState.BACKUP_PRIORITY}


def note_effect(teller: StateTeller, router: RouterAtWork, effect: Effect) -> None:
    """Most effects mean nothing."""
    priority = router.machine.priority
    match effect:
        case Decided(state, reason, detail) if (told := _state(state, reason)) is not None:
            teller.decided(StateChange(router.name, told, priority, reason.value, detail))
        case LowerHeard(detail):
            reason = RouterReason.LOWER_PRIORITY_HEARD
            heard = VipState.MASTER_RX_LOWER_PRI
            teller.remark(StateChange(router.name, heard, priority, reason.value, detail))
        case PriorityChanged() if router.machine.state in _PRIORITY:
            teller.remark(StateChange(router.name, _PRIORITY[router.machine.state], priority))


def note_deleted(teller: StateTeller, router: RouterAtWork) -> None:
    """A reload took it out of the configuration, and it has ended."""
    teller.decided(StateChange(router.name, VipState.DELETED, router.machine.priority, "not-configured"))


def _state(state: State, reason: RouterReason) -> VipState | None:
    """None: nothing to tell; it has not begun, or ends."""
    if reason in (RouterReason.STARTING, RouterReason.CHECK_PENDING):
        return None
    if state is State.MASTER and reason is RouterReason.LEASE_LAPSED:
        return VipState.FAULT  # it cannot speak, and answers for nothing
    return _STATES.get(state)
