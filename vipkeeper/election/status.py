"""What a unit's phase is called by an operator, and why it is so.

Rules of this file: derived, never stored; every role has a reason from the closed list.
"""

from __future__ import annotations

from vipkeeper.election.effects import Role, UnitStatus
from vipkeeper.election.state import ElectionState
from vipkeeper.election.unit_phases import Phase, UnitState
from vipkeeper.model.reasons import Reason


def role_of(unit: UnitState) -> Role:
    """Holder only while the lease runs; whether a standby is unfit is for `status_of` to say."""
    return Role.HOLDER if unit.phase is Phase.HOLDING else Role.STANDBY


def status_of(state: ElectionState, unit: UnitState) -> UnitStatus:
    """Role, reason, epoch and owner of one unit on this node."""
    record = state.view.vip(unit.name)
    owner = record.owner if record is not None else None
    epoch = record.epoch if record is not None else 0
    if role_of(unit) is Role.HOLDER:
        return UnitStatus(Role.HOLDER, unit.held_because, "", epoch, owner)
    unfit = state.unfit_for(unit)
    if unfit is not None:
        return UnitStatus(Role.UNFIT, unfit[0], unfit[1], epoch, owner)
    reason, detail = _why_not_holding(state, unit)
    return UnitStatus(Role.STANDBY, reason, detail, epoch, owner)


def _why_not_holding(state: ElectionState, unit: UnitState) -> tuple[Reason, str]:
    if state.view.complete_since_s is None:
        return Reason.STARTING, "the store has not been read yet"
    if unit.phase in (Phase.CLAIMING, Phase.ADOPTING):
        return Reason.CLAIM_PENDING, ""
    if unit.phase in (Phase.LAPSED, Phase.RESUMING):
        return Reason.LEASE_LAPSED, ""
    if unit.phase in (Phase.WITHDRAWING, Phase.RELEASING):
        return unit.release_reason, ""
    return unit.waits_for, unit.waits_detail
