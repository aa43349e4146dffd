"""What virtual routers tell of their changes: hosts in memory, looked at in the moment of telling."""

from __future__ import annotations

from pathlib import Path

from tests.agent.vrrp_bench import ADDRESSES, HIGHER, LOWER, Bench, Node, config, pair, play, toml
from vipkeeper.election.events import WeightChanged
from vipkeeper.model.state_changes import VipState
from vipkeeper.model.weights import Weight

MASTER, BACKUP, FAULT = VipState.MASTER, VipState.BACKUP, VipState.FAULT


def states(node: Node) -> list[VipState]:
    """Each once, as those hear them who are told the same thing twice."""
    found: list[VipState] = []
    for change in node.changes:
        if not found or found[-1] is not change.state:
            found.append(change.state)
    return found


def test_master_and_backup_as_the_kernel_has_it(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(toml(), priority=HIGHER))
        answered: list[tuple[VipState, bool]] = []
        node.hear = lambda change: answered.append((change.state, node.answers()))
        node.start()
        await bench.until(node.answers, 6.0)
        node.pull_cable()
        await bench.passes(1.0)
        node.plug_cable()
        await bench.until(node.answers, 6.0)
        told = list(dict.fromkeys(answered))
        assert told == [(BACKUP, False), (MASTER, True), (FAULT, False)]
        assert [state for state, _ in answered if state is MASTER] == [MASTER] * 2

    play(tmp_path, story)


def test_a_pair_tells_what_each_is(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        assert states(higher)[-1] is MASTER
        assert states(lower)[-1] is BACKUP
        assert {change.priority for change in higher.changes} == {HIGHER}
        higher.kill()
        await bench.until(lower.answers, 6.0)
        assert states(lower)[-2:] == [BACKUP, MASTER]
        assert lower.changes[-1].reason == "master-silent"
        assert lower.changes[-1].priority == LOWER

    play(tmp_path, story)


def test_a_vip_that_a_reload_removes_is_told_when_it_is_gone(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        both = (toml(), toml(52, "192.0.2.200", name="mail"))
        higher, _ = await pair(bench, *both)
        higher.reload(config(toml(), priority=HIGHER))
        await bench.passes(1.0)
        (deleted,) = [change for change in higher.changes if change.state is VipState.DELETED]
        assert deleted.unit == "mail"

    play(tmp_path, story)


def test_another_router_in_its_place_is_not_deleted(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(toml(), priority=HIGHER)).start()
        await bench.until(node.answers, 6.0)
        node.reload(config(toml(77), priority=HIGHER))
        await bench.until(node.answers, 6.0)
        assert states(node) == [BACKUP, MASTER, BACKUP, MASTER]

    play(tmp_path, story)


def test_a_lower_master_that_is_heard_after_a_split_is_told(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        bench.segment.cut(higher.name, lower.name)  # and the lower one is still heard
        await bench.until(lower.answers, 8.0)
        bench.segment.heal()
        await bench.passes(3.0)
        heard = [one for one in higher.changes if one.state is VipState.MASTER_RX_LOWER_PRI]
        assert heard
        assert {one.detail for one in heard} == {f"{ADDRESSES[1]} with priority {LOWER}"}
        assert states(lower)[-2:] == [MASTER, BACKUP]
        bench.doubles.clear()  # which VRRP cannot rule out

    play(tmp_path, story)


def test_a_weight_is_told_as_another_priority(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        for node in (higher, lower):
            node.shell.post(WeightChanged({"web": Weight(-5, "-5 maint")}))
        await bench.passes(0.5)
        for node, state, priority in (
            (higher, VipState.MASTER_PRIORITY, HIGHER - 5),
            (lower, VipState.BACKUP_PRIORITY, LOWER - 5),
        ):
            assert [one.priority for one in node.changes if one.state is state] == [priority]

    play(tmp_path, story)


def test_a_master_that_cannot_speak_is_told_as_fault_until_it_can(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(toml())).start()
        await bench.until(node.answers, 6.0)
        node.ports.set_interface(up=False)  # and the kernel says nothing of it
        await bench.passes(6.0)
        assert states(node) == [BACKUP, MASTER, FAULT]
        node.ports.set_interface(up=True)
        await bench.until(node.answers, 6.0)
        assert states(node) == [BACKUP, MASTER, FAULT, MASTER]

    play(tmp_path, story)
