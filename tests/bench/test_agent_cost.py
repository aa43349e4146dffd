"""What an agent costs: memory, processor, start-up, writes to the store."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.figures import ROUNDS, Figures, spread
from tests.bench.store_watch import Write, watch_store
from tests.faults.arena import Arena, make_arena
from vipkeeper.lab.agents import CLUSTER, Agent, AgentOptions
from vipkeeper.lab.lab import make_lab, run_agents
from vipkeeper.lab.network import vip_ipv4
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.bench, pytest.mark.timeout(600)]

LEASE_S = 4.0
WINDOW_S = 20.0


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with make_arena(etcd_members=1, lease_s=LEASE_S) as made:
        yield made


def resident_mb(agent: Agent) -> float:
    status = Path(f"/proc/{agent.process.pid}/status").read_text()
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+) kB", status)
    return int(kilobytes) / 1024


def processor_s(agent: Agent) -> float:
    """User and system time so far."""
    fields = Path(f"/proc/{agent.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_memory_and_idle_processor_time(arena: Arena, figures: Figures) -> None:
    arena.settle()
    owner = arena.owner()
    standby = next(agent for agent in arena.agents if agent is not owner)
    time.sleep(2)
    before = {agent.node: processor_s(agent) for agent in (owner, standby)}
    time.sleep(WINDOW_S)
    for role, agent in (("owner", owner), ("standby", standby)):
        figures.add(f"resident memory, {role}", resident_mb(agent), "MB", target=40)
        used = (processor_s(agent) - before[agent.node]) / WINDOW_S * 100
        figures.add(
            f"idle processor time, {role}", used, "% of a core", target=0.5, detail=f"over {WINDOW_S:g} s"
        )


def test_first_lease_write_after_exec(arena: Arena, figures: Figures) -> None:
    """On a restart, where the record names this node and nothing has to be waited for."""
    taken_ms = []
    for _ in range(ROUNDS):
        arena.settle()
        owner = arena.owner()
        owner.leave_for_restart()
        with watch_store(arena.lab.etcd.members[0]) as watch:
            started_ns = now_ns()
            owner.start()
            written_ns = _first_write(watch.writes, f"/vipkeeper/{CLUSTER}/nodes/{owner.node}/lease")
        taken_ms.append((written_ns - started_ns) / 1e6)
    ordered = sorted(taken_ms)
    figures.add(
        "first lease write after exec, p50",
        ordered[len(ordered) // 2],
        "ms",
        target=300,
        detail=spread(taken_ms),
    )


def _first_write(writes: list[Write], key: str) -> int:
    deadline_s = time.monotonic() + 30
    while True:
        for write in list(writes):
            if write.key == key:
                return write.seen_ns
        assert time.monotonic() < deadline_s, f"{key} was not written"
        time.sleep(0.005)


@pytest.mark.parametrize("count", [1, 100])
def test_store_writes(count: int, figures: Figures) -> None:
    vips = {f"vip{number}": (vip_ipv4(number),) for number in range(count)}
    with make_lab(hosts=3) as lab:
        options = AgentOptions(vips=vips, endpoints=lab.etcd.endpoints, ttl_s=2.0, lease_max_s=2.0)
        with run_agents(lab, options), watch_store(lab.etcd.members[0]) as watch:
            time.sleep(15)  # first claims, histories, announcements of candidacy
            start_ns = now_ns()
            time.sleep(WINDOW_S)
            writes = watch.between(start_ns, now_ns())
    renewals = [write for write in writes if write.key.endswith("/lease")]
    others = [write for write in writes if not write.key.endswith("/lease")]
    owners = {write.key for write in renewals}
    assert renewals, "nobody renewed"
    figures.add(
        f"{count} VIPs, {len(owners)} owner: store writes per renewal",
        len({write.revision for write in renewals}) / (WINDOW_S / 0.5) / len(owners),
        "transactions",
        target=1.05,
        detail=f"{len(renewals)} renewals and {len(others)} other keys written in {WINDOW_S:g} s",
    )
