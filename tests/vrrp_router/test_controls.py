"""The simulation can fail: with one rule of the router taken out, it finds what follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vrrp_router.controls import CONTROLS, Control, find_breaches

SCHEDULES = 400  # at most; most need a few


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_every_rule_is_needed(control: Control, tmp_path: Path) -> None:
    assert find_breaches(control, tmp_path, SCHEDULES), f"{SCHEDULES} schedules do not miss: {control.name}"
