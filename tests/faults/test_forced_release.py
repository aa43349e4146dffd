"""`vipkeeper release --force` with real agents: the node that nobody knew takes over from a dead owner."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.faults.arena import PATIENCE_S, VIPS, Arena
from vipkeeper.lab.agents import CLUSTER, AgentOptions
from vipkeeper.lab.lab import make_lab, run_agents
from vipkeeper.lab.observer import run_observer

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 1.0
# An owner that knew nobody else is waited for by others for so long: more than the test takes.
ALONE_S = 600


@pytest.fixture
def arena() -> Iterator[Arena]:
    """Two hosts, and an agent on the first alone: its lease names nobody."""
    with make_lab(hosts=2) as lab:
        options = AgentOptions(
            vips={"web": VIPS},
            endpoints=lab.etcd.endpoints,
            ttl_s=LEASE_S,
            lease_max_s=LEASE_S,
            tables=f"failsafe_alone = {ALONE_S}\n",
        )
        with (
            run_observer(lab.network, VIPS, lab.directory) as observer,
            run_agents(lab, options, start=1) as agents,
        ):
            yield Arena(lab, agents, observer, options)


def release(arena: Arena, *words: str) -> subprocess.CompletedProcess[str]:
    """On the second host, with the lease of the agents."""
    agent = arena.agents[1]
    config = arena.lab.directory / "operator.toml"
    config.write_text(f"[lease]\nttl = {LEASE_S}\nmax = {LEASE_S}\n")
    done = subprocess.run(
        agent.host.namespace.inside(
            *(sys.executable, "-m", "vipkeeper", "release", "web", *words),
            *("--endpoints", ",".join(arena.lab.etcd.endpoints), "--cluster", CLUSTER),
            *("--config", str(config), "--run-dir", str(agent.run_directory)),
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_an_outsider_takes_over_at_once(arena: Arena) -> None:
    owner, outsider = arena.agents
    with arena.judged():
        assert arena.owner() is owner
        living = release(arena, "--force")
        assert living.returncode == 75
        assert f"{owner.node} is alive and web is not released" in living.stderr

        owner.kill()
        outsider.start()
        deadline_s = time.monotonic() + PATIENCE_S
        while "outside-electorate" not in outsider.process.log.read_text():
            assert time.monotonic() < deadline_s, "it does not wait as an outsider"
            time.sleep(0.1)
        unforced = release(arena)
        assert unforced.returncode == 75
        assert f"web belongs to {owner.node}" in unforced.stderr

        forced = release(arena, "--force")
        assert forced.returncode == 0, forced.stderr
        arena.wait_for_somebody(but=owner)
