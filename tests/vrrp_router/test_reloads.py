"""A new priority, weight or interval counts at once: timers move by the difference, peers are told."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.vrrp_router.driver import LOW, SETTINGS, a_backup, a_master, sends
from vipkeeper.model.errors import ProgrammingError
from vrrp_compat.router.effects import PriorityChanged
from vrrp_compat.router.events import FitnessChanged, Reconfigured, WeightChanged
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State
from vrrp_compat.router.timers import hold_s, skew_s


@pytest.mark.parametrize(
    ("base", "weight", "effective"),
    [(100, 20, 120), (100, -20, 80), (100, -200, 1), (100, 200, 254), (255, -200, 255), (1, 0, 1)],
)
def test_weights_stay_within_1_and_254_and_never_touch_an_owner(
    base: int, weight: int, effective: int
) -> None:
    router = a_backup(priority=base)
    router.step(WeightChanged(weight))
    assert router.status().priority == effective


def test_a_weight_survives_a_reload_of_the_priority() -> None:
    router = a_backup()
    router.step(WeightChanged(-20))
    router.step(Reconfigured(replace(SETTINGS, priority=150)))
    assert router.status().priority == 130


def test_the_down_timer_moves_by_the_difference() -> None:
    router = a_backup()
    router.run(1.0)
    router.step(WeightChanged(50))
    assert router.run_to_master() == pytest.approx(3 + skew_s(3, 150, 100) - 1.0)


def test_the_patience_with_a_master_moves_too() -> None:
    router = a_backup()
    router.hear(150)
    router.step(WeightChanged(50))
    assert router.run_to_master() == pytest.approx(3 + skew_s(3, 150, 100))


def test_a_shorter_interval_shortens_the_skew_time() -> None:
    router = a_backup()
    router.hear(150)
    router.hear(0)
    router.step(Reconfigured(replace(SETTINGS, interval_cs=10)))
    assert router.run_to_master() == pytest.approx(skew_s(3, 100, 10))


def test_the_skew_time_moves_by_the_difference() -> None:
    router = a_backup()
    router.hear(150)
    router.hear(0)
    router.step(WeightChanged(100))
    assert router.run_to_master() == pytest.approx(skew_s(3, 200, 100))


def test_a_backup_whose_priority_rose_preempts_upon_a_later_advert() -> None:
    router = a_backup()
    router.hear(150)
    router.step(Reconfigured(replace(SETTINGS, priority=200)))
    for _ in range(3):
        router.run(1.0)
        router.hear(150)
        assert router.state() is State.BACKUP
    router.run(1.0)
    router.hear(150)
    assert router.state() is State.MASTER


def test_a_master_says_its_new_priority_at_once_and_stays() -> None:
    router = a_master()
    assert sends(router.step(WeightChanged(-60))) == [40]
    assert router.state() is State.MASTER
    assert router.step(WeightChanged(-60)) == []


def test_a_master_says_its_new_interval_at_once_and_its_hold_follows() -> None:
    router = a_master()
    router.step(Reconfigured(replace(SETTINGS, interval_cs=10)))
    assert router.hold_until_s() == pytest.approx(router.now_s + hold_s(10))
    assert router.next_deadline() == pytest.approx(router.now_s + 0.1)


def test_a_shorter_interval_shortens_the_hold_before_it_is_said() -> None:
    """Found by a random schedule: the advert left, the process froze before it could note that."""
    router = a_master()
    router.sends = False
    router.step(Reconfigured(replace(SETTINGS, interval_cs=10)))
    assert router.hold_until_s() == pytest.approx(router.now_s + hold_s(10))


def test_a_longer_interval_counts_from_the_second_advert_that_says_it() -> None:
    """Found by a random schedule: the one before it arrived after it."""
    router = a_master()
    router.run(0.5)
    begun_s = router.now_s
    router.step(Reconfigured(replace(SETTINGS, interval_cs=200)))
    assert router.hold_until_s() == pytest.approx(begun_s + hold_s(100))
    router.run(1.0)
    assert router.hold_until_s() == pytest.approx(begun_s + 1.0 + hold_s(200))
    assert router.next_deadline() == pytest.approx(begun_s + 3.0)


def test_a_backup_goes_on_with_the_interval_it_learnt() -> None:
    router = a_backup()
    router.hear(150, interval_cs=200)
    router.step(Reconfigured(replace(SETTINGS, interval_cs=10)))
    assert router.run_to_master() == pytest.approx(2 * 3.609375)


def test_a_backup_that_heard_nobody_counts_with_its_new_interval() -> None:
    router = a_backup()
    router.step(Reconfigured(replace(SETTINGS, interval_cs=10)))
    assert router.run_to_master() == pytest.approx(0.3609375, abs=1e-6)


def test_version_2_counts_with_its_new_interval() -> None:
    router = a_backup(version=2)
    router.hear(150)
    router.step(Reconfigured(replace(SETTINGS, version=2, interval_cs=200)))
    assert router.run_to_master() == pytest.approx(6.609375)


def test_preempt_can_be_turned_on() -> None:
    router = a_backup(preempt=False)
    router.hear(50, LOW)
    router.step(Reconfigured(SETTINGS))
    router.hear(50, LOW)
    assert router.reason() is RouterReason.PREEMPTING


def test_a_reload_in_fault_changes_nothing_there() -> None:
    router = a_backup()
    router.step(FitnessChanged(RouterReason.CHECK_FAILED))
    assert router.step(Reconfigured(replace(SETTINGS, priority=200))) == [PriorityChanged(200)]
    assert router.state() is State.FAULT


def test_another_effective_priority_is_told_once() -> None:
    router = a_backup()
    assert router.step(WeightChanged(-5))[0] == PriorityChanged(95)
    assert router.step(WeightChanged(-5)) == []
    assert router.status().priority == 95
    assert router.step(Reconfigured(replace(SETTINGS, priority=95))) == [PriorityChanged(90)]


@pytest.mark.parametrize("other", [{"vrid": 8}, {"version": 2}, {"address": bytes(16)}])
def test_a_reload_cannot_make_it_another_router(other: dict[str, object]) -> None:
    router = a_backup()
    with pytest.raises(ProgrammingError, match="cannot make it another router"):
        router.step(Reconfigured(replace(SETTINGS, **other)))
