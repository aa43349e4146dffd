"""Failsafe told by hand: who holds on while the store is silent, who may not, and who may claim when.

Every `advance` also checks that no two hosts answered at once, that epochs grew, and that nothing was held
past its deadline; see `Stage`.
"""

from __future__ import annotations

from tests.simulation.faults import (
    CommitKind,
    Cut,
    Freeze,
    HoldReply,
    Kill,
    Phase,
    Reboot,
    Silence,
    SlowDatagrams,
    StoreDown,
    Unfit,
)
from tests.simulation.stage import ALONE_S, LEASE_MAX_S, OUTSIDERS_S, TTL_S, Stage

# A standby that was killed or cut off is counted on for so long by the store's word (2.5 heartbeats).
PATIENCE_S = 2.5 * 1.5 * LEASE_MAX_S


def opened(hosts: int = 3) -> Stage:
    """Host 0 owns; everybody has been named in its lease."""
    stage = Stage.opened(hosts, failsafe=True)
    stage.advance(TTL_S)
    assert set(stage.lease(0).electorate) == {f"n{number}" for number in range(1, hosts)}
    return stage


def owners(stage: Stage) -> list[int]:
    return [span.host for span in stage.spans()]


def test_a_store_outage_is_no_vip_outage() -> None:
    stage = opened()
    epoch = stage.record().epoch
    stage.strike(StoreDown(10 * TTL_S))
    stage.advance(15 * TTL_S)
    (only,) = stage.spans()
    assert only.host == 0
    assert stage.who_answers() == 0
    assert stage.record().epoch == epoch


def test_without_failsafe_it_is_one() -> None:
    stage = Stage.opened(3)
    stage.strike(StoreDown(10 * TTL_S))
    stage.advance(3 * TTL_S)
    assert stage.who_answers() is None


def test_an_owner_that_alone_lost_the_store_is_replaced_in_time() -> None:
    stage = opened()
    cut_s = stage.now_s
    stage.strike(Cut(0, 20 * TTL_S))
    stage.advance(3 * TTL_S)
    assert owners(stage) == [0, 1]
    assert stage.spans()[1].start_s <= cut_s + TTL_S + 0.05


def test_one_that_sees_the_store_is_enough_to_refuse() -> None:
    stage = opened()
    stage.strike(Cut(0, 20 * TTL_S), Cut(1, 20 * TTL_S))
    stage.advance(3 * TTL_S)
    assert owners(stage) == [0, 2]


def test_one_that_is_silent_is_enough() -> None:
    stage = opened()
    stage.strike(StoreDown(5 * TTL_S), Silence(2, 5 * TTL_S))
    stage.advance(2 * TTL_S)
    assert stage.who_answers() is None


def test_a_standby_killed_in_the_outage_ends_it_only_if_it_stays_away() -> None:
    stage = opened()
    stage.strike(StoreDown(10 * TTL_S))
    stage.advance(2 * TTL_S)
    stage.strike(Kill(1, restart_after_s=0.2 * TTL_S))
    # What it had promised is in its run directory: the next process may promise the same again.
    stage.advance(13 * TTL_S)
    assert owners(stage) == [0]
    stage.strike(StoreDown(10 * TTL_S))
    stage.advance(2 * TTL_S)
    stage.strike(Kill(1, restart_after_s=5 * TTL_S))
    stage.advance(2 * TTL_S)
    assert stage.who_answers() is None


def test_a_standby_rebooted_in_the_outage_has_forgotten_and_promises_nothing() -> None:
    stage = opened()
    stage.strike(StoreDown(10 * TTL_S))
    stage.advance(2 * TTL_S)
    stage.strike(Reboot(1, down_s=0.1, keeps_run_directory=True))
    stage.advance(2 * TTL_S)
    assert stage.who_answers() is None


def test_a_reboot_that_forgets_a_promise_and_finds_the_store_waits_as_long() -> None:
    stage = opened()
    stage.strike(Cut(0, 20 * TTL_S), Cut(1, 2.2 * TTL_S), Cut(2, 20 * TTL_S))
    stage.advance(2.2 * TTL_S)
    assert stage.who_answers() == 0
    stage.strike(Reboot(1, down_s=0.001, keeps_run_directory=False))
    stage.advance(3 * TTL_S)
    assert owners(stage) == [0, 1]


def test_a_promise_that_comes_after_the_deadline_counts_for_nothing() -> None:
    stage = opened()
    stage.strike(SlowDatagrams(1, 10 * TTL_S, by_s=0.7 * TTL_S), StoreDown(6 * TTL_S))
    stage.advance(4 * TTL_S)
    assert stage.who_answers() is None


