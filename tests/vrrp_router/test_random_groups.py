"""Random schedules of sync groups: their members are on one host, and never split for long.

VIPKEEPER_VRRP_SCHEDULES says how many, VIPKEEPER_FIRST_SEED where to begin.
"""

from __future__ import annotations

import os

import pytest

from tests.vrrp_router.group_world import FAULTS_END, GroupWorld
from tests.vrrp_router.hunt import hunt

SCHEDULES = int(os.environ.get("VIPKEEPER_VRRP_SCHEDULES", "300"))
FIRST_SEED = int(os.environ.get("VIPKEEPER_FIRST_SEED", "0"))
PARTS = 2


@pytest.mark.timeout(60 + SCHEDULES // PARTS)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_property_breaks(part: int) -> None:
    first = FIRST_SEED + part * SCHEDULES // PARTS
    count = FIRST_SEED + (part + 1) * SCHEDULES // PARTS - first
    for seed, verdict in hunt(first, count, groups=True):
        assert verdict.broken is None, f"seed {seed}: {verdict.broken}: {verdict.detail}"


def test_the_schedules_are_eventful() -> None:
    """Groups move often, without loss too: the properties hold over something."""
    moves = lossless = 0
    for seed in range(60):
        world = GroupWorld(seed)
        world.plan_faults()
        world.run_for(FAULTS_END * world.interval_s)
        lossless += not any(segment.dropped_at_s for segment in world.segments)
        moves += sum(len(m.answering.spans()) for host in world.hosts for m in host.members.values())
    assert lossless >= 30
    assert moves >= 240
