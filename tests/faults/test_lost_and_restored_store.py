"""The store loses its data, or gets older data back: never two nodes answer, and the log says what is so.

The lease is long here: what these tests guard against would show only while the owner that the store has
forgotten still serves, and a busy machine may take seconds to restore a backup and to start a process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.arena import PATIENCE_S, VIPS, Arena, make_arena
from tests.faults.backups import lose_data, restore_backup, take_backup
from vipkeeper.lab.agents import CLUSTER, Agent

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 6.0


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with make_arena(etcd_members=1, lease_s=LEASE_S) as made:
        yield made


class Logs:
    """What the agents have said since this was made."""

    def __init__(self, agents: list[Agent]) -> None:
        self._from = {agent.node: len(self._text(agent)) for agent in agents}

    def since(self, agent: Agent) -> str:
        return self._text(agent)[self._from[agent.node] :]

    def require_said(self, text: str, agents: list[Agent]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        for agent in agents:
            while text not in self.since(agent):
                assert time.monotonic() < deadline_s, f"{agent.node} never said {text!r}"
                time.sleep(0.1)

    @staticmethod
    def _text(agent: Agent) -> str:
        return agent.process.log.read_text() if agent.process.log.exists() else ""


def kept_revision(agent: Agent) -> int:
    path = agent.run_directory / f"revision-etcd-{CLUSTER}"
    return int(path.read_text()) if path.exists() else 0


def backup_then_move(settled: Arena) -> tuple[Path, Agent, Agent]:
    """The backup names the first as the owner; since then it is the second, and the first is stopped."""
    former = settled.owner()
    backup = take_backup(settled.lab)
    revision, _ = settled.lab.etcd.read("/vipkeeper/")
    assert former.stop_planned() == 0
    settled.wait_for_somebody(but=former)
    assert kept_revision(former) > revision
    return backup, former, settled.owner()


def wait_for_the_next(settled: Arena) -> None:
    """Until the owner of before has stopped and somebody has claimed."""
    settled.observer.wait_until_silent(VIPS[0], timeout_s=LEASE_S + PATIENCE_S)
    settled.wait_for_somebody()


def test_all_data_lost_while_agents_run(settled: Arena) -> None:
    logs = Logs(settled.agents)
    with settled.judged():
        lose_data(settled.lab)
        wait_for_the_next(settled)
    logs.require_said("store-went-back", settled.agents)


def test_all_data_lost_while_agents_are_stopped(settled: Arena) -> None:
    logs = Logs(settled.agents)
    owner = settled.owner()
    standbys = [agent for agent in settled.agents if agent is not owner]
    with settled.judged():
        for agent in (*standbys, owner):  # in this order nobody is left to take over
            assert agent.stop_planned() == 0
        lose_data(settled.lab)
        for agent in settled.agents:
            agent.start()
        settled.wait_for_somebody()
    logs.require_said("store-went-back", settled.agents)


def test_a_backup_restored_while_agents_run(settled: Arena) -> None:
    backup, former, _ = backup_then_move(settled)
    former.start()
    settled.settle()
    logs = Logs(settled.agents)
    with settled.judged():
        restore_backup(settled.lab, backup)
        wait_for_the_next(settled)
    logs.require_said("store-went-back", settled.agents)


def test_a_backup_restored_while_the_present_owner_is_frozen(settled: Arena) -> None:
    """The owner that the backup names runs; the one since then cannot notice anything, and still answers."""
    backup, former, present = backup_then_move(settled)
    former.start()
    settled.settle()
    logs = Logs(settled.agents)
    with settled.judged():
        present.freeze()
        try:
            restore_backup(settled.lab, backup)
            settled.wait_for_somebody(but=present)
        finally:
            present.thaw()
    logs.require_said("store-went-back", settled.agents)


def test_a_backup_restored_while_the_owner_it_names_is_stopped(settled: Arena) -> None:
    """It starts on a store that gives it what another node still answers for; only its own memory tells."""
    backup, former, present = backup_then_move(settled)
    logs = Logs(settled.agents)
    with settled.judged():
        present.freeze()
        try:
            restore_backup(settled.lab, backup)
            former.start()
            settled.wait_for_somebody(but=present)
        finally:
            present.thaw()
    logs.require_said("store-went-back", [former])


def test_a_backup_restored_after_the_owner_it_names_was_killed(settled: Arena) -> None:
    """A killed agent has kept what it knew some seconds before; the backup is older than that."""
    former = settled.owner()
    backup = take_backup(settled.lab)
    revision, _ = settled.lab.etcd.read("/vipkeeper/")
    deadline_s = time.monotonic() + PATIENCE_S
    while kept_revision(former) <= revision:
        assert time.monotonic() < deadline_s, "the agent never wrote down how far the store has come"
        time.sleep(0.1)
    former.kill()
    settled.wait_for_somebody(but=former)
    present = settled.owner()
    logs = Logs(settled.agents)
    with settled.judged():
        present.freeze()
        try:
            restore_backup(settled.lab, backup)
            former.start()
            settled.wait_for_somebody(but=present)
        finally:
            present.thaw()
    logs.require_said("store-went-back", [former])