def test_promises_do_not_help_a_process_that_was_frozen_past_its_deadline() -> None:
    stage = opened()
    stage.strike(StoreDown(6 * TTL_S))
    stage.advance(2 * TTL_S)
    stage.strike(Freeze(0, 2 * TTL_S))
    stage.advance(2.5 * TTL_S)
    assert stage.who_answers() is None


def test_a_dead_standby_does_not_disarm_failsafe_for_long() -> None:
    stage = opened()
    stage.strike(Kill(2, restart_after_s=1000.0))
    stage.advance(PATIENCE_S + 3 * TTL_S)
    assert set(stage.lease(0).electorate) == {"n1"}
    stage.strike(StoreDown(10 * TTL_S))
    stage.advance(11 * TTL_S)
    assert owners(stage) == [0]


def test_blocked_datagrams_do_not_empty_the_electorate() -> None:
    stage = opened()
    stage.strike(Silence(1, 1000.0), Silence(2, 1000.0))
    stage.advance(PATIENCE_S + 3 * TTL_S)
    assert set(stage.lease(0).electorate) == {"n1", "n2"}


def test_a_node_that_answers_directly_stays_although_the_store_lost_sight_of_it() -> None:
    stage = opened()
    stage.strike(Cut(1, 1000.0))
    stage.advance(PATIENCE_S + 3 * TTL_S)
    assert set(stage.lease(0).electorate) == {"n1", "n2"}


def test_a_joiner_counts_with_the_renewal_that_names_it() -> None:
    stage = opened()
    stage.strike(Kill(2, restart_after_s=PATIENCE_S + 5 * TTL_S))
    stage.advance(PATIENCE_S + 3 * TTL_S)
    assert set(stage.lease(0).electorate) == {"n1"}
    stage.advance(2 * TTL_S + 0.5 * TTL_S)
    assert set(stage.lease(0).electorate) == {"n1", "n2"}


def test_an_outsider_waits_long() -> None:
    stage = opened(2)
    stage.strike(Cut(1, PATIENCE_S + 3 * TTL_S), Silence(1, PATIENCE_S + 3 * TTL_S))
    stage.advance(PATIENCE_S + 2.9 * TTL_S)
    assert stage.lease(0).electorate == {}
    stage.strike(Kill(0, restart_after_s=1000.0))
    killed_s = stage.now_s
    stage.advance(OUTSIDERS_S)
    assert owners(stage) == [0, 1]
    assert stage.spans()[1].start_s >= killed_s + ALONE_S - TTL_S


def test_a_lone_owner_holds_on_for_a_while() -> None:
    stage = opened(1)
    down_s = stage.now_s
    stage.strike(StoreDown(3 * ALONE_S))
    stage.advance(ALONE_S - TTL_S)
    assert stage.who_answers() == 0
    stage.advance(2 * TTL_S)
    assert stage.who_answers() is None
    assert stage.spans()[0].end_s <= down_s + ALONE_S


def test_nobody_holds_on_by_promises_for_longer_than_outsiders_wait() -> None:
    stage = opened()
    down_s = stage.now_s
    stage.strike(StoreDown(2 * OUTSIDERS_S))
    stage.advance(OUTSIDERS_S - TTL_S)
    assert stage.who_answers() == 0
    stage.advance(3 * TTL_S)
    assert stage.who_answers() is None
    assert stage.spans()[0].end_s <= down_s + OUTSIDERS_S


def test_who_might_have_joined_must_promise_too() -> None:
    stage = opened()
    stage.strike(Kill(2, restart_after_s=PATIENCE_S + 5 * TTL_S))
    stage.advance(PATIENCE_S + 4 * TTL_S)
    assert set(stage.lease(0).electorate) == {"n1"}
    # The renewal that names the joiner takes effect, but the owner never hears so.
    stage.ambush(CommitKind.OTHER, Phase.STORED, 2, Silence(2, 1000.0))
    stage.ambush(CommitKind.OTHER, Phase.STORED, 2, Unfit(1, 0, 1000.0))
    stage.advance(TTL_S + 0.001)
    stage.ambush(CommitKind.RENEWAL, Phase.SENT, 0, HoldReply(1000.0))
    stage.ambush(CommitKind.RENEWAL, Phase.STORED, 0, Cut(0, 1000.0), Cut(1, 1000.0))
    stage.advance(4 * TTL_S)
    assert set(stage.lease(0).electorate) == {"n1", "n2"}
    assert owners(stage) == [0, 2]
