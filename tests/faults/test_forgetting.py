"""`vipkeeper forget` with real agents: a living one answers and stays, a dead one goes and may come back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.arena import PATIENCE_S, Arena, make_arena
from vipkeeper.lab.agents import CLUSTER, Agent

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 2.0


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with make_arena(etcd_members=1, lease_s=LEASE_S) as made:
        yield made


def command(arena: Arena, *words: str) -> subprocess.CompletedProcess[str]:
    """One command on a machine that is no node; its configuration has the lease of the agents."""
    config = arena.lab.directory / "operator.toml"
    config.write_text(f"[lease]\nttl = {LEASE_S}\nmax = {LEASE_S}\n")
    done = subprocess.run(
        arena.lab.network.hosts[0].namespace.inside(
            *(sys.executable, "-m", "vipkeeper", *words),
            *("--endpoints", ",".join(arena.lab.etcd.endpoints), "--cluster", CLUSTER),
            *("--config", str(config)),
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def everything(arena: Arena) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(command(arena, "ls", "--all", "-o", "json").stdout)
    return listed


def state_of(arena: Arena, agent: Agent) -> str:
    (state,) = (node["state"] for node in everything(arena)["nodes"] if node["node"] == agent.node)
    return str(state)


def candidates(arena: Arena) -> set[str]:
    return {each["node"] for vip in everything(arena)["vips"] for each in vip["candidates"]}


def test_living_agents_are_not_forgotten_and_nothing_moves(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged() as since_ns:
        for agent in settled.agents:
            done = command(settled, "forget", agent.node)
            assert done.returncode == 75, done.stdout + done.stderr
            assert f"{agent.node} is alive and is not forgotten" in done.stderr
            assert state_of(settled, agent) == "running"
    assert settled.owner() is owner
    assert settled.outage(since_ns).lost == 0


def test_a_killed_owner_is_forgotten_and_comes_back_by_itself(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        owner.kill()
        settled.wait_for_somebody(but=owner)
        done = command(settled, "forget", owner.node)
        assert done.returncode == 0, done.stdout + done.stderr
        assert state_of(settled, owner) == "forgotten"
        assert owner.node not in candidates(settled)
        owner.start()
        deadline_s = time.monotonic() + PATIENCE_S
        while owner.node not in candidates(settled):
            assert time.monotonic() < deadline_s, "it was never listed again"
        assert state_of(settled, owner) == "running"


def test_a_frozen_agent_that_was_forgotten_goes_on_as_before(settled: Arena) -> None:
    owner = settled.owner()
    standby = next(agent for agent in settled.agents if agent is not owner)
    with settled.judged():
        standby.freeze()
        try:
            done = command(settled, "forget", standby.node)
            assert done.returncode == 0, done.stdout + done.stderr
            assert state_of(settled, standby) == "forgotten"
        finally:
            standby.thaw()
        deadline_s = time.monotonic() + PATIENCE_S
        while state_of(settled, standby) != "running":
            assert time.monotonic() < deadline_s, "it never wrote its info anew"
        standby.process.require_running()
