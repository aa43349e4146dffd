"""What happens to the owner's links and paths: never two nodes answer, and one answers again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena, make_arena
from vipkeeper.lab import faults

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 2.0


@pytest.fixture(scope="module", params=[1, 3], ids=["etcd1", "etcd3"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    with make_arena(etcd_members=request.param, lease_s=LEASE_S) as made:
        yield made


def test_link_cut(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        with faults.cut_link(settled.lab.network, owner.host):
            settled.wait_for_somebody(but=owner)
        time.sleep(1)


def test_both_links_cut(settled: Arena) -> None:
    """It can neither serve nor say so; when the cables are back it must not answer once."""
    owner = settled.owner()
    with settled.judged():
        with faults.cut_all_links(settled.lab.network, owner.host):
            settled.wait_for_somebody(but=owner)
        time.sleep(1)


def test_partition_from_the_store(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        with faults.partition_from_store(owner.host):
            settled.wait_for_somebody(but=owner)
            time.sleep(LEASE_S)
        time.sleep(LEASE_S)


def test_partition_from_the_store_while_frozen(settled: Arena) -> None:
    """Thawed behind the partition, with a belief that is long out of date and nobody to correct it."""
    owner = settled.owner()
    with settled.judged():
        owner.freeze()
        with faults.partition_from_store(owner.host):
            settled.wait_for_somebody(but=owner)
            owner.thaw()
            time.sleep(LEASE_S)
        time.sleep(LEASE_S)


def test_partition_from_the_peers_only_changes_nothing(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged() as since_ns:
        with faults.partition_from_peers(settled.lab.network, owner.host):
            time.sleep(LEASE_S * 2)
        time.sleep(1)
    assert settled.owner() is owner
    assert settled.outage(since_ns).seconds < 1


def test_30_percent_loss_on_every_link(settled: Arena) -> None:
    with settled.judged():
        with contextlib.ExitStack() as stack:
            for host in settled.lab.network.hosts:
                stack.enter_context(faults.random_loss(host, 30))
            time.sleep(8)
        settled.wait_for_somebody()


def test_every_node_cut_from_the_store_and_healed(settled: Arena) -> None:
    with settled.judged():
        with contextlib.ExitStack() as stack:
            for host in settled.lab.network.hosts:
                stack.enter_context(faults.partition_from_store(host))
            settled.observer.wait_until_silent(settled.observer.vips[0])
        settled.wait_for_somebody()
