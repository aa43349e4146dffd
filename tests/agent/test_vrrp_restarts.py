"""A restart is no failover while the peers wait, and comes back as a backup once they have taken over."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.agent.vrrp_bench import ADDRESSES, HIGHER, LOWER, VIP, Bench, config, pair, play, toml
from vipkeeper.agent.vrrp_holds import KeptHolds
from vipkeeper.model.fences import FenceKind
from vrrp_compat.router.states import State
from vrrp_compat.router.timers import hold_s

AH = 'version = 2\nauth_type = "ah"\nauth_pass = "secret12"'


@pytest.mark.parametrize("planned", [True, False], ids=["sigusr2", "sigkill"])
def test_a_restart_within_the_hold_is_no_failover(tmp_path: Path, planned: bool) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        if planned:
            await higher.stop(keep=True)
        else:
            higher.kill()
        await bench.passes(1.5)
        assert higher.answers()
        higher.start()
        await bench.until(lambda: not higher.answers(), 5.0, required=False)
        assert higher.answers()
        assert higher.report().reason == "adopted"
        assert bench.by(lower) == []

    play(tmp_path, story)


def test_a_planned_restart_leaves_the_whole_hold(tmp_path: Path) -> None:
    """What had grown and was not yet told to the kernel is told before the end."""

    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(toml())).start()
        await bench.until(node.answers, 5.0)
        said = len(bench.said)
        await bench.until(lambda: len(bench.said) > said, 2.0)
        await node.stop(keep=True)
        assert node.kernel.deadlines[VIP] == bench.said[-1].at_s + hold_s(100)

    play(tmp_path, story)


@pytest.mark.parametrize("late_s", [0.01, 0.5, 1.5, 4.0])
def test_a_restart_after_the_hold_comes_back_as_backup(tmp_path: Path, late_s: float) -> None:
    """For two seconds more the address stands, behind a fence whose deadline nobody can read."""

    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        higher.kill()
        await bench.until(lambda: not higher.answers(), 4.0)
        await bench.passes(late_s)
        # As behind the tc program, whose deadlines a later process cannot read.
        higher.kernel.deadlines = dict.fromkeys(higher.kernel.deadlines, float("inf"))
        higher.start()
        assert higher.router().last_state is State.BACKUP
        assert higher.kernel.addresses() == {}
        await bench.until(lower.answers, 2.0)

    play(tmp_path, story)


def test_another_boot_or_a_lost_file_means_nothing(tmp_path: Path) -> None:
    path = tmp_path / "holds"
    kept = KeptHolds(path, "this boot")
    kept.keep({"web": 5.0, "mail": 6.0})
    kept.keep({"web": 7.0})
    kept.close()
    again = KeptHolds(path, "this boot")
    assert (again.held_until_s("web"), again.held_until_s("mail"), again.held_until_s("new")) == (
        7.0,
        0.0,
        0.0,
    )
    again.keep({"new": 9.0})
    again.close()
    third = KeptHolds(path, "this boot")
    assert (third.held_until_s("web"), third.held_until_s("new")) == (7.0, 9.0)
    assert KeptHolds(path, "another boot").held_until_s("web") == 0.0
    other = KeptHolds(path, "another boot")
    other.keep({"mail": 1.0})
    other.close()
    assert KeptHolds(path, "this boot").held_until_s("web") == 0.0
    assert KeptHolds(path, "another boot").held_until_s("mail") == 1.0
    path.write_bytes(b"x" * 40)
    assert KeptHolds(path, "this boot").held_until_s("web") == 0.0


def test_a_directory_that_cannot_be_written_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = KeptHolds(tmp_path / "missing" / "holds", "this boot")
    kept.keep({"web": 5.0})
    assert "cannot be kept for the next agent" in caplog.text


def test_behind_the_lifetime_alone_it_is_the_same(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher = bench.node("a", ADDRESSES[0], config(toml(), priority=HIGHER))
        higher.kernel.refused_fences = dict.fromkeys((FenceKind.BPF, FenceKind.NFTABLES), "not here")
        higher.start()
        lower = bench.node("b", ADDRESSES[1], config(toml(), priority=LOWER)).start()
        await bench.until(higher.answers, 5.0)
        await bench.passes(3.5)
        higher.kill()
        await bench.passes(1.0)
        higher.start()
        await bench.passes(8.0)
        assert higher.answers()
        assert bench.by(lower) == []

    play(tmp_path, story)


def test_the_ah_number_goes_on_over_a_restart(tmp_path: Path) -> None:
    """A peer takes a number that is not above the last one for a replay."""

    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench, toml(vrrp=AH))
        ahead = 0xF000_0000  # a peer whose clock is far ahead has brought the numbers there
        higher.router().sequence.accept(ahead)
        await bench.passes(2.5)
        higher.kill()
        assert higher.sequences["web"] > ahead
        higher.start()
        await bench.passes(6.0)
        assert not lower.router().discards
        assert lower.router().became_master == 0
        numbers = [
            struct.unpack_from("!I", said.datagram.payload, 8)[0]
            for said in bench.said
            if said.host == "a" and said.datagram.protocol == 51
        ]
        assert numbers == sorted(set(numbers))

    play(tmp_path, story)
