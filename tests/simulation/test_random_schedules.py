"""Thousands of random schedules: never two hosts that answer, and one that does once all is well again.

VIPKEEPER_SCHEDULES says how many (20 to 40 ms each), VIPKEEPER_FIRST_SEED where to begin.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.hunt import hunt

SCHEDULES = int(os.environ.get("VIPKEEPER_SCHEDULES", "10000"))
FIRST_SEED = int(os.environ.get("VIPKEEPER_FIRST_SEED", "0"))
PARTS = 20  # for as many processors as there are


@pytest.mark.timeout(60 + SCHEDULES // PARTS)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_rule_breaks(part: int) -> None:
    first = FIRST_SEED + part * SCHEDULES // PARTS
    count = FIRST_SEED + (part + 1) * SCHEDULES // PARTS - first
    for seed, verdict in hunt(first, count):
        assert verdict.broken is None, (
            f"{verdict.broken}: {verdict.detail}\n"
            f"replay it with: python -m tests.simulation.replay --seed {seed} --verbose"
        )
