"""A thousand VIPs on one owner that is stopped: when does every one of them answer elsewhere?"""

from __future__ import annotations

import time

import pytest

from tests.bench.figures import Figures
from vipkeeper.lab.agents import Agent, AgentOptions, list_vips
from vipkeeper.lab.lab import Lab, make_lab, run_agents
from vipkeeper.lab.network import vip_ipv4
from vipkeeper.lab.observer import Observer, now_ns, run_observer
from vipkeeper.lab.verdicts import double_answers

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.bench, pytest.mark.timeout(600)]

COUNT = 1000
LEASE_S = 4.0
PATIENCE_S = 90.0


def answered_elsewhere(observer: Observer, since_ns: int, former: str) -> dict[int, int]:
    """For each VIP, when the first answer of another node came."""
    first: dict[int, int] = {}
    for answer in observer.recording().answers:
        if answer.kind == "arp" and answer.received_ns >= since_ns and answer.who != former:
            first.setdefault(answer.vip, answer.received_ns)
    return first


def test_a_thousand_vips_move(figures: Figures) -> None:
    vips = tuple(vip_ipv4(number) for number in range(COUNT))
    with make_lab(hosts=2) as lab:
        options = AgentOptions(
            vips={f"vip{number}": (vip,) for number, vip in enumerate(vips)},
            endpoints=lab.etcd.endpoints,
            ttl_s=LEASE_S,
            lease_max_s=LEASE_S,
        )
        directory = lab.directory / "many"
        with (
            run_observer(
                lab.network, vips, directory, interval_ms=1.0, kinds=("arp",), vips_per_round=50
            ) as observer,
            run_agents(lab, options, start=1) as (owner, successor),
        ):
            # Together they would share the VIPs out between them.
            _wait_for_all(observer, now_ns(), former="")
            successor.start()
            _wait_until_candidate(lab, successor)
            time.sleep(10)  # paced announcements of the first claims are over
            since_ns = now_ns()
            owner.stop_planned()
            stopped_ns = now_ns()
            arrived = _wait_for_all(observer, since_ns, former=owner.node)
            time.sleep(2)
            verdict = double_answers(observer.recording())
    assert verdict.count == 0, verdict.proofs[:3]
    figures.add(
        f"{COUNT} VIPs, SIGTERM of their owner: all answer elsewhere",
        (max(arrived.values()) - since_ns) / 1e9,
        "s",
        target=1.0,
        detail=f"the agent took {(stopped_ns - since_ns) / 1e9:.2f} s to end",
    )


def _wait_until_candidate(lab: Lab, agent: Agent) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        ready = sum(
            candidate["node"] == agent.node and candidate["eligible"]
            for listed in list_vips(agent.host, lab.etcd.endpoints)
            for candidate in listed["candidates"]
        )
        if ready == COUNT:
            return
        assert time.monotonic() < deadline_s, f"{agent.node} stands by for {ready} of {COUNT}"
        time.sleep(0.5)


def _wait_for_all(observer: Observer, since_ns: int, former: str) -> dict[int, int]:
    deadline_s = time.monotonic() + PATIENCE_S
    while len(arrived := answered_elsewhere(observer, since_ns, former)) < COUNT:
        assert time.monotonic() < deadline_s, f"{len(arrived)} of {COUNT} answer"
        time.sleep(0.25)
    return arrived
