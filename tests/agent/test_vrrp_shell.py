"""The agent's virtual routers at work: in which order they speak and answer, and when they must not.

Rules of this file: no time passes but by arithmetic (virtual_time.py); see vrrp_bench.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.vrrp_bench import ADDRESSES, HIGHER, LOOK_S, LOWER, VIP, Bench, config, pair, play, toml
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State
from vrrp_compat.router.timers import hold_s
from vrrp_compat.sockets.memory_segment import arrives
from vrrp_compat.wire.advertisement import Datagram


def test_a_new_master_speaks_before_it_answers(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, _ = await pair(bench)
        first = bench.by(higher)[0]
        assert (first.priority, first.answered) == (HIGHER, False)
        assert all(said.answered for said in bench.by(higher)[1:])
        announced_s = higher.kernel.announced[0][0]
        assert announced_s >= first.at_s

    play(tmp_path, story)


def test_who_leaves_is_silent_before_it_says_so(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        await higher.stop()
        farewell = bench.by(higher)[-1]
        assert (farewell.priority, farewell.answered) == (0, False)
        await bench.until(lower.answers, 1.0)
        skew_s = (256 - LOWER) / 256
        assert bench.loop.time() - farewell.at_s >= skew_s

    play(tmp_path, story)


def test_who_yields_is_silent_before_its_last_word(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        lower.reload(config(toml(), priority=130))
        await bench.until(lower.answers, 5.0)
        last = bench.by(higher)[-1]
        assert (last.priority, last.answered) == (HIGHER, False)

    play(tmp_path, story)


def test_a_kernel_that_does_not_let_go_is_not_passed_over(tmp_path: Path) -> None:
    """Backups that were told would answer beside it."""

    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        higher.kernel.stuck = dict.fromkeys(higher.kernel.addresses(), "it does not go")
        start_s = bench.loop.time()
        await higher.stop()
        assert bench.by(higher, since_s=start_s) == []
        assert higher.kernel.addresses().keys() == higher.kernel.stuck.keys()
        await bench.until(lower.answers, 5.0)

    play(tmp_path, story)


def test_a_frozen_agent_answers_for_its_hold_and_not_beside_its_successor(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        last_s = bench.by(higher)[-1].at_s
        higher.kill()  # as long as it is frozen that is the same
        await bench.until(lambda: not higher.answers(), 4.0)
        assert last_s + 2.5 < bench.loop.time() <= last_s + hold_s(100) + LOOK_S
        await bench.until(lower.answers, 2.0)

    play(tmp_path, story)


def test_after_a_freeze_nothing_is_answered_until_something_was_said(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(toml(), priority=HIGHER)).start()
        await bench.until(node.answers, 5.0)
        thawed_s = bench.loop.time() + 10.0
        bench.loop.pass_time(10.0)
        assert not node.answers()
        await bench.until(node.answers, 2.0)
        first = bench.by(node, since_s=thawed_s)[0]
        assert not first.answered
        assert node.shell.decisions[State.MASTER, RouterReason.LEASE_LAPSED] == 1
        assert node.shell.decisions[State.MASTER, RouterReason.RESUMED] == 1

    play(tmp_path, story)


def test_what_waits_in_a_socket_is_read_before_the_clock(tmp_path: Path) -> None:
    """A backup that was not run in time must not take over while its master's word lies there."""

    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        word = bench.by(higher)[-1].datagram
        higher.kill()
        takeover_ms = lower.report().takeover_in_ms
        assert takeover_ms is not None
        bench.segment.fate = lambda _sender, _receiver, _datagram: (takeover_ms / 1000 + 0.3,)
        bench.segment.carry("a", word)
        bench.loop.pass_time(takeover_ms / 1000 + 0.5)
        await bench.passes(2.0)
        assert lower.router().became_master == 0
        await bench.until(lower.answers, 4.0)

    play(tmp_path, story)


