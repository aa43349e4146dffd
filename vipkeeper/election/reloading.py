"""What a reload does to the units of one node.

Rules of this file: nothing is dropped here; a unit that is configured no more, or has other addresses, leaves
by the same way as one that this node may not keep.
"""

from __future__ import annotations

from vipkeeper.election.settings import ElectionSettings
from vipkeeper.election.state import ElectionState
from vipkeeper.election.unit_phases import Phase, Trigger, UnitState
from vipkeeper.model.reasons import Reason


def take_settings(state: ElectionState, settings: ElectionSettings) -> None:
    """Go on with these."""
    wanted = {unit.name: unit for unit in settings.units}
    for name, known in state.units.items():
        unit = wanted.pop(name, None)
        known.configured = unit is not None
        if unit is None:
            continue
        moved = unit.addresses != known.unit.addresses
        known.unit = unit
        if moved and known.phase in (Phase.HOLDING, Phase.LAPSED):
            known.release_reason = Reason.ADDRESS_RENAMED
            known.move(Trigger.STAND_DOWN)
    for name, unit in wanted.items():
        state.units[name] = UnitState(unit)
    state.settings = settings
