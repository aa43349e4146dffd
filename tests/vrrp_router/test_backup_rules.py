"""What a backup does about adverts and about silence."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.vrrp_router.driver import HIGH, LOW, OWN, SETTINGS, Driver, a_backup, sends
from vrrp_compat.router.effects import Decided
from vrrp_compat.router.events import TimePassed
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State

MASTER_DOWN_S = 3.609375  # of priority 100 at 1 s
SKEW_S = 0.609375


def test_alone_it_takes_over_after_master_down() -> None:
    router = a_backup()
    assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.LISTENING)
    assert router.run_to_master() == pytest.approx(MASTER_DOWN_S)
    assert router.reason() is RouterReason.NO_MASTER_HEARD


def test_a_higher_master_restarts_the_timer() -> None:
    router = a_backup()
    router.run(3.0)
    (decided,) = router.hear(150)
    assert decided == Decided(
        State.BACKUP, RouterReason.HIGHER_PRIORITY_HEARD, "10.0.0.200 with priority 150"
    )
    router.run(3.0)
    assert router.hear(150) == [], "the same again is no news"
    assert router.run_to_master() == pytest.approx(MASTER_DOWN_S)
    assert router.reason() is RouterReason.MASTER_SILENT


@pytest.mark.parametrize("source", [LOW, HIGH])
def test_an_equal_master_is_not_preempted_whatever_its_address(source: bytes) -> None:
    router = a_backup()
    router.run(3.0)
    router.hear(100, source)
    assert router.reason() is RouterReason.EQUAL_PRIORITY_HEARD
    assert router.run_to_master() == pytest.approx(MASTER_DOWN_S)


def test_version_3_learns_the_masters_interval() -> None:
    router = a_backup()
    router.hear(150, interval_cs=200)
    assert router.run_to_master() == pytest.approx(2 * MASTER_DOWN_S)
    router.run(1.0)
    assert router.adverts()[-2:] == [(7.21875, 100), (8.21875, 100)], "its own adverts have its own interval"


def test_a_timer_that_rings_early_changes_nothing() -> None:
    router = a_backup()
    router.run(3.6)
    assert router.step(TimePassed()) == []
    assert router.state() is State.BACKUP


def test_version_2_counts_with_its_own_interval() -> None:
    router = a_backup(version=2)
    router.hear(150)
    assert router.run_to_master() == pytest.approx(MASTER_DOWN_S)


def test_a_lower_master_does_not_touch_the_timer_and_is_preempted_upon_its_next_advert() -> None:
    router = a_backup()
    for _ in range(3):
        router.run(1.1)
        router.hear(50)
        assert router.reason() is RouterReason.PREEMPTING
    assert router.status().takeover_in_s == pytest.approx(MASTER_DOWN_S)
    router.run(1.1)
    assert router.state() is State.BACKUP, "the lower one may have died, and its kernel may answer still"
    assert sends(router.hear(50)) == [100]
    assert (router.state(), router.reason()) == (State.MASTER, RouterReason.PREEMPTING)


def test_a_lower_master_that_falls_silent_is_waited_for_like_any() -> None:
    router = a_backup()
    router.run(3.0)
    router.hear(50, interval_cs=200)
    assert router.run_to_master() == pytest.approx(6 + 2 * SKEW_S), "counted with the interval that it said"
    assert router.reason() is RouterReason.MASTER_SILENT


def test_without_preempt_a_lower_master_is_followed() -> None:
    router = a_backup(preempt=False)
    for _ in range(5):
        router.run(1.0)
        router.hear(50)
        assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.NOPREEMPT_WAITING)
    assert router.run_to_master() == pytest.approx(MASTER_DOWN_S)


def test_preempt_delay_counts_from_the_first_lower_advert() -> None:
    router = a_backup(preempt_delay_s=4.0)
    router.run(1.0)
    router.hear(50)
    for _ in range(3):
        router.run(1.0)
        router.hear(50)
        assert router.reason() is RouterReason.PREEMPT_DELAY
    router.run(1.0)
    router.hear(50)
    assert router.reason() is RouterReason.PREEMPTING, "from now on it does not restart the timer"
    waited = 0
    while router.state() is State.BACKUP:
        router.run(1.0)
        router.hear(50)
        waited += 1
    assert waited == 3, "Master_Down after the last advert accepted, upon the next one heard"


def test_preempt_delay_counts_anew_when_a_better_master_was_there_meanwhile() -> None:
    router = a_backup(preempt_delay_s=4.0)
    router.hear(50)
    router.run(2.0)
    router.hear(150)
    router.run(3.0)
    router.hear(50)
    assert router.reason() is RouterReason.PREEMPT_DELAY


def test_priority_0_waits_for_the_skew_time_alone() -> None:
    router = a_backup()
    router.hear(150)
    router.run(1.0)
    router.hear(0)
    assert router.reason() is RouterReason.MASTER_LEFT
    assert router.run_to_master() == pytest.approx(SKEW_S)
    assert router.reason() is RouterReason.MASTER_LEFT


def test_a_second_priority_0_does_not_prolong_the_wait() -> None:
    router = a_backup()
    router.hear(150)
    router.hear(0)
    router.run(0.5)
    assert router.hear(0) == []
    assert router.run_to_master() == pytest.approx(SKEW_S - 0.5)


def test_priority_0_never_prolongs_the_wait() -> None:
    router = a_backup()
    router.run(3.5)
    router.hear(0)
    assert router.run_to_master() == pytest.approx(MASTER_DOWN_S - 3.5)


def test_an_advert_after_priority_0_restores_master_down() -> None:
    router = a_backup()
    router.hear(150)
    router.hear(0)
    router.run(0.5)
    router.hear(120, LOW)
    assert router.run_to_master() == pytest.approx(MASTER_DOWN_S)
    assert router.reason() is RouterReason.MASTER_SILENT


def test_the_skew_time_is_that_of_the_masters_interval() -> None:
    router = a_backup()
    router.hear(150, interval_cs=10)
    router.hear(0, interval_cs=10)
    assert router.run_to_master() == pytest.approx(0.0609375, abs=1e-6)


def test_priority_0_of_somebody_who_is_not_master_is_ignored() -> None:
    router = a_backup()
    router.hear(150, HIGH)
    router.hear(0, LOW)
    assert router.run_to_master() == pytest.approx(MASTER_DOWN_S)


def test_priority_0_of_a_lower_master_in_the_place_of_one_that_left() -> None:
    router = a_backup()
    router.hear(150, HIGH)
    router.hear(0, HIGH)
    router.run(0.1)
    router.hear(50, LOW)
    router.hear(0, LOW)
    assert router.run_to_master() == pytest.approx(SKEW_S - 0.1)


def test_what_a_loser_says_before_it_yields_is_no_news() -> None:
    router = a_backup()
    router.hear(150, HIGH)
    assert router.hear(90, LOW) == []
    status = router.status()
    assert (status.master, status.master_priority) == (HIGH, 150)


def test_the_owner_of_the_addresses_is_master_at_once() -> None:
    router = Driver(replace(SETTINGS, priority=255))
    assert sends(router.start()) == [255]
    assert (router.state(), router.reason()) == (State.MASTER, RouterReason.ADDRESS_OWNER)


def test_an_owner_preempts_whatever_else_is_configured() -> None:
    router = a_backup(priority=255, preempt=False, preempt_delay_s=300.0)
    router.hear(255, HIGH)
    for _ in range(4):
        router.run(1.0)
        router.hear(254, HIGH)
    assert router.state() is State.MASTER


def test_a_packet_from_our_own_address_does_not_hide_a_twin_that_is_master() -> None:
    router = a_backup()
    router.run(3.0)
    router.hear(100, OWN)
    assert router.run_to_master() == pytest.approx(MASTER_DOWN_S)


def test_the_facts_for_people() -> None:
    router = a_backup()
    router.hear(150)
    router.run(1.0)
    status = router.status()
    assert (status.state, status.priority, status.master, status.master_priority) == (
        State.BACKUP,
        100,
        HIGH,
        150,
    )
    assert status.takeover_in_s == pytest.approx(MASTER_DOWN_S - 1.0)
    assert status.held_for_s is None


def test_a_late_backup_that_finds_adverts_waiting_does_not_take_over() -> None:
    router = a_backup()
    router.hear(150)
    router.now_s += 60.0  # frozen; the shell delivers what waits before it says that time has passed
    router.hear(150)
    router.run(0.0)
    assert router.state() is State.BACKUP


def test_a_worse_master_is_waited_for_when_the_better_one_is_silent() -> None:
    """Found by a random schedule: an advert of a dead master that waited in the queue hid a living one."""
    router = a_backup()
    router.hear(150, HIGH)
    for _ in range(3):
        router.run(1.0)
        router.hear(50, LOW)
    assert router.run_to_master() == pytest.approx(MASTER_DOWN_S)


def test_a_worse_master_that_yielded_is_not_waited_for() -> None:
    router = a_backup()
    router.hear(150, HIGH)
    router.hear(50, LOW)
    router.hear(150, HIGH)
    router.hear(0, HIGH)
    assert router.run_to_master() == pytest.approx(SKEW_S)


def test_the_best_of_those_alive_is_the_master_that_is_shown() -> None:
    router = a_backup(preempt=False)
    router.hear(120, LOW)
    router.hear(150, HIGH)
    assert router.status().master == HIGH
    for _ in range(4):
        router.run(1.0)
        router.hear(120, LOW)
    assert router.status().master == LOW, "once the other one has been silent for too long"
