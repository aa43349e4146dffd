"""What the keeper writes, puts back, leaves alone and takes away, over a table in memory."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from tests.director.table_bench import DNS, FOREIGN, LIGHTER, PLAIN, WEB, A, Bench
from vipkeeper.changes.ipvs_changes import (
    AddDestinations,
    AddServers,
    EditDestinations,
    RemoveDestinations,
    RemoveServers,
)
from vipkeeper.director.quarrels import PAUSE_S, READINGS_BEFORE_A_PAUSE
from vipkeeper.director.target import Target
from vipkeeper.kernel.memory_ipvs import FIRST_TIMEOUTS
from vipkeeper.model.balancing import TimeoutsPlan
from vipkeeper.model.ipvs import (
    Destination,
    Service,
    ServiceKey,
    Timeouts,
    VirtualServer,
)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_change_is_written_without_a_reading(bench: Bench) -> None:
    servers: dict[ServiceKey, VirtualServer] = {WEB: PLAIN, DNS: PLAIN}
    bench.begin(servers)
    assert bench.written == [AddServers]
    readings = bench.ipvs.readings
    bench.keeper.follow(Target({**servers, WEB: LIGHTER}))
    assert bench.written == [EditDestinations]
    bench.keeper.follow(Target({DNS: PLAIN}))
    assert bench.written == [RemoveServers]
    bench.keeper.follow(Target({DNS: PLAIN}))
    assert bench.written == []
    assert bench.ipvs.readings == readings
    assert bench.ipvs.table.servers == {DNS: PLAIN}


def test_a_table_as_wanted_is_not_written(bench: Bench) -> None:
    bench.begin({WEB: PLAIN})
    bench.look()
    _ = bench.written
    bench.look()
    bench.new_process()
    bench.begin({WEB: PLAIN})
    bench.look()
    assert bench.written == []
    assert bench.keeper.corrected == 0


@pytest.mark.parametrize(
    ("change", "put_right"),
    [
        pytest.param(RemoveServers((WEB,)), AddServers, id="a-virtual-server"),
        pytest.param(RemoveDestinations({WEB: (A,)}), AddDestinations, id="a-real-server"),
    ],
)
def test_what_others_take_away_is_put_back_and_told(
    bench: Bench,
    caplog: pytest.LogCaptureFixture,
    change: RemoveServers | RemoveDestinations,
    put_right: type,
) -> None:
    bench.begin({WEB: PLAIN})
    bench.by_hand(change)
    _ = bench.written
    with caplog.at_level(logging.WARNING):
        bench.look()
    assert bench.written == [put_right]
    assert bench.ipvs.table.servers == {WEB: PLAIN}
    assert "somebody else" in caplog.text
    assert bench.keeper.corrected == 1


def test_entries_of_others_are_left_alone(bench: Bench) -> None:
    bench.by_hand(AddServers({FOREIGN: PLAIN}))
    bench.begin({WEB: PLAIN})
    bench.look()
    bench.keeper.follow(Target())
    assert bench.ipvs.table.servers == {FOREIGN: PLAIN}
    bench.begin({WEB: PLAIN})
    bench.keeper.end(keep=False)
    assert bench.ipvs.table.servers == {FOREIGN: PLAIN}


def test_what_a_killed_process_left_is_known_and_taken_out(bench: Bench) -> None:
    bench.by_hand(AddServers({FOREIGN: PLAIN}))
    bench.begin({WEB: PLAIN, DNS: PLAIN})
    bench.new_process()
    bench.begin({DNS: PLAIN})
    assert bench.ipvs.table.servers == {FOREIGN: PLAIN, DNS: PLAIN}
    bench.look()
    bench.keeper.end(keep=False)
    assert bench.ipvs.table.servers == {FOREIGN: PLAIN}
    assert not bench.path.exists()


def test_what_was_taken_out_is_ours_until_a_reading_shows_that_it_is_gone(bench: Bench) -> None:
    """Else the next process would leave alone what the kernel would not give up. Then it is anybody's."""
    bench.begin({WEB: PLAIN})
    bench.keeper.follow(Target())
    for _ in range(2):
        bench.by_hand(AddServers({WEB: PLAIN}))
        bench.look()
        assert bench.ipvs.table.servers == {}
    bench.by_hand(AddServers({WEB: PLAIN}))
    bench.new_process()
    bench.begin({})
    assert bench.ipvs.table.servers == {}
    bench.look()
    bench.by_hand(AddServers({WEB: PLAIN}))
    bench.look()
    assert bench.ipvs.table.servers == {WEB: PLAIN}


def test_what_is_kept_stays_and_is_remembered(bench: Bench) -> None:
    bench.begin({WEB: PLAIN})
    bench.keeper.end(keep=True)
    assert bench.ipvs.table.servers == {WEB: PLAIN}
    bench.new_process()
    bench.begin({})
    bench.look()
    assert bench.ipvs.table.servers == {}


def test_it_is_remembered_before_it_is_made(bench: Bench) -> None:
    """A process that is killed between the two would leave an entry that nobody takes out."""
    bench.path.mkdir()  # so that it cannot be written
    bench.begin({WEB: PLAIN})
    assert bench.ipvs.table.servers == {}
    assert bench.keeper.refused != ()
    bench.path.rmdir()
    bench.look()
    assert bench.ipvs.table.servers == {WEB: PLAIN}
    assert bench.keeper.refused == ()


