"""Faults at random, several at once, on nodes and store: whatever happens, never two nodes answer.

VIPKEEPER_SEED=N repeats the same choices (the timing of the machine is another matter).

Only faults that give no node a reason to release are drawn: so a VIP never returns to a former owner within
a lease, which is longer than what the judge takes for a proof of two owners (`RETURN_NS`).
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from tests.faults.arena import Arena, make_arena
from vipkeeper.lab import faults
from vipkeeper.lab.agents import Agent
from vipkeeper.lab.etcd_servers import EtcdMember
from vipkeeper.lab.zookeeper_servers import ZookeeperMember

pytestmark = [pytest.mark.root, pytest.mark.slow]

LEASE_S = 1.5
LASTING_S = 25.0


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("etcd", marks=pytest.mark.etcd),
        pytest.param("zookeeper", marks=pytest.mark.zookeeper),
    ],
)
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    if request.param == "etcd":
        with make_arena(etcd_members=3, lease_s=LEASE_S, freezable_wal=True) as made:
            yield made
    else:
        with make_arena(zookeeper_members=3, lease_s=LEASE_S) as made:
            yield made


@contextlib.contextmanager
def killed_agent(agent: Agent) -> Iterator[None]:
    agent.kill()
    yield
    agent.start()


@contextlib.contextmanager
def frozen_agent(agent: Agent) -> Iterator[None]:
    agent.freeze()
    yield
    agent.thaw()


@contextlib.contextmanager
def killed_member(member: EtcdMember | ZookeeperMember) -> Iterator[None]:
    member.process.kill()
    yield
    member.process.start()


@contextlib.contextmanager
def frozen_member(member: EtcdMember | ZookeeperMember) -> Iterator[None]:
    member.process.freeze()
    yield
    member.process.thaw()


@contextlib.contextmanager
def frozen_log(member: EtcdMember) -> Iterator[None]:
    assert member.disk is not None
    member.disk.freeze()
    yield
    member.disk.thaw()


@dataclass(slots=True)
class Running:
    """A fault in progress; `place` has one fault at a time."""

    place: str
    heal_at_s: float
    fault: contextlib.ExitStack


class Storm:
    """Begins and heals faults until its time is over."""

    def __init__(self, arena: Arena, chance: random.Random) -> None:
        self._arena = arena
        self._chance = chance
        self._running: list[Running] = []

    def rage(self, lasting_s: float) -> None:
        end_s = time.monotonic() + lasting_s
        try:
            while time.monotonic() < end_s:
                self._begin_one()
                time.sleep(self._chance.uniform(0.1, 0.8))
                for each in [each for each in self._running if each.heal_at_s < time.monotonic()]:
                    self._heal(each)
        finally:
            for each in list(self._running):
                self._heal(each)

    def _heal(self, each: Running) -> None:
        self._running.remove(each)
        each.fault.close()

    def _begin_one(self) -> None:
        name, place, begin = self._chance.choice(self._choices())
        # One member of the store may fail: with two there would be nothing to see for most of the time.
        if place in {each.place for each in self._running}:
            return
        lasting_s = self._chance.uniform(0.2, LEASE_S * 2)
        print(f"{time.monotonic():.3f} {name} for {lasting_s:.3f} s")
        fault = contextlib.ExitStack()
        fault.enter_context(begin())
        self._running.append(Running(place, time.monotonic() + lasting_s, fault))

    def _choices(self) -> list[tuple[str, str, Callable[[], AbstractContextManager[None]]]]:
        network = self._arena.lab.network
        agent = self._chance.choice(self._arena.agents)
        members: Sequence[EtcdMember | ZookeeperMember] = self._arena.lab.store.members
        member = self._chance.choice(members)
        percent = self._chance.randint(10, 60)
        node = agent.node
        return [
            (f"{node} killed", f"{node} agent", lambda: killed_agent(agent)),
            (f"{node} frozen", f"{node} agent", lambda: frozen_agent(agent)),
            (f"{node} cut from the store", f"{node} path", lambda: faults.partition_from_store(agent.host)),
            (f"{node} cut from its peers", "lan", lambda: faults.partition_from_peers(network, agent.host)),
            (f"{node} loses {percent} %", f"{node} path", lambda: faults.random_loss(agent.host, percent)),
            (f"{member.name} killed", "store", lambda: killed_member(member)),
            (f"{member.name} frozen", "store", lambda: frozen_member(member)),
            *_faults_of_one_kind(member),
        ]


def _faults_of_one_kind(
    member: EtcdMember | ZookeeperMember,
) -> list[tuple[str, str, Callable[[], AbstractContextManager[None]]]]:
    cut = f"{member.name} cut from its peers"
    if isinstance(member, ZookeeperMember):
        return [(cut, "store", lambda: faults.partition_zookeeper_member(member.server))]
    return [
        (f"{member.name} frozen log", "store", lambda: frozen_log(member)),
        (cut, "store", lambda: faults.partition_etcd_member(member.server)),
    ]


def test_random_faults(settled: Arena) -> None:
    seed = int(os.environ.get("VIPKEEPER_SEED", secrets.randbelow(2**32)))
    print(f"VIPKEEPER_SEED={seed}")
    with settled.judged():
        Storm(settled, random.Random(seed)).rage(LASTING_S)
        settled.wait_for_somebody()
