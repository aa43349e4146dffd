"""A restart is not a failover: the address stays, no probe is lost, while the lease lives.

The lease is long here, because a machine that is busy may take seconds to start a process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena, make_arena

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 6.0


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with make_arena(etcd_members=1, lease_s=LEASE_S) as made:
        yield made


def test_left_for_a_restart_and_started(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged() as since_ns:
        assert owner.leave_for_restart() == 0
        owner.start()
        time.sleep(LEASE_S * 1.2)
    assert settled.owner() is owner
    assert settled.outage(since_ns).lost == 0


def test_killed_and_started_within_the_lease(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged() as since_ns:
        owner.kill()
        owner.start()
        time.sleep(LEASE_S * 1.2)
    assert settled.owner() is owner
    assert settled.outage(since_ns).lost == 0


def test_left_for_a_restart_that_never_comes(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        assert owner.leave_for_restart() == 0
        settled.wait_for_somebody(but=owner)


def test_standbys_restarted_while_the_owner_serves(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged() as since_ns:
        for agent in settled.agents:
            if agent is not owner:
                assert agent.leave_for_restart() == 0
                agent.start()
        time.sleep(1)
    assert settled.owner() is owner
    assert settled.outage(since_ns).lost == 0
