"""What an election's decisions mean to those who are told of changes.

Rules of this file: it decides nothing and does no IO.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vipkeeper.agent.state_teller import Kernel, StateTeller
from vipkeeper.election.effects import Decided, Role
from vipkeeper.election.events import ConflictHeard
from vipkeeper.model.reasons import Reason
from vipkeeper.model.state_changes import StateChange, VipState
from vipkeeper.model.vips import Unit
from vipkeeper.model.weights import Weight

_STATES = {Role.HOLDER: VipState.MASTER, Role.STANDBY: VipState.BACKUP, Role.UNFIT: VipState.FAULT}
_PRIORITY = {VipState.MASTER: VipState.MASTER_PRIORITY, VipState.BACKUP: VipState.BACKUP_PRIORITY}
# Not known yet, or told by who ends the agent.
_UNTOLD = frozenset({Reason.STARTING, Reason.CHECK_PENDING, Reason.STOPPING})


class StoreChanges:
    """One election's."""

    def __init__(self, teller: StateTeller) -> None:
        self._teller = teller
        self._units: dict[str, int] = {}  # their priorities, without weights
        self._weights: dict[str, Weight] = {}
        self._priorities: dict[str, int] = {}  # with weights
        self._states: dict[str, StateChange] = {}

    def take_units(self, units: Iterable[Unit]) -> None:
        """These are the units now, with these priorities."""
        self._units = {unit.name: unit.priority for unit in units}
        self._follow_priorities()

    def take_weights(self, weights: Mapping[str, Weight]) -> None:
        """What tracked things add, for some of them anew."""
        self._weights |= weights
        self._follow_priorities()

    def _follow_priorities(self) -> None:
        before = self._priorities
        self._priorities = {
            name: self._weights.get(name, Weight()).added_to(priority)
            for name, priority in self._units.items()
        }
        for name, priority in self._priorities.items():
            last = self._states.get(name)
            if last is not None and last.state in _PRIORITY and before.get(name, priority) != priority:
                self._teller.remark(StateChange(name, _PRIORITY[last.state], priority, epoch=last.epoch))

    def decided(self, decided: Decided) -> None:
        """A line of the log; it is told once the kernel has it."""
        change = self._change(decided)
        if change is not None:
            self._states[change.unit] = change
            if change.state is VipState.DELETED:
                del self._states[change.unit]
            self._teller.decided(change)

    def conflict(self, heard: ConflictHeard) -> None:
        """Somebody else announces what this node holds, and a program may have to take something back."""
        last = self._states.get(heard.unit)
        if last is not None and last.state is VipState.MASTER:
            remark = VipState.MASTER_RX_LOWER_PRI
            detail = f"announced by {heard.detail}"
            told = StateChange(heard.unit, remark, last.priority, "conflict", detail, last.epoch)
            self._teller.remark(told)

    def settle(self, kernel: Kernel) -> None:
        """Tell what the kernel has by now."""
        self._teller.settle(kernel)

    def _change(self, decided: Decided) -> StateChange | None:
        """None: nothing to tell.

        A standby that has not read the store yet owns nothing, or the kernel would still have it.
        """
        state = _STATES[decided.role]
        if decided.role is Role.UNFIT:
            if decided.reason in _UNTOLD:
                return None
            if decided.reason is Reason.NOT_CONFIGURED:
                state = VipState.DELETED
        priority = self._priorities.get(decided.unit, 0)
        reason, detail = decided.reason.value, decided.detail
        return StateChange(decided.unit, state, priority, reason, detail, decided.epoch)