def test_what_cannot_be_remembered_is_not_made_at_the_next_turn_either(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = Bench(tmp_path / "not there")
    full.begin({WEB: PLAIN})
    full.look()
    assert full.ipvs.table.servers == {}
    assert caplog.text.count("nothing is programmed") == 1
    assert "make room there" in full.keeper.refused[0]
    (tmp_path / "not there").mkdir()
    full.look()
    assert full.ipvs.table.servers == {WEB: PLAIN}
    assert full.path.exists()


def test_a_flush_spares_what_is_ours(bench: Bench) -> None:
    bench.begin({WEB: PLAIN, DNS: PLAIN})
    bench.by_hand(AddServers({FOREIGN: PLAIN}))
    _ = bench.written
    bench.new_process()
    bench.keeper.begin([WEB], flush=True)
    assert bench.ipvs.table.servers == {WEB: PLAIN, DNS: PLAIN}
    bench.keeper.follow(Target({WEB: PLAIN}, undecided=frozenset({DNS})))
    assert bench.written == [RemoveServers]


def test_a_configured_one_is_taken_over_by_a_flush(bench: Bench) -> None:
    bench.by_hand(AddServers({WEB: PLAIN}))
    bench.begin({WEB: PLAIN}, flush=True)
    assert bench.written == []


def test_what_is_undecided_stays_as_it_is(bench: Bench) -> None:
    bench.begin({WEB: PLAIN})
    bench.new_process()
    bench.keeper.begin([WEB], flush=False)
    _ = bench.written
    bench.keeper.follow(Target(undecided=frozenset({WEB})))
    bench.look()
    assert bench.written == []
    bench.keeper.follow(Target())
    assert bench.ipvs.table.servers == {}


def test_who_changes_it_again_and_again_is_left_alone_for_a_while(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.begin({WEB: PLAIN, DNS: PLAIN})
    for _ in range(READINGS_BEFORE_A_PAUSE - 1):
        bench.by_hand(RemoveServers((WEB,)))
        bench.look()
        assert WEB in bench.ipvs.table.servers
    bench.by_hand(RemoveServers((WEB,)))
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        bench.look()
        bench.look()
        bench.by_hand(AddServers({WEB: VirtualServer(Service("wlc"))}))
        bench.look()
        bench.by_hand(RemoveServers((WEB,)))
        bench.look()
    assert bench.ipvs.table.servers == {DNS: PLAIN}
    assert "it is put right" not in caplog.text, "while it is left to them nothing is"
    assert bench.keeper.corrected == READINGS_BEFORE_A_PAUSE
    assert caplog.text.count("again and again") == 1
    assert "again and again" in bench.keeper.refused[0]
    lighter = VirtualServer(Service("rr"), {A: Destination()})
    bench.keeper.follow(Target({WEB: lighter, DNS: PLAIN}))
    assert bench.ipvs.table.servers[WEB] == lighter, "a change of ours is written all the same"
    bench.by_hand(RemoveServers((DNS,)))
    bench.now_s += PAUSE_S
    bench.look()
    assert bench.ipvs.table.servers == {WEB: lighter, DNS: PLAIN}
    assert bench.keeper.refused == ()


def test_one_change_now_and_then_is_no_quarrel(bench: Bench) -> None:
    bench.begin({WEB: PLAIN})
    for _ in range(2 * READINGS_BEFORE_A_PAUSE):
        bench.by_hand(RemoveServers((WEB,)))
        bench.look()
        bench.look()
    assert WEB in bench.ipvs.table.servers


def test_a_refusal_is_told_once_and_tried_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.keeper.begin([WEB], flush=False)
    bench.by_hand(AddServers({WEB: VirtualServer(Service("wlc"))}))
    with caplog.at_level(logging.ERROR):
        bench.keeper.follow(Target({WEB: PLAIN}))
    assert "is there" in caplog.text
    assert bench.keeper.refused != ()
    bench.look()
    assert bench.ipvs.table.servers == {WEB: PLAIN}
    assert bench.keeper.refused == ()
    assert bench.keeper.corrected == 0, "what was refused was changed by nobody"


@pytest.mark.parametrize(
    ("servers", "step"),
    [({DNS: PLAIN}, RemoveServers), ({WEB: LIGHTER, DNS: PLAIN}, EditDestinations)],
    ids=["taken out", "changed"],
)
def test_a_change_during_a_reading_is_not_undone(
    bench: Bench, servers: dict[ServiceKey, VirtualServer], step: type
) -> None:
    """The reading may have been there before it. Nor is it taken for somebody else's."""
    bench.begin({WEB: PLAIN, DNS: PLAIN})
    _ = bench.written

    async def story() -> None:
        look = asyncio.create_task(bench.keeper.look())
        await asyncio.sleep(0)
        bench.keeper.follow(Target(servers))
        await look

    asyncio.run(story())
    assert bench.written == [step]
    assert bench.keeper.corrected == 0
    assert bench.ipvs.table.servers == servers


def test_timeouts_that_are_not_configured_stay(bench: Bench) -> None:
    bench.keeper.begin([], flush=False)
    bench.keeper.follow(Target(timeouts=TimeoutsPlan(tcp_s=800)))
    assert bench.ipvs.table.timeouts == Timeouts(800, FIRST_TIMEOUTS.tcp_fin_s, FIRST_TIMEOUTS.udp_s)
    _ = bench.written
    bench.look()
    assert bench.written == []


def test_without_ipvs_it_is_said_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path, missing=True)
    with caplog.at_level(logging.ERROR):
        bench.begin({WEB: PLAIN})
        bench.look()
        bench.look()
    assert caplog.text.count("modprobe ip_vs") == 1
    assert "modprobe ip_vs" in bench.keeper.missing
    assert bench.noticed == 1
    bench.missing = False
    bench.look()
    assert bench.keeper.missing == ""
    assert bench.noticed == 2
    assert bench.ipvs.table.servers == {WEB: PLAIN}
