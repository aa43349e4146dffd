"""How long a client waits after a fault of the owner, for the default lease and for a short one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.bench.figures import ROUNDS, Figures, spread
from tests.faults.arena import Arena, make_arena
from vipkeeper.lab import faults
from vipkeeper.lab.agents import Agent
from vipkeeper.lab.verdicts import Outage

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.bench, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", params=[2.0, 0.5], ids=["lease2", "lease0.5"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    with make_arena(etcd_members=1, lease_s=request.param) as made:
        yield made


@contextlib.contextmanager
def killed(arena: Arena, owner: Agent) -> Iterator[None]:
    del arena
    owner.kill()
    yield


@contextlib.contextmanager
def frozen(arena: Arena, owner: Agent) -> Iterator[None]:
    del arena
    owner.freeze()
    yield
    owner.thaw()


@contextlib.contextmanager
def link_cut(arena: Arena, owner: Agent) -> Iterator[None]:
    with faults.cut_link(arena.lab.network, owner.host):
        yield


@contextlib.contextmanager
def cut_from_the_store(arena: Arena, owner: Agent) -> Iterator[None]:
    del arena
    with faults.partition_from_store(owner.host):
        yield


Fault = Callable[[Arena, Agent], contextlib.AbstractContextManager[None]]


@pytest.mark.parametrize("fault", [killed, frozen, link_cut, cut_from_the_store])
def test_fault_of_the_owner(arena: Arena, fault: Fault, figures: Figures) -> None:
    lease_ms = arena.options.ttl_s * 1000
    without_ms, until_ms, stalled_ms = [], [], 0.0
    for _ in range(ROUNDS):
        arena.settle()
        owner = arena.owner()
        with arena.judged() as since_ns, fault(arena, owner):
            arena.wait_for_somebody(but=owner)
        outage = arena.outage(since_ns)
        without_ms.append(outage.seconds * 1000)
        until_ms.append(_served_after_ms(outage, since_ns))
        stalled_ms += outage.stalled_ns / 1e6
    name = f"lease {arena.options.ttl_s:g} s, owner {fault.__name__.replace('_', ' ')}"
    observer = f"; observer stalled {stalled_ms:.0f} ms" if stalled_ms else ""
    figures.add(
        f"{name}: longest outage",
        max(without_ms),
        "ms",
        target=lease_ms + 50,
        detail=spread(without_ms) + observer,
    )
    figures.add(
        f"{name}: from fault to service",
        max(until_ms),
        "ms",
        target=lease_ms + 50,
        detail=spread(until_ms) + observer,
    )


def _served_after_ms(outage: Outage, since_ns: int) -> float:
    return float("inf") if outage.end_ns is None else (outage.end_ns - since_ns) / 1e6
