"""A reload: what is unaffected loses nothing, and what goes is gone before anything comes in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.vrrp_bench import ADDRESSES, HIGHER, LOWER, VIP, Bench, config, pair, play, toml
from vrrp_compat.router.states import State

MAIL = "192.0.2.200"


def test_nothing_changed(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, _ = await pair(bench)
        start_s = bench.loop.time()
        higher.reload(config(toml(), priority=HIGHER))
        assert higher.answers()
        assert bench.by(higher, since_s=start_s) == []
        await bench.passes(2.0)
        assert higher.answers()

    play(tmp_path, story)


def test_a_new_vip_beside_an_old_one(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, _ = await pair(bench)
        higher.reload(config(toml(), toml(52, MAIL, name="mail"), priority=HIGHER))
        assert higher.answers()
        await bench.until(lambda: higher.answers(MAIL), 5.0)
        assert higher.answers()
        assert higher.router().became_master == 1

    play(tmp_path, story)


def test_a_vip_that_is_removed_is_said_goodbye_to(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        both = (toml(), toml(52, MAIL, name="mail"))
        higher, _ = await pair(bench, *both)
        start_s = bench.loop.time()
        higher.reload(config(toml(), priority=HIGHER))
        assert higher.answers()
        assert not higher.answers(MAIL)
        (farewell,) = [said for said in bench.by(higher, since_s=start_s) if said.vrid == 52]
        assert farewell.priority == 0
        assert set(higher.shell.routers) == {"web"}
        await bench.passes(5.0)

    play(tmp_path, story)


def test_another_vrid_is_another_router(tmp_path: Path) -> None:
    """The old group hears goodbye, the new one is listened to first, and then it serves."""

    async def story(bench: Bench) -> None:
        higher = bench.node("a", ADDRESSES[0], config(toml(), priority=HIGHER)).start()
        await bench.until(higher.answers, 5.0)
        start_s = bench.loop.time()
        higher.reload(config(toml(77), priority=HIGHER))
        assert not higher.answers()
        (farewell,) = bench.by(higher, since_s=start_s)
        assert (farewell.vrid, farewell.priority) == (51, 0)
        assert higher.router().last_state is State.BACKUP
        await bench.until(higher.answers, 5.0)
        assert {said.vrid for said in bench.by(higher, since_s=start_s + 0.1)} == {77}

    play(tmp_path, story)


def test_two_vips_that_swap_their_numbers(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(toml(), toml(52, MAIL, name="mail"))).start()
        await bench.until(node.answers, 5.0)
        node.reload(config(toml(52), toml(51, MAIL, name="mail")))
        await bench.until(lambda: node.answers() and node.answers(MAIL), 6.0)
        assert (node.report("web").vrid, node.report("mail").vrid) == (52, 51)

    play(tmp_path, story)


def test_the_last_of_several_reloads_counts(tmp_path: Path) -> None:
    """While the kernel does not let go, the router that is to come may be another one already, or none."""

    async def story(bench: Bench) -> None:
        higher, _ = await pair(bench, toml(), toml(52, MAIL, name="mail"))
        higher.kernel.stuck = dict.fromkeys(higher.kernel.addresses(), "it does not go")
        for vrid in (77, 51, 78):
            higher.reload(config(toml(vrid), toml(60, MAIL, name="mail"), priority=HIGHER))
        higher.reload(config(toml(79), priority=HIGHER))
        assert set(higher.shell.routers) == {"web", "mail"}
        await bench.passes(2.0)
        assert set(higher.shell.routers) == {"web"}
        assert higher.report().vrid == 79

    play(tmp_path, story)


def test_a_higher_priority_preempts(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        lower.reload(config(toml(), priority=130))
        await bench.until(lower.answers, 5.0)
        assert not higher.answers()
        assert lower.report().priority == 130

    play(tmp_path, story)


def test_a_lower_priority_is_said_at_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        start_s = bench.loop.time()
        higher.reload(config(toml(), priority=50))
        assert bench.by(higher, since_s=start_s)[0].priority == 50
        await bench.until(lower.answers, 5.0)

    play(tmp_path, story)


def test_a_shorter_interval_shortens_the_hold_in_the_kernel(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        start_s = bench.loop.time()
        for node, priority in ((lower, LOWER), (higher, HIGHER)):
            node.reload(config(toml(vrrp="advert_interval = 0.1"), priority=priority))
        assert higher.answers()
        first = bench.by(higher, since_s=start_s)[0]  # from then on its peers wait for less
        assert first.until_s <= first.at_s + 0.3
        await bench.passes(5.0)
        assert higher.answers()
        higher.kill()
        await bench.until(lower.answers, 0.6)

    play(tmp_path, story)


def test_a_longer_interval_on_the_master_loses_nothing(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        higher.reload(config(toml(vrrp="advert_interval = 5"), priority=HIGHER))
        await bench.until(lambda: not higher.answers(), 40.0, required=False)
        assert higher.answers()
        assert lower.router().became_master == 0

    play(tmp_path, story)


@pytest.mark.parametrize("master", [True, False])
def test_other_addresses_take_the_place_of_the_old_ones(tmp_path: Path, master: bool) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        node, priority = (higher, HIGHER) if master else (lower, LOWER)
        start_s = bench.loop.time()
        node.reload(config(toml(address=MAIL), priority=priority))
        assert not node.answers()
        assert node.answers(MAIL) == master
        assert bool(bench.by(node, since_s=start_s)) == master
        await bench.passes(3.0, VIP, MAIL)
        assert node.answers(MAIL) == master

    play(tmp_path, story)
