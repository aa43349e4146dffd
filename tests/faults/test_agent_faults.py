"""What happens to the owner's process: never two nodes answer, and one answers again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena, make_arena

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 2.0
# These take long and meet the store only as any other test does.
ONE_MEMBER = pytest.mark.parametrize("arena", [1], ids=["etcd1"], indirect=True)
THREE_MEMBERS = pytest.mark.parametrize("arena", [3], ids=["etcd3"], indirect=True)


@pytest.fixture(scope="module", params=[1, 3], ids=["etcd1", "etcd3"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    with make_arena(etcd_members=request.param, lease_s=LEASE_S) as made:
        yield made


def test_planned_stop(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        assert owner.stop_planned() == 0
        settled.wait_for_somebody(but=owner)


def test_killed_for_good(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        owner.kill()
        settled.wait_for_somebody(but=owner)


def test_killed_and_started_after_the_lease_was_taken(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        owner.kill()
        settled.wait_for_somebody(but=owner)
        owner.start()
        time.sleep(LEASE_S)


@THREE_MEMBERS
def test_frozen_for_20_s_and_thawed(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        owner.freeze()
        settled.wait_for_somebody(but=owner)
        time.sleep(20 - LEASE_S)
        owner.thaw()
        time.sleep(LEASE_S)


@ONE_MEMBER
def test_frozen_until_the_very_end_of_its_lease(settled: Arena) -> None:
    """It wakes up when the others are about to claim: the closest race there is."""
    owner = settled.owner()
    with settled.judged():
        for tenths in range(8, 13):
            owner.freeze()
            time.sleep(LEASE_S * tenths / 10)
            owner.thaw()
            time.sleep(0.3)
        settled.wait_for_somebody()


def test_frozen_standby_changes_nothing(settled: Arena) -> None:
    owner = settled.owner()
    standbys = [agent for agent in settled.agents if agent is not owner]
    with settled.judged():
        for standby in standbys:
            standby.freeze()
        time.sleep(LEASE_S * 1.5)
        for standby in standbys:
            standby.thaw()
        time.sleep(LEASE_S)
        assert settled.owner() is owner


def test_all_killed_at_once_and_started_again(settled: Arena) -> None:
    with settled.judged():
        for agent in settled.agents:
            agent.kill()
        settled.observer.wait_until_silent(settled.observer.vips[0])
        for agent in settled.agents:
            agent.start()
        settled.wait_for_somebody()
