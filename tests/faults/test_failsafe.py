"""A store outage is no VIP outage, as long as everybody promises; judged by what a client saw."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.arena import VIPS, Arena, make_arena
from vipkeeper.lab import faults
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.slow]

LEASE_S = 2.0
# The fence is late by 5 ms at most, and looks at each packet; the rest is for the times that are read here.
FENCE_LATE_NS = 100_000_000

STORES = [
    pytest.param({"etcd_members": 3}, id="etcd3", marks=pytest.mark.etcd),
    pytest.param({"zookeeper_members": 3}, id="zookeeper3", marks=pytest.mark.zookeeper),
]


@pytest.fixture(scope="module", params=STORES)
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    with make_arena(lease_s=LEASE_S, **request.param) as made:
        yield made


def test_all_servers_frozen(settled: Arena) -> None:
    before = settled.record()
    with settled.judged() as since_ns:
        with faults.frozen_store(settled.lab.store):
            time.sleep(6 * LEASE_S)
        time.sleep(2 * LEASE_S)
    assert settled.outage(since_ns).lost == 0
    assert settled.record() == before


def test_owner_killed_while_all_servers_are_frozen(settled: Arena) -> None:
    """Nobody can take over without the store; the VIP is gone with its owner until the store is back."""
    owner = settled.owner()
    with settled.judged():
        with faults.frozen_store(settled.lab.store):
            time.sleep(2 * LEASE_S)
            owner.kill()
            time.sleep(2 * LEASE_S)
        settled.wait_for_somebody(but=owner)


def test_one_standby_killed_while_all_servers_are_frozen(settled: Arena) -> None:
    owner = settled.owner()
    standby = next(agent for agent in settled.agents if agent is not owner)
    with settled.judged() as since_ns:
        with faults.frozen_store(settled.lab.store):
            time.sleep(2 * LEASE_S)
            standby.kill()
            time.sleep(3 * LEASE_S)
        settled.wait_for_somebody()
    assert settled.outage(since_ns).lost > 0


def test_all_servers_frozen_and_no_promise_gets_through(settled: Arena) -> None:
    """Silence is no promise: every VIP goes, and no later than with its lease."""
    with settled.judged() as since_ns:
        with faults.blocked_promises(settled.lab.network), faults.frozen_store(settled.lab.store):
            frozen_ns = now_ns()
            for vip in VIPS:
                settled.observer.wait_until_silent(vip)
            thawed_ns = now_ns()
        settled.wait_for_somebody()
    lease_over_ns = frozen_ns + int(LEASE_S * 1e9) + FENCE_LATE_NS
    for vip in VIPS:
        assert settled.observer.recording().owners_between(vip, lease_over_ns, thawed_ns) == []
    assert settled.outage(since_ns).lost > 0


def test_owner_alone_cut_off_from_the_store(settled: Arena) -> None:
    """The questions take the way to the store here, so they are lost too."""
    owner = settled.owner()
    with settled.judged():
        with faults.partition_from_store(owner.host):
            settled.wait_for_somebody(but=owner)
        time.sleep(LEASE_S)
