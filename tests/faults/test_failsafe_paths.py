"""Promises that take another way than the store's traffic: what then is lost alone, and what is not."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena, make_arena
from vipkeeper.lab import faults

pytestmark = [pytest.mark.root, pytest.mark.slow]

LEASE_S = 2.0


@pytest.fixture(
    scope="module",
    params=[
        pytest.param({"peers_on": "lan-ipv6"}, id="etcd1-ipv6", marks=pytest.mark.etcd),
        pytest.param(
            {"peers_on": "lan-ipv4", "zookeeper_members": 1},
            id="zookeeper1-ipv4",
            marks=pytest.mark.zookeeper,
        ),
    ],
)
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    with make_arena(lease_s=LEASE_S, **request.param) as made:
        yield made


def test_every_node_cut_off_from_the_store(settled: Arena) -> None:
    before = settled.record()
    with settled.judged() as since_ns:
        with contextlib.ExitStack() as stack:
            for host in settled.lab.network.hosts:
                stack.enter_context(faults.partition_from_store(host))
            time.sleep(4 * LEASE_S)
        time.sleep(2 * LEASE_S)
    assert settled.outage(since_ns).lost == 0
    assert settled.record() == before


def test_owner_alone_cut_off_from_the_store(settled: Arena) -> None:
    """The others see the store and refuse: it must not keep the VIP by their word."""
    owner = settled.owner()
    with settled.judged():
        with faults.partition_from_store(owner.host):
            settled.wait_for_somebody(but=owner)
            time.sleep(LEASE_S)
        settled.wait_for_somebody()


def test_owner_cut_off_from_the_others_while_the_store_is_frozen(settled: Arena) -> None:
    """It is not asked any more what it has, and asks in vain: it stands down, and nobody can claim."""
    owner = settled.owner()
    with settled.judged() as since_ns:
        with (
            faults.frozen_store(settled.lab.store),
            faults.partition_from_peers(settled.lab.network, owner.host),
        ):
            settled.observer.wait_until_silent(settled.observer.vips[0])
        settled.wait_for_somebody()
    assert settled.outage(since_ns).lost > 0
