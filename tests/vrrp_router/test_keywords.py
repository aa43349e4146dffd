"""Words of keepalived that change what one router does: each against what it does without."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.vrrp_router.driver import (
    HIGH,
    LOW,
    SETTINGS,
    START_S,
    Driver,
    a_backup,
    a_master,
    announces,
    sends,
)
from vrrp_compat.router.events import FitnessChanged, Started, TimePassed
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State

DELAY_S = 20.0


def delayed(**changes: object) -> Driver:
    driver = Driver(replace(SETTINGS, **changes))
    driver.step(Started(not_before_s=START_S + DELAY_S))
    return driver


@pytest.mark.parametrize("adverts", [1, 3, 5])
def test_down_timer_adverts(adverts: int) -> None:
    router = a_backup(down_timer_adverts=adverts)
    assert router.run_to_master() == pytest.approx(adverts + 0.609375)
    hold_s = (router.hold_until_s() or 0.0) - router.now_s
    assert adverts - 0.02 < hold_s < adverts, "a master relies on as many"


def test_a_lower_master_is_answered_at_once_or_not() -> None:
    router = a_master()
    router.run(0.3)
    assert sends(router.hear(50, LOW)) == [100]
    silent = a_master(replace(SETTINGS, answers_lower=False))
    silent.run(0.3)
    assert sends(silent.hear(50, LOW)) == []
    assert silent.noticed() == [RouterReason.LOWER_PRIORITY_HEARD]
    silent.run(0.71)
    assert any(announces([effect]) for _, effect in silent.said), "clients hear it with the next one"


def test_an_owner_that_ignores_adverts() -> None:
    other = replace(SETTINGS, priority=255)
    owner = Driver(other)
    owner.start()
    owner.hear(255, HIGH)
    assert owner.state() is State.BACKUP
    deaf = Driver(replace(other, owner_ignores=True))
    deaf.start()
    deaf.hear(255, HIGH)
    assert deaf.state() is State.MASTER
    common = a_backup(owner_ignores=True)
    common.run(3.0)
    common.hear(150)
    assert common.reason() is RouterReason.HIGHER_PRIORITY_HEARD, "it is about priority 255 alone"


def test_nothing_is_taken_before_the_startup_delay_is_over() -> None:
    router = delayed()
    assert router.reason() is RouterReason.STARTUP_DELAY
    assert router.run_to_master() == pytest.approx(DELAY_S)


def test_a_master_is_neither_preempted_nor_followed_within_the_startup_delay() -> None:
    router = delayed()
    for _ in range(15):
        router.run(1.0)
        router.hear(50, LOW)
    assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.STARTUP_DELAY)
    router.hear(0, LOW)
    router.run(4.9)
    assert router.state() is State.BACKUP
    assert router.run_to_master() == pytest.approx(0.1)


def test_after_the_startup_delay_it_preempts() -> None:
    router = delayed()
    for _ in range(19):
        router.run(1.0)
        router.hear(50, LOW)
    assert router.state() is State.BACKUP
    for _ in range(5):
        router.run(1.0)
        router.hear(50, LOW)
    assert (router.state(), router.reason()) == (State.MASTER, RouterReason.PREEMPTING)


def test_an_address_owner_waits_for_the_startup_delay_too() -> None:
    router = delayed(priority=255)
    assert router.state() is State.BACKUP
    router.step(FitnessChanged(RouterReason.INTERFACE_DOWN))
    router.step(FitnessChanged(None))
    assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.STARTUP_DELAY)
    assert router.run_to_master() == pytest.approx(DELAY_S)


def test_what_an_earlier_process_held_is_kept_within_the_startup_delay() -> None:
    router = Driver()
    router.step(Started(START_S + 2.0, START_S + DELAY_S))
    assert (router.state(), router.reason()) == (State.MASTER, RouterReason.ADOPTED)


def test_a_link_that_comes_back_counts_for_preempt_delay() -> None:
    router = a_backup(preempt_delay_s=10.0)
    router.hear(50, LOW)
    router.run(9.0)
    router.step(FitnessChanged(RouterReason.INTERFACE_DOWN))
    router.run(30.0)
    router.step(FitnessChanged(None))
    back_s = router.now_s
    while router.state() is not State.MASTER:
        router.hear(50, LOW)
        router.run(0.5)
        router.step(TimePassed())
    # And then Master_Down, from the last advertisement within the delay on, as in keepalived.
    assert router.now_s - back_s == pytest.approx(10.0 + 3.6, abs=0.6)
