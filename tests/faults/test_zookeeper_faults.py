"""What happens to ZooKeeper: never two nodes answer, and one answers once there is a leader again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena, make_arena
from vipkeeper.lab import faults
from vipkeeper.lab.zookeeper_servers import QUICK_TICK_MS, USUAL_TICK_MS

pytestmark = [pytest.mark.root, pytest.mark.zookeeper, pytest.mark.slow]

LEASE_S = 2.0
# A follower that was cut off serves its clients for up to 5 ticks, and answers their pings and reads.
CUT_OFF_S = {QUICK_TICK_MS: 4.0, USUAL_TICK_MS: 12.0}
TICK = pytest.mark.parametrize("arena", [USUAL_TICK_MS], ids=["usual tick"], indirect=True)


@pytest.fixture(scope="module", params=[QUICK_TICK_MS], ids=["quick tick"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    with make_arena(zookeeper_members=3, tick_ms=request.param, lease_s=LEASE_S) as made:
        yield made


def test_the_server_of_the_owner_is_cut_from_its_leader(settled: Arena) -> None:
    """The agents ask followers first, so at first it is one. It goes on answering while the others decide."""
    owner = settled.owner()
    member = settled.server_of(owner)
    mode = member.mode()
    print(f"{owner.node} is connected to {member.name}, {mode}")
    with settled.judged():
        with faults.partition_zookeeper_member(member.server):
            time.sleep(1.0)
            assert member.mode() == mode
            settled.wait_for_somebody()
            time.sleep(CUT_OFF_S[QUICK_TICK_MS])
            settled.wait_for_somebody()
        settled.wait_for_somebody()
    settled.lab.zookeeper.wait_until_all_serve()


def test_leader_killed_and_started(settled: Arena) -> None:
    leader = settled.lab.zookeeper.leader()
    with settled.judged():
        leader.process.kill()
        time.sleep(LEASE_S * 1.5)
        settled.wait_for_somebody()
        leader.process.start()
        settled.wait_for_somebody()


def test_leader_frozen_and_thawed(settled: Arena) -> None:
    leader = settled.lab.zookeeper.leader()
    with settled.judged():
        leader.process.freeze()
        try:
            time.sleep(LEASE_S * 2)
            settled.wait_for_somebody()
        finally:
            leader.process.thaw()
        settled.wait_for_somebody()


def test_the_server_of_the_owner_is_frozen_and_thawed(settled: Arena) -> None:
    """Its connections stay open and say nothing: a miss must cost one attempt, and not the lease."""
    owner = settled.owner()
    member = settled.server_of(owner)
    with settled.judged():
        member.process.freeze()
        try:
            time.sleep(LEASE_S * 2)
            settled.wait_for_somebody()
        finally:
            member.process.thaw()
        settled.wait_for_somebody()


def test_the_server_of_the_owner_is_frozen_and_the_owner_killed(settled: Arena) -> None:
    owner = settled.owner()
    member = settled.server_of(owner)
    with settled.judged():
        member.process.freeze()
        try:
            owner.kill()
            time.sleep(LEASE_S * 2)
            settled.wait_for_somebody(but=owner)
        finally:
            member.process.thaw()
        settled.wait_for_somebody(but=owner)


def test_all_servers_frozen_and_thawed(settled: Arena) -> None:
    members = settled.lab.zookeeper.members
    with settled.judged():
        for member in members:
            member.process.freeze()
        try:
            time.sleep(LEASE_S * 2.5)
        finally:
            for member in members:
                member.process.thaw()
        settled.wait_for_somebody()


def test_owner_reaches_only_a_server_that_lost_its_leader(settled: Arena) -> None:
    """To this owner the store is down; to the others it is not, so they must refuse, and one takes over."""
    owner = settled.owner()
    only = settled.server_of(owner)
    others = [member.server for member in settled.lab.zookeeper.members if member is not only]
    with settled.judged():
        with (
            faults.partition_zookeeper_member(only.server),
            faults.partition_from_servers(owner.host, others),
        ):
            settled.wait_for_somebody(but=owner)
            time.sleep(LEASE_S)
        settled.wait_for_somebody()
    settled.lab.zookeeper.wait_until_all_serve()


@pytest.mark.timeout(300)
@TICK
def test_a_server_with_usual_settings_serves_long_after_it_was_cut_off(settled: Arena) -> None:
    """The longest time in which an owner could be deceived: owner and server are cut off in turn."""
    for _ in range(3):
        owner = settled.owner()
        member = settled.server_of(owner)
        print(f"{owner.node} is connected to {member.name}, {member.mode()}")
        with settled.judged():
            with faults.partition_zookeeper_member(member.server):
                time.sleep(CUT_OFF_S[USUAL_TICK_MS])
                settled.wait_for_somebody()
            settled.wait_for_somebody()
        settled.lab.zookeeper.wait_until_all_serve()
        settled.settle()
