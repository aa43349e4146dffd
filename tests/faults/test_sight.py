"""Looking into the agents while every server of the store is frozen: `vipkeeper ls` and the metrics."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.arena import PATIENCE_S, VIPS, Arena
from vipkeeper.lab.agents import CLUSTER, Agent, AgentOptions
from vipkeeper.lab.faults import frozen_store
from vipkeeper.lab.lab import make_lab, run_agents
from vipkeeper.lab.observer import run_observer

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 2.0
METRICS = "127.0.0.1:9480"


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """As the others have it, and every agent serves metrics in its own namespace."""
    with make_lab(hosts=3, etcd_members=3) as lab:
        options = AgentOptions(
            vips={"web": VIPS},
            endpoints=lab.etcd.endpoints,
            ttl_s=LEASE_S,
            lease_max_s=LEASE_S,
            tables=f'[metrics]\nlisten = "{METRICS}"\n',
        )
        with run_observer(lab.network, VIPS, lab.directory) as observer, run_agents(lab, options) as agents:
            yield Arena(lab, agents, observer, options)


def inside(agent: Agent, *words: str) -> subprocess.CompletedProcess[str]:
    """A command on an agent's machine. A traceback fails the test."""
    done = subprocess.run(
        agent.host.namespace.inside(*words), capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def ls(arena: Arena, agent: Agent, *words: str) -> subprocess.CompletedProcess[str]:
    return inside(
        agent,
        *(sys.executable, "-m", "vipkeeper", "ls", "--cluster", CLUSTER),
        *("--endpoints", ",".join(arena.lab.etcd.endpoints)),
        *("--run-dir", str(agent.run_directory)),
        *words,
    )


def vip_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    (vip,) = json.loads(done.stdout)
    return dict(vip)


def metrics_of(agent: Agent) -> dict[str, float]:
    fetch = f"import urllib.request as u; print(u.urlopen('http://{METRICS}/metrics').read().decode())"
    done = inside(agent, sys.executable, "-c", fetch)
    assert done.returncode == 0, done.stderr
    lines = (line for line in done.stdout.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def wait_for(what: str, look: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline_s, f"never came true: {what}"
        time.sleep(0.1)


def test_a_store_outage_can_be_looked_into(settled: Arena) -> None:
    owner = settled.owner()
    others = sorted(agent.node for agent in settled.agents if agent is not owner)
    standby = next(agent for agent in settled.agents if agent is not owner)
    usual = ls(settled, owner, "-o", "json")
    assert (usual.returncode, vip_of(usual)["promised_by"]) == (0, None)
    with settled.judged() as since_ns:
        with frozen_store(settled.lab.store):
            wait_for(
                "held on promises",
                lambda: vip_of(ls(settled, owner, "--agent", "-o", "json"))["promised_by"] == others,
            )
            _look_at_owner(settled, owner, others)
            _look_at_standby(settled, standby, owner)
            table = ls(settled, owner)
            assert table.returncode == 69
            assert f"held-on-promises by {', '.join(others)}" in table.stdout
        wait_for(
            "confirmed again",
            lambda: vip_of(ls(settled, owner, "--agent", "-o", "json"))["promised_by"] is None,
        )
        after = metrics_of(owner)
        assert after["vipkeeper_held_on_promises"] == 0
        assert {after[f'vipkeeper_promised_by{{node="{node}"}}'] for node in others} == {0.0}
    assert settled.outage(since_ns).lost == 0
    again = ls(settled, owner, "-o", "json")
    assert (again.returncode, vip_of(again)["promised_by"]) == (0, None)


def _look_at_owner(arena: Arena, owner: Agent, others: list[str]) -> None:
    done = ls(arena, owner, "--all", "-o", "json")
    assert done.returncode == 69
    assert "the store does not answer" in done.stderr
    assert f"what the agent of {owner.node} knows" in done.stderr
    shown = json.loads(done.stdout)
    assert shown["from"] == "agent"
    (vip,) = shown["vips"]
    assert (vip["owner"], vip["promised_by"]) == (owner.node, others)
    assert 0 < vip["lease_remaining_ms"] <= LEASE_S * 1000
    assert [(each["node"], each["refusal"]) for each in shown["agent"]["electorate"]] == [
        (node, None) for node in others
    ]
    metrics = metrics_of(owner)
    assert metrics['vipkeeper_vip_holder{vip="web"}'] == 1
    became = [name for name in metrics if name.startswith("vipkeeper_decisions_total") and "holder" in name]
    assert sum(metrics[name] for name in became) >= 1
    assert metrics["vipkeeper_held_on_promises"] == 1
    assert {metrics[f'vipkeeper_promised_by{{node="{node}"}}'] for node in others} == {1.0}
    assert metrics["vipkeeper_store_confirmed_seconds_ago"] > LEASE_S / 2
    assert 0 < metrics["vipkeeper_lease_seconds_left"] <= LEASE_S


def _look_at_standby(arena: Arena, standby: Agent, owner: Agent) -> None:
    vip = vip_of(ls(arena, standby, "--agent", "-o", "json"))
    assert (vip["owner"], vip["promised_by"]) == (owner.node, None)
    assert f"{standby.node} promised {owner.node}" in vip["detail"]
    assert vip["lease_remaining_ms"] > 0
    metrics = metrics_of(standby)
    assert metrics['vipkeeper_vip_holder{vip="web"}'] == 0
    assert metrics["vipkeeper_promises_given_total"] > 0


def test_the_socket_of_a_killed_agent_is_no_answer_and_the_next_one_replaces_it(settled: Arena) -> None:
    agent = next(agent for agent in settled.agents if agent is not settled.owner())
    control = agent.run_directory / "control"
    agent.kill()
    assert control.exists()
    dead = ls(settled, agent, "--agent")
    assert (dead.returncode, dead.stdout) == (69, "")
    assert "has ended" in dead.stderr
    agent.start()
    wait_for("it answers", lambda: ls(settled, agent, "--agent", "-o", "json").returncode == 0)


def test_a_socket_that_cannot_be_opened_is_a_warning_and_no_vip_goes(settled: Arena) -> None:
    owner = settled.owner()
    control = owner.run_directory / "control"
    with settled.judged() as since_ns:
        owner.leave_for_restart()
        with in_the_way(control):
            owner.start()
            wait_for("it serves", owner.is_ready)
            settled.wait_for_somebody()
            wait_for("the warning", lambda: "cannot ask this agent" in owner.process.log.read_text())
            time.sleep(2 * LEASE_S)
            assert ls(settled, owner, "--agent").returncode == 69
    assert settled.outage(since_ns).lost == 0
    owner.leave_for_restart()
    owner.start()


@contextlib.contextmanager
def in_the_way(path: Path) -> Iterator[None]:
    """A directory where the socket should be."""
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
