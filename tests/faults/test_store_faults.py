"""What happens to etcd: never two nodes answer, and one answers once there is a store again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena, make_arena
from vipkeeper.lab import faults

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 2.0
# etcd 3.4.23 went on answering keep-alives for 17 to 19 s beside a new leader. Alone, it only falls silent.
FROZEN_S = {1: 5.0, 3: 20.0}


@pytest.fixture(scope="module", params=[1, 3], ids=["etcd1", "etcd3"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    with make_arena(etcd_members=request.param, lease_s=LEASE_S, freezable_wal=True) as made:
        yield made


def test_leader_killed_and_started(settled: Arena) -> None:
    leader = settled.lab.etcd.leader()
    with settled.judged():
        leader.process.kill()
        time.sleep(LEASE_S * 1.5)
        if len(settled.lab.etcd.members) > 1:
            settled.wait_for_somebody()  # the others are enough
        leader.process.start()
        settled.wait_for_somebody()


def test_leader_with_a_frozen_log(settled: Arena) -> None:
    """It goes on answering some requests for as long as its disk hangs: that must not keep a lease alive."""
    leader = settled.lab.etcd.leader()
    assert leader.disk is not None
    with settled.judged():
        leader.disk.freeze()
        try:
            time.sleep(FROZEN_S[len(settled.lab.etcd.members)])
            if len(settled.lab.etcd.members) > 1:
                settled.wait_for_somebody()
        finally:
            leader.disk.thaw()
        settled.wait_for_somebody()


def test_leader_with_a_frozen_log_and_a_killed_owner(settled: Arena) -> None:
    leader = settled.lab.etcd.leader()
    assert leader.disk is not None
    owner = settled.owner()
    with settled.judged():
        leader.disk.freeze()
        try:
            owner.kill()
            time.sleep(LEASE_S * 2)
        finally:
            leader.disk.thaw()
        settled.wait_for_somebody(but=owner)


def test_leader_frozen_and_thawed(settled: Arena) -> None:
    """Its connections stay open and say nothing: the agents have to leave it by themselves."""
    leader = settled.lab.etcd.leader()
    with settled.judged():
        leader.process.freeze()
        try:
            time.sleep(LEASE_S * 2)
            if len(settled.lab.etcd.members) > 1:
                settled.wait_for_somebody()
        finally:
            leader.process.thaw()
        settled.wait_for_somebody()


@pytest.mark.parametrize("arena", [3], ids=["etcd3"], indirect=True)
def test_leader_cut_from_its_peers(settled: Arena) -> None:
    leader = settled.lab.etcd.leader()
    with settled.judged():
        with faults.partition_etcd_member(leader.server):
            time.sleep(LEASE_S * 3)
            settled.wait_for_somebody()
        settled.wait_for_somebody()
