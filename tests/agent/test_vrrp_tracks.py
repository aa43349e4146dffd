"""What tracked things do to virtual routers: weights on the wire, faults, and who waits for a first result.

Rules of this file: no time passes but by arithmetic (virtual_time.py); see vrrp_bench.py.
"""

from __future__ import annotations

from pathlib import Path

from tests.agent.vrrp_bench import HIGHER, Bench, Node, config, pair, play, toml
from vipkeeper.election.events import WeightChanged
from vipkeeper.model.reasons import Reason
from vipkeeper.model.weights import Weight
from vrrp_compat.router.states import State


def weigh(node: Node, total: int, explained: str) -> None:
    node.shell.post(WeightChanged({"web": Weight(total, explained)}))


def test_a_weight_is_heard_and_moves_the_vip_there_and_back(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        start_s = bench.loop.time()
        weigh(higher, -60, "-60 maint")
        await bench.until(lower.answers, 5.0)
        assert bench.by(higher, since_s=start_s)[0].priority == HIGHER - 60
        report = higher.report()
        assert (report.priority, report.weights) == (HIGHER - 60, f"{HIGHER} -60 maint")
        weigh(higher, 0, "")
        await bench.until(higher.answers, 5.0)
        assert higher.report().weights == ""

    play(tmp_path, story)


def test_a_failing_check_leaves_with_priority_0(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        higher.host.fitness.checked({"web": (Reason.CHECK_FAILED, "web: exit code 1")})
        await bench.until(lower.answers, 2.0)
        assert bench.by(higher)[-1].priority == 0
        report = higher.report()
        assert (report.state, report.reason) == (State.FAULT.value, "check-failed")
        assert report.detail == "web: exit code 1"
        higher.host.fitness.checked({})
        await bench.until(higher.answers, 10.0)

    play(tmp_path, story)


def test_a_router_begins_with_the_first_result_and_not_before(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("only", "192.0.2.11", config(toml(), priority=HIGHER))
        node.start(pending="web")
        await bench.passes(30.0)
        assert bench.by(node) == []
        report = node.report()
        assert (report.state, report.reason) == (State.INITIALIZE.value, "check-pending")
        node.host.fitness.checked({})
        await bench.until(node.answers, 10.0)

    play(tmp_path, story)


def test_one_that_waits_for_a_first_result_can_be_stopped(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("only", "192.0.2.11", config(toml(), priority=HIGHER))
        node.start(pending="web")
        await bench.passes(1.0)
        await node.stop()
        assert bench.by(node) == []

    play(tmp_path, story)


def test_one_that_waits_and_is_taken_out_by_a_reload_never_begins(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        other = toml(52, "192.0.2.200", name="mail")
        node = bench.node("only", "192.0.2.11", config(toml(), other, priority=HIGHER))
        node.start(pending="web")
        await bench.until(lambda: node.answers("192.0.2.200"), 10.0)
        node.reload(config(other, priority=HIGHER))
        node.host.fitness.checked({})
        await bench.passes(10.0)
        assert set(node.shell.routers) == {"mail"}
        assert not node.answers()

    play(tmp_path, story)


def test_a_weight_that_is_told_before_its_router_counts_from_the_start(tmp_path: Path) -> None:
    """As at a reload that waits for names: the tracks are there first."""

    async def story(bench: Bench) -> None:
        other = toml(52, "192.0.2.200", name="mail")
        node = bench.node("only", "192.0.2.11", config(other, priority=HIGHER))
        node.start()
        weigh(node, -20, "-20 web")
        await bench.passes(1.0)
        node.reload(config(toml(), other, priority=HIGHER))
        await bench.until(node.answers, 10.0)
        assert {said.priority for said in bench.by(node) if said.vrid != 52} == {HIGHER - 20}

    play(tmp_path, story)


def test_a_router_that_is_replaced_keeps_its_weight(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, _ = await pair(bench)
        weigh(higher, -1, "-1 web")
        higher.reload(config(toml(vrid=77), priority=HIGHER))
        await bench.until(higher.answers, 10.0)
        assert {said.priority for said in bench.by(higher) if said.vrid == 77} == {HIGHER - 1}

    play(tmp_path, story)
