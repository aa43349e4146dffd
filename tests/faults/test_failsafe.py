"""A store outage is no VIP outage, as long as everybody promises; judged by what a client saw."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.faults.arena import VIPS, Arena, make_arena
from vipkeeper.lab import faults
from vipkeeper.lab.agents import list_vips
from vipkeeper.lab.etcd_servers import EtcdCluster

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 2.0


@pytest.fixture(scope="module", params=[1, 3], ids=["etcd1", "etcd3"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    with make_arena(etcd_members=request.param, lease_s=LEASE_S) as made:
        yield made


@contextlib.contextmanager
def frozen_store(etcd: EtcdCluster) -> Iterator[None]:
    """SIGSTOP to every server; SIGCONT at the end."""
    for member in etcd.members:
        member.process.freeze()
    try:
        yield
    finally:
        for member in etcd.members:
            member.process.thaw()


def _record(arena: Arena) -> tuple[str, int]:
    (listed,) = list_vips(arena.lab.network.hosts[0], arena.lab.etcd.endpoints)
    return listed["owner"], listed["epoch"]


def test_all_servers_frozen(settled: Arena) -> None:
    before = _record(settled)
    with settled.judged() as since_ns:
        with frozen_store(settled.lab.etcd):
            time.sleep(6 * LEASE_S)
        time.sleep(2 * LEASE_S)
    assert settled.outage(since_ns).lost == 0
    assert _record(settled) == before


def test_owner_killed_while_all_servers_are_frozen(settled: Arena) -> None:
    """Nobody can take over without the store; the VIP is gone with its owner until the store is back."""
    owner = settled.owner()
    with settled.judged():
        with frozen_store(settled.lab.etcd):
            time.sleep(2 * LEASE_S)
            owner.kill()
            time.sleep(2 * LEASE_S)
        settled.wait_for_somebody(but=owner)


def test_one_standby_killed_while_all_servers_are_frozen(settled: Arena) -> None:
    owner = settled.owner()
    standby = next(agent for agent in settled.agents if agent is not owner)
    with settled.judged() as since_ns:
        with frozen_store(settled.lab.etcd):
            time.sleep(2 * LEASE_S)
            standby.kill()
            time.sleep(3 * LEASE_S)
        settled.wait_for_somebody()
    assert settled.outage(since_ns).lost > 0


def test_owner_alone_cut_off_from_the_store(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        with faults.partition_from_store(owner.host):
            settled.wait_for_somebody(but=owner)
        time.sleep(LEASE_S)
    assert VIPS