@pytest.mark.parametrize("interval", [0.01, 0.2, 1.0])
def test_a_hold_that_grows_is_told_in_time_and_not_each_time(tmp_path: Path, interval: float) -> None:
    """The kernel never answers for longer than decided, and always for as long as the next word takes."""

    async def story(bench: Bench) -> None:
        vip = toml(vrrp=f"advert_interval = {interval}")
        node = bench.node("a", ADDRESSES[0], config(vip, toml(52, "192.0.2.200", name="mail"))).start()
        await bench.until(node.answers, 5.0)

        def is_sound() -> bool:
            decided_s = node.router().machine.hold_until_s
            told_s = node.kernel.deadlines[VIP]
            assert decided_s is not None
            assert told_s <= decided_s + 1e-9
            assert told_s > bench.loop.time() + interval
            return False

        for _ in range(200):
            await bench.passes(interval / 7)
            is_sound()

    play(tmp_path, story)


def test_a_master_that_cannot_send_gives_up_and_comes_back(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(toml())).start()
        await bench.until(node.answers, 5.0)
        node.ports.set_interface(up=False)  # the carrier is there and nothing leaves
        await bench.until(lambda: not node.kernel.answers(VIP), 4.0)
        assert node.report().reason == "lease-lapsed"
        assert "Network is down" in node.report().detail
        node.ports.set_interface(up=True)
        await bench.until(node.answers, 2.0)
        assert node.report().reason == "resumed"

    play(tmp_path, story)


def test_two_routers_on_one_interface_do_not_hear_each_other(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        vips = (toml(), toml(52, "192.0.2.200", name="mail", more="priority = 90"))
        higher, lower = await pair(bench, *vips)
        states = [(node.report("web").state, node.report("mail").state) for node in (higher, lower)]
        assert states[0] == ("Master", "Backup")  # of equal priority the greater address is master
        assert states[1] == ("Backup", "Master")
        assert len(higher.ports.ports) == 1
        for node in (higher, lower):
            assert not node.router().discards
            assert not node.router("mail").discards
        vrids = {said.vrid for said in bench.said}
        assert vrids == {51, 52}

    play(tmp_path, story)


def test_one_vrid_in_both_families_is_two_routers(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench, toml(), toml(51, "fe80::100", name="six"))
        await bench.passes(5.0, VIP, "fe80::100")
        assert len(higher.ports.ports) == 2
        for name in ("web", "six"):
            assert (higher.report(name).state, lower.report(name).state) == ("Master", "Backup")
            assert not lower.router(name).discards
        assert higher.answers("fe80::100")

    play(tmp_path, story)


def test_unicast_and_multicast_beside_each_other(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        peers = [
            toml(52, "192.0.2.200", name="mail", vrrp=f'unicast_peers = ["{each}"]') for each in ADDRESSES
        ]
        higher = bench.node("a", ADDRESSES[0], config(toml(), peers[1], priority=HIGHER)).start()
        lower = bench.node("b", ADDRESSES[1], config(toml(), peers[0], priority=LOWER)).start()
        await bench.until(higher.answers, 5.0)
        await bench.until(lambda: higher.answers("192.0.2.200"), 5.0)
        await bench.passes(5.0, VIP, "192.0.2.200")
        for name in ("web", "mail"):
            assert (higher.report(name).state, lower.report(name).state) == ("Master", "Backup")
            assert not lower.router(name).discards
        to = {said.datagram.destination[0] for said in bench.by(higher)}
        assert to == {224, 192}

    play(tmp_path, story)


def test_after_a_partition_one_master_is_left_and_announces_itself(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        bench.segment.part("a", "listener")
        await bench.until(lambda: lower.kernel.answers(VIP), 5.0)
        healed_s = bench.loop.time()
        bench.segment.heal()
        bench.doubles.clear()  # two answer while nobody can know
        await bench.until(lambda: not lower.answers(), 2.0)
        bench.doubles.clear()
        await bench.passes(3.0)
        assert higher.answers()
        assert any(at_s > healed_s for at_s, _ in higher.kernel.announced)

    play(tmp_path, story)


def test_lost_advertisements_change_nothing(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        _, lower = await pair(bench)
        count = 0

        def two_of_three_are_lost(sender: str, receiver: str, datagram: Datagram) -> tuple[float, ...]:
            nonlocal count
            if receiver != "b":
                return tuple(arrives(sender, receiver, datagram))
            count += 1
            return (0.0,) if count % 3 == 0 else ()

        bench.segment.fate = two_of_three_are_lost
        await bench.passes(30.0)
        assert lower.router().became_master == 0

    play(tmp_path, story)
