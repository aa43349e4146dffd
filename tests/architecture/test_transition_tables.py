"""The election's table can be left and reached everywhere, is enforced, and is what the docs draw."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from vipkeeper.election.unit_phases import TRANSITIONS, Phase, Trigger, UnitState
from vipkeeper.model.errors import ProgrammingError
from vipkeeper.model.vips import Unit

ROOT = Path(__file__).resolve().parents[2]
DRAWINGS = ROOT / "docs" / "drawings.py"
STATES = ROOT / "docs" / "states.md"

STARTS = (Phase.ADOPTING, Phase.STANDBY)


def stranded(table: Mapping[Phase, Mapping[Trigger, Phase]]) -> list[str]:
    """Phases that nothing leads to, or from which STANDBY cannot be reached any more."""
    found = [f"nothing leads to {phase.value}" for phase in Phase if phase not in _reach(table, STARTS)]
    found += [f"{phase.value} is a trap" for phase in Phase if Phase.STANDBY not in _reach(table, (phase,))]
    return found


def _reach(table: Mapping[Phase, Mapping[Trigger, Phase]], starts: tuple[Phase, ...]) -> set[Phase]:
    reached = set(starts)
    waiting = list(starts)
    while waiting:
        for following in table.get(waiting.pop(), {}).values():
            if following not in reached:
                reached.add(following)
                waiting.append(following)
    return reached


def test_every_phase_can_be_reached_and_left() -> None:
    assert stranded(TRANSITIONS) == []


def test_a_trap_and_an_orphan_are_reported() -> None:
    table = {phase: dict(row) for phase, row in TRANSITIONS.items()}
    table[Phase.RELEASING] = {Trigger.REFUSED: Phase.RELEASING}
    table[Phase.STANDBY].pop(Trigger.CLAIM_SENT)
    reports = stranded(table)
    assert "releasing is a trap" in reports
    assert "nothing leads to claiming" in reports


@pytest.mark.parametrize(("phase", "trigger"), list(itertools.product(Phase, Trigger)))
def test_the_table_is_enforced(phase: Phase, trigger: Trigger) -> None:
    state = UnitState(Unit("web", (), priority=100), phase=phase)
    following = TRANSITIONS[phase].get(trigger)
    if following is None:
        with pytest.raises(ProgrammingError, match=f"web: {trigger.value} cannot happen"):
            state.move(trigger)
        assert state.phase is phase
    else:
        state.move(trigger)
        assert state.phase is following


def check_drawing(page: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DRAWINGS), "--check", str(page)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_drawing_is_current() -> None:
    ended = check_drawing(STATES)
    assert ended.returncode == 0, ended.stderr


def test_a_drawing_of_another_table_is_reported(tmp_path: Path) -> None:
    arrow = "claiming --> holding: committed in time"
    drawn = STATES.read_text()
    assert arrow in drawn
    (tmp_path / "states.md").write_text(drawn.replace(arrow, "claiming --> holding: refused"))
    ended = check_drawing(tmp_path / "states.md")
    assert ended.returncode == 1
    assert "is not current" in ended.stderr
