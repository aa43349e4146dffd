"""What there is to say of virtual routers after a round: lines of the log, and changes for who listens.

Rules of this file: it says things in order, and last; it decides nothing.
"""

from __future__ import annotations

from collections import Counter

from vipkeeper.agent.state_teller import Kernel, StateTeller
from vipkeeper.agent.vrrp_router import RouterAtWork
from vipkeeper.model.state_changes import StateChange, VipState
from vrrp_compat.router.effects import Decided, Effect, LowerHeard, Noticed, PriorityChanged
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State

_STATES = {State.MASTER: VipState.MASTER, State.BACKUP: VipState.BACKUP, State.FAULT: VipState.FAULT}
_PRIORITY = {State.MASTER: VipState.MASTER_PRIORITY, State.BACKUP: VipState.BACKUP_PRIORITY}
_NOT_KNOWN_YET = frozenset({RouterReason.STARTING, RouterReason.CHECK_PENDING})


class RouterNews:
    """Of all routers of one host."""

    def __init__(self, teller: StateTeller) -> None:
        self._teller = teller
        self._untold: list[tuple[RouterAtWork, Decided | Noticed]] = []  # lines for the log
        self.decisions: Counter[tuple[State, RouterReason]] = Counter()  # for metrics

    def note(self, router: RouterAtWork, effect: Effect) -> None:
        """Most effects are no news."""
        name, priority = router.name, router.machine.priority
        match effect:
            case Decided(state, reason, detail):
                self.decisions[state, reason] += 1
                self._untold.append((router, effect))
                if (told := _state(state, reason)) is not None:
                    self._teller.decided(StateChange(name, told, priority, reason.value, detail))
            case Noticed():
                self._untold.append((router, effect))
            case LowerHeard(detail):
                heard, why = VipState.MASTER_RX_LOWER_PRI, RouterReason.LOWER_PRIORITY_HEARD.value
                self._teller.remark(StateChange(name, heard, priority, why, detail))
            case PriorityChanged() if (state := router.machine.state) in _PRIORITY:
                self._teller.remark(StateChange(name, _PRIORITY[state], priority))

    def deleted(self, router: RouterAtWork) -> None:
        """A reload took it out of the configuration, and it has ended."""
        priority = router.machine.priority
        self._teller.decided(StateChange(router.name, VipState.DELETED, priority, "not-configured"))

    def tell(self, kernel: Kernel | None) -> None:
        """The log comes last: until a line is written, nobody may be served."""
        untold, self._untold = self._untold, []
        for router, effect in untold:
            router.tell(effect)
        if kernel is not None:
            self._teller.settle(kernel)


def _state(state: State, reason: RouterReason) -> VipState | None:
    """None: nothing to tell; it has not begun, or ends."""
    if reason in _NOT_KNOWN_YET:
        return None
    if state is State.MASTER and reason is RouterReason.LEASE_LAPSED:
        return VipState.FAULT  # it cannot speak, and answers for nothing
    return _STATES.get(state)
