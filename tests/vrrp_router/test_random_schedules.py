"""Random schedules: one master once all is well, and two that answer only where VRRP cannot do better.

VIPKEEPER_VRRP_SCHEDULES says how many (6 ms each), VIPKEEPER_FIRST_SEED where to begin.
"""

from __future__ import annotations

import os

import pytest

from tests.vrrp_router.hunt import hunt
from tests.vrrp_router.verdict import find_double
from tests.vrrp_router.world import FAULTS_END, World

SCHEDULES = int(os.environ.get("VIPKEEPER_VRRP_SCHEDULES", "600"))
FIRST_SEED = int(os.environ.get("VIPKEEPER_FIRST_SEED", "0"))
PARTS = 4


@pytest.mark.timeout(60 + SCHEDULES // PARTS)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_property_breaks(part: int) -> None:
    first = FIRST_SEED + part * SCHEDULES // PARTS
    count = FIRST_SEED + (part + 1) * SCHEDULES // PARTS - first
    for seed, verdict in hunt(first, count):
        assert verdict.broken is None, f"seed {seed}: {verdict.broken}: {verdict.detail}"


def test_the_schedules_are_eventful() -> None:
    """Deaths, freezes and hand-overs happen, without loss too: the properties hold over something."""
    falls = changes = lossless = 0
    for seed in range(60):
        world = World(seed)
        world.plan_faults()
        world.run_for(FAULTS_END * world.interval_s)
        lossless += not world.segment.dropped_at_s
        falls += sum(len(host.down_at_s) for host in world.ours)
        changes += sum(len(host.answering.spans()) for host in world.ours)
    assert lossless >= 30
    assert falls >= 60
    assert changes >= 120


def test_a_partition_makes_two_masters_and_is_seen() -> None:
    """Nobody can help that; and without the loss on record, it would count as a defect."""
    for seed in range(20):
        world = World(seed, lossless=True)
        if world.neighbours:
            continue
        world.run_for(10 * world.interval_s)
        world.segment.apart = frozenset({world.ours[0].address})
        world.run_for(20 * world.interval_s)
        answering = [host for host in world.ours if host.answering.answers_at(world.timeline.now_s)]
        assert len(answering) == 2
        assert find_double(world) is None
        world.segment.dropped_at_s.clear()
        assert find_double(world) is not None
