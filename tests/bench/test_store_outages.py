"""What clients notice of a store that fails, with the default lease and with failsafe; etcd and ZooKeeper.

Rules of this file: every fault is judged for two answers at once, and fails for them; what clients lost is a
figure. The longest lease is the default 10 s, as on a node that was given no times at all.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.bench.figures import ROUNDS, Figures, spread
from tests.bench.test_agent_cost import resident_mb
from tests.faults.arena import Arena, make_arena
from vipkeeper.lab import faults
from vipkeeper.lab.etcd_servers import EtcdCluster
from vipkeeper.lab.verdicts import Outage, double_answers, outages

pytestmark = [pytest.mark.root, pytest.mark.bench, pytest.mark.timeout(3600)]

LEASE_S = 2.0
LEASE_MAX_S = 10.0
OUTAGE_S = 60.0
LEADER_KILLS = {"etcd": 2 * ROUNDS, "zookeeper": max(1, ROUNDS // 2)}
RESIDENT_MB = {"etcd": 40, "zookeeper": 36}
# Longer than a new leader needs (2.4 s), and than a follower at 5 ticks of 0.5 s takes itself for one (4 s).
HALF_DEAD_S = 8.0

STORES = [
    pytest.param({"etcd_members": 3, "freezable_wal": True}, id="etcd", marks=pytest.mark.etcd),
    pytest.param({"zookeeper_members": 3}, id="zookeeper", marks=pytest.mark.zookeeper),
]


@pytest.fixture(scope="module", params=STORES)
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    """The promises take the LAN, so that the store can be lost without them."""
    options = {"lease_s": LEASE_S, "lease_max_s": LEASE_MAX_S, "peers_on": "lan-ipv4", **request.param}
    with make_arena(**options) as made:
        yield made


@pytest.fixture
def settled(arena: Arena) -> Arena:
    arena.settle()
    return arena


def kind_of(arena: Arena) -> str:
    return arena.lab.store.backend


def lost_since(arena: Arena, since_ns: int) -> int:
    """Probes that no client had an answer to, on all addresses."""
    recording = arena.observer.recording()
    return sum(each.lost for vip in recording.vips for each in outages(recording, vip, from_ns=since_ns))


def times_held(arena: Arena) -> int:
    """How often an owner would have stood down by now without promises, by the agents' own words."""
    return sum(agent.process.log.read_text().count("reason=held-on-promises") for agent in arena.agents)


def wait_until_whole(arena: Arena) -> None:
    """Every server of the store serves again."""
    store = arena.lab.store
    if not isinstance(store, EtcdCluster):
        store.wait_until_all_serve()
        return
    deadline_s = time.monotonic() + 60
    for member in store.members:
        while not member.serves():
            assert time.monotonic() < deadline_s, f"{member.name} does not serve\n{member.process.log_end(5)}"
            time.sleep(0.1)


def test_memory(settled: Arena, figures: Figures) -> None:
    kind = kind_of(settled)
    time.sleep(5)
    figures.add(
        f"{kind}, 3 servers: resident memory of the owner of one VIP",
        resident_mb(settled.owner()),
        "MB",
        target=RESIDENT_MB[kind],
    )


def test_all_servers_frozen(settled: Arena, figures: Figures) -> None:
    before = settled.record()
    with settled.judged() as since_ns:
        with faults.frozen_store(settled.lab.store):
            time.sleep(OUTAGE_S)
        time.sleep(2 * LEASE_S)
        lost = lost_since(settled, since_ns)
    wait_until_whole(settled)
    after = settled.record()
    figures.add(
        f"{kind_of(settled)}, all 3 servers frozen for {OUTAGE_S:g} s: probes lost",
        lost,
        "probes",
        target=0,
        detail=f"owner and epoch before {before}, after {after}",
    )
    assert after == before


def test_leader_killed(settled: Arena, figures: Figures) -> None:
    kind = kind_of(settled)
    lost, held_before = [], times_held(settled)
    for _ in range(LEADER_KILLS[kind]):
        settled.settle()
        leader = settled.lab.store.leader()
        with settled.judged() as since_ns:
            leader.process.kill()
            settled.lab.store.leader()
            time.sleep(LEASE_S)
            lost.append(lost_since(settled, since_ns))
        leader.process.start()
        wait_until_whole(settled)
    figures.add(
        f"{kind}, leader killed: probes lost",
        sum(lost),
        "probes",
        target=0,
        detail=f"in {len(lost)} kills; held on promises {times_held(settled) - held_before} times",
    )


def test_owner_alone_cut_off_from_the_store(settled: Arena, figures: Figures) -> None:
    """The others see the store and refuse, so the owner's lease ends, and one of them has the VIP then."""
    without_ms, until_ms, stalled_ms = [], [], 0.0
    for _ in range(ROUNDS):
        settled.settle()
        owner = settled.owner()
        with settled.judged() as since_ns, faults.partition_from_store(owner.host):
            settled.wait_for_somebody(but=owner)
        outage = settled.outage(since_ns)
        without_ms.append(outage.seconds * 1000)
        until_ms.append(served_after_ms(outage, since_ns))
        stalled_ms += outage.stalled_ns / 1e6
    observer = f"; observer stalled {stalled_ms:.0f} ms" if stalled_ms else ""
    for name, values in (("longest outage", without_ms), ("from fault to service", until_ms)):
        figures.add(
            f"{kind_of(settled)}, owner alone cut from the store: {name}",
            max(values),
            "ms",
            target=LEASE_S * 1000 + 50,
            detail=spread(values) + observer,
        )


def served_after_ms(outage: Outage, since_ns: int) -> float:
    return float("inf") if outage.end_ns is None else (outage.end_ns - since_ns) / 1e6


def test_a_server_that_answers_but_does_not_count(settled: Arena, figures: Figures) -> None:
    """etcd's leader with a frozen log; the owner's ZooKeeper server, cut off from its leader."""
    kind = kind_of(settled)
    lost, doubles = [], 0
    for _ in range(ROUNDS):
        settled.settle()
        with settled.judged() as since_ns:
            with half_dead_server(settled):
                time.sleep(HALF_DEAD_S)
                settled.wait_for_somebody()
            settled.wait_for_somebody()
            lost.append(lost_since(settled, since_ns))
        doubles += double_answers(settled.observer.recording()).count
        wait_until_whole(settled)
    name = {"etcd": "the leader's log frozen", "zookeeper": "the owner's server cut from its leader"}[kind]
    figures.add(
        f"{kind}, {name}: two nodes answering",
        doubles,
        "answers",
        target=0,
        detail=f"in {len(lost)} runs of {HALF_DEAD_S:g} s; {sum(lost)} probes lost",
    )


@contextlib.contextmanager
def half_dead_server(arena: Arena) -> Iterator[None]:
    store = arena.lab.store
    if not isinstance(store, EtcdCluster):
        with faults.partition_zookeeper_member(arena.server_of(arena.owner()).server):
            yield
        return
    disk = store.leader().disk
    assert disk is not None
    disk.freeze()
    try:
        yield
    finally:
        disk.thaw()
