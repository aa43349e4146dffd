"""Checks with a store: they move a VIP by hand-over, and nothing that is unknown moves it.

Rules of this file: the observer says who answers and how many probes a client lost; a hand-over shows in the
store as a release to a named successor, because how long it takes on a busy machine nobody knows.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.arena import PATIENCE_S, VIPS, Arena, make_arena
from vipkeeper.lab.agents import Agent, list_vips, show_vips
from vipkeeper.lab.verdicts import RETURN_NS

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow, pytest.mark.timeout(240)]

LEASE_S = 6.0

TABLES = """
[track_file.maint]
file = "{dir}/{node}.down"
weight = -1
[track_script.web]
script = "test ! -e {dir}/{node}.broken"
interval = 0.2
[track_script.slow]
script = "sh -c 'while test -e {dir}/{node}.slow; do sleep 0.1; done'"
interval = 1
timeout = 120
[track_script.bonus]
script = "sh -c 'while test -e {dir}/{node}.slow; do sleep 0.1; done'"
interval = 1
timeout = 120
weight = 50
[vip.web.track_file.maint]
[vip.web.track_script.web]
[vip.web.track_script.slow]
[vip.web.track_script.bonus]
"""


@pytest.fixture(scope="module")
def switches() -> Iterator[Path]:
    """Files that stand for what happens on a node: NODE.down, NODE.broken, NODE.slow."""
    directory = Path(tempfile.mkdtemp())
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def arena(switches: Path) -> Iterator[Arena]:
    tables = TABLES.replace("{dir}", str(switches))
    with make_arena(etcd_members=1, lease_s=LEASE_S, tables=tables, vip_lines="preempt = true\n") as made:
        yield made


@pytest.fixture(autouse=True)
def undone(switches: Path) -> Iterator[None]:
    yield
    for switch in switches.iterdir():
        switch.unlink()


def candidate(arena: Arena, agent: Agent) -> dict[str, Any]:
    """What the store knows of this node's candidacy."""
    store = arena.lab.store
    (listed,) = list_vips(arena.lab.network.hosts[0], store.endpoints, store.backend)
    found: dict[str, Any] = next(each for each in listed["candidates"] if each["node"] == agent.node)
    return found


def wait(true: Callable[[], bool], otherwise: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, otherwise
        time.sleep(0.2)


def answered_by(arena: Arena, agent: Agent) -> None:
    for vip in VIPS:
        arena.observer.wait_until_answered(vip, by=agent.node, kinds=("client",), timeout_s=PATIENCE_S)


def stay() -> None:
    """The observer takes an owner that returns sooner for one that never went."""
    time.sleep(1.5 * RETURN_NS / 1e9)


def settle_at(arena: Arena) -> Agent:
    """The best node owns it, with all that it can have; nothing moves any more."""
    best = arena.agents[0]
    wait(lambda: candidate(arena, best)["priority"] == 150, "its bonus never came")
    answered_by(arena, best)
    stay()
    return best


def test_a_maintenance_file_moves_it_by_hand_over_and_back(settled: Arena, switches: Path) -> None:
    best, second = settle_at(settled), settled.agents[1]
    down = switches / f"{best.node}.down"
    with settled.judged() as since_ns:
        down.write_text("5\n")
        answered_by(settled, second)
        found = candidate(settled, best)
        assert (found["priority"], found["weights"]) == (145, "100 +50 bonus -5 maint")
        store = settled.lab.store
        shown = show_vips(settled.lab.network.hosts[0], store.endpoints, store.backend)
        assert f"{best.node} 145 = 100 +50 bonus -5 maint" in shown
        stay()
        down.unlink()
        answered_by(settled, best)
        assert candidate(settled, best)["weights"] == "100 +50 bonus"
    # Nobody waited for a lease.
    assert settled.outage(since_ns).seconds < LEASE_S / 2
    assert "reason=preempted" in best.process.log.read_text()


def test_a_failing_check_steps_down_by_hand_over(settled: Arena, switches: Path) -> None:
    best, second = settle_at(settled), settled.agents[1]
    broken = switches / f"{best.node}.broken"
    with settled.judged() as since_ns:
        broken.touch()
        answered_by(settled, second)
        found = candidate(settled, best)
        assert (found["eligible"], found["reason"]) == (False, "check-failed")
        assert found["detail"].endswith(": web: exit code 1")
        stay()
        broken.unlink()
        answered_by(settled, best)
    assert settled.outage(since_ns).seconds < LEASE_S / 2
    assert "reason=named-successor" in second.process.log.read_text()


def test_a_check_that_fails_on_all_nodes_leaves_it_to_none(settled: Arena, switches: Path) -> None:
    with settled.judged():
        for agent in settled.agents:
            (switches / f"{agent.node}.broken").touch()
        settled.observer.wait_until_silent(VIPS[0], timeout_s=PATIENCE_S)
        last = settled.agents[-1]
        (switches / f"{last.node}.broken").unlink()
        answered_by(settled, last)
    for agent in settled.agents[:-1]:
        (switches / f"{agent.node}.broken").unlink()


def test_a_restart_with_a_slow_check_loses_nothing(settled: Arena, switches: Path) -> None:
    best = settle_at(settled)
    (switches / f"{best.node}.slow").touch()
    with settled.judged() as since_ns:
        best.kill()
        best.start()
        time.sleep(LEASE_S * 1.2)
        # It counts as if all were well: neither does it step down, nor is it asked to by a better node.
        assert candidate(settled, best)["priority"] == 150
    assert settled.owner() is best
    assert settled.outage(since_ns).lost == 0
    assert "state=up" not in best.process.log.read_text().rpartition(" info start ")[2].replace(
        "track=web state=up", ""
    )


def test_who_does_not_know_yet_claims_nothing(settled: Arena, switches: Path) -> None:
    best, *others = settle_at(settled), *settled.agents[1:]
    for agent in others:
        (switches / f"{agent.node}.slow").touch()
        assert agent.leave_for_restart() == 0
        agent.start()
        wait(
            lambda agent=agent: candidate(settled, agent)["reason"] == "check-pending",  # type: ignore[misc]  # its default binds it
            "it does not wait",
        )
    with settled.judged():
        best.stop_planned()
        time.sleep(2.0)
        assert settled.record()[0] is None
        (switches / f"{others[-1].node}.slow").unlink()
        answered_by(settled, others[-1])
