"""The simulation can fail: with one rule of the election taken out, it finds what follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.controls import MAIN_CONTROLS, OTHER_CONTROLS, Control, find_breaches
from tests.simulation.failsafe_controls import FAILSAFE_CONTROLS


def _found(control: Control, into: Path) -> None:
    seeds = find_breaches(control, into)
    assert len(seeds) >= control.times, (
        f"without the rule, {control.schedules} schedules break {len(seeds)} times, not {control.times}: "
        f"{control.name}"
    )


@pytest.mark.parametrize("control", MAIN_CONTROLS, ids=lambda control: control.name)
def test_the_main_rules_are_needed(control: Control, tmp_path: Path) -> None:
    _found(control, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("control", FAILSAFE_CONTROLS, ids=lambda control: control.name)
def test_every_rule_of_failsafe_is_needed(control: Control, tmp_path: Path) -> None:
    _found(control, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("control", OTHER_CONTROLS, ids=lambda control: control.name)
def test_every_other_rule_is_needed(control: Control, tmp_path: Path) -> None:
    _found(control, tmp_path)
