"""What this host says of the units that it could serve.

Rules of this file: it is noted here; what follows from it is decided by `record_rules.py`.
"""

from __future__ import annotations

from vipkeeper.election.events import FitnessChanged, WeightChanged
from vipkeeper.election.state import ElectionState


def take_host_news(state: ElectionState, event: FitnessChanged | WeightChanged) -> None:
    """Note it for the units that there are."""
    match event:
        case FitnessChanged(names, unfit, detail):
            for name in names & state.units.keys():
                state.units[name].unfit, state.units[name].unfit_detail = unfit, detail
        case WeightChanged(weights):
            for name in weights.keys() & state.units.keys():
                state.units[name].weight = weights[name]
