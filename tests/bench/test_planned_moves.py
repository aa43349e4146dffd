"""How long a client waits when the owner is stopped as planned: vipkeeper and keepalived, same hosts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import pytest

from tests.bench.figures import ROUNDS, Figures, spread
from tests.faults.arena import VIPS, Arena, make_arena
from tests.peers.keepalived import run_keepalived
from tests.peers.virtual_router import VirtualRouter
from vipkeeper.lab.observer import now_ns
from vipkeeper.lab.verdicts import longest_outage

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.bench, pytest.mark.timeout(900)]

LEASE_S = 4.0


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with make_arena(etcd_members=1, lease_s=LEASE_S) as made:
        yield made


def test_sigterm_of_the_owner(arena: Arena, figures: Figures) -> None:
    outages_ms = []
    for _ in range(ROUNDS):
        arena.settle()
        owner = arena.owner()
        with arena.judged() as since_ns:
            assert owner.stop_planned() == 0
            arena.wait_for_somebody(but=owner)
        outages_ms.append(arena.outage(since_ns).seconds * 1000)
    figures.add(
        "SIGTERM of the owner: client outage p50",
        statistics.median(outages_ms),
        "ms",
        target=30,
        detail=spread(outages_ms),
    )


def test_sigterm_of_keepalived(arena: Arena, figures: Figures) -> None:
    for agent in arena.agents:
        if agent.is_running():
            agent.stop_planned()
    vip, observer = VIPS[0], arena.observer
    outages_ms = []
    described = VirtualRouter((vip,), version=2, interval_ms=1000, preempt=False)
    with run_keepalived(arena.lab.network, described, arena.lab.directory / "keepalived") as routers:
        for _ in range(ROUNDS):
            owner = observer.wait_until_answered(vip, timeout_s=30)
            time.sleep(4)  # three missed adverts make a backup: the others are up by then
            since_ns = now_ns()
            routers[owner].stop()
            observer.wait_until_answered(vip, not_by=owner, timeout_s=30)
            time.sleep(1.5)
            outages_ms.append(longest_outage(observer.recording(), vip, from_ns=since_ns).seconds * 1000)
            routers[owner].start()
    figures.add(
        "  keepalived (1 s adverts), SIGTERM: client outage p50",
        statistics.median(outages_ms),
        "ms",
        detail=spread(outages_ms),
    )


def test_restarts(arena: Arena, figures: Figures) -> None:
    lost: dict[str, int] = {"SIGUSR2 and start": 0, "SIGKILL and start within the lease": 0}
    for _ in range(ROUNDS):
        for name in lost:
            arena.settle()
            owner = arena.owner()
            with arena.judged() as since_ns:
                if name.startswith("SIGUSR2"):
                    owner.leave_for_restart()
                else:
                    owner.kill()
                owner.start()
                time.sleep(LEASE_S * 1.2)
            lost[name] += arena.outage(since_ns).lost
    for name, count in lost.items():
        figures.add(f"{name}: probes lost", count, "probes", target=0, detail=f"n={ROUNDS}")
