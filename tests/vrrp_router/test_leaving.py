"""Stop, fault and release: the kernel is clean before the backups are told, and told they are."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.vrrp_router.driver import HIGH, LOW, SETTINGS, START_S, Driver, a_backup, a_master, sends
from vipkeeper.model.errors import ProgrammingError
from vrrp_compat.router.effects import Finished
from vrrp_compat.router.events import (
    AdvertSent,
    FitnessChanged,
    ReleaseAsked,
    Started,
    StopRequested,
    TimePassed,
    Withdrawn,
)
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State
from vrrp_compat.wire.advertisement import Advertisement

FAULTS = [RouterReason.CHECK_FAILED, RouterReason.KERNEL_REFUSED]
SPEECHLESS = [RouterReason.INTERFACE_DOWN, RouterReason.INTERFACE_MISSING, RouterReason.NO_SOURCE_ADDRESS]


def test_a_stop_ends_the_hold_and_tells_the_backups_once_the_kernel_is_clean() -> None:
    router = a_master()
    assert sends(router.step(StopRequested())) == []
    assert (router.state(), router.reason()) == (State.INITIALIZE, RouterReason.STOPPING)
    assert router.hold_until_s() is None
    router.run(0.2)
    effects = router.step(Withdrawn())
    assert sends(effects) == [0]
    assert effects[-1] == Finished(RouterReason.STOPPING, "withdrawn")
    assert router.next_deadline() is None
    assert router.step(TimePassed()) == []


@pytest.mark.parametrize(("interval_cs", "patience_s"), [(10, 0.1), (100, 1.0), (4000, 1.0)])
def test_a_stop_does_not_wait_long_and_says_nothing_untrue(interval_cs: int, patience_s: float) -> None:
    router = a_master(replace(SETTINGS, interval_cs=interval_cs))
    router.step(StopRequested())
    assert router.next_deadline() == pytest.approx(router.now_s + patience_s)
    router.run(patience_s)
    assert router.finished() is not None
    assert 0 not in [priority for _, priority in router.adverts()]
    assert router.noticed() == [RouterReason.WITHDRAWAL_LATE]


def test_a_master_that_never_answered_leaves_at_once() -> None:
    router = Driver(replace(SETTINGS, priority=255), sends=False)
    router.start()
    effects = router.step(StopRequested())
    assert sends(effects) == [0]
    assert isinstance(effects[-1], Finished)


def test_a_stop_after_it_yielded_waits_for_the_kernel_and_says_nothing() -> None:
    router = a_master()
    router.hear(150)
    router.step(StopRequested())
    assert router.finished() is None
    assert sends(router.step(Withdrawn())) == []
    assert router.finished() is not None


def test_a_stop_in_a_fault_still_says_farewell() -> None:
    router = a_master()
    router.step(FitnessChanged(RouterReason.CHECK_FAILED))
    router.step(StopRequested())
    assert sends(router.step(Withdrawn())) == [0]


@pytest.mark.parametrize("unfit", [None, RouterReason.CHECK_FAILED])
def test_a_stop_of_one_that_is_not_master_says_nothing(unfit: RouterReason | None) -> None:
    router = a_backup()
    router.step(FitnessChanged(unfit))
    assert sends(router.step(StopRequested())) == []
    assert router.finished() is not None


def test_a_stop_that_keeps_leaves_everything_to_the_next_process() -> None:
    router = a_master()
    held_until_s = router.hold_until_s()
    (finished,) = router.step(StopRequested(keep=True))
    assert isinstance(finished, Finished)
    assert router.hold_until_s() == held_until_s


def test_an_ended_router_cannot_be_started_again() -> None:
    router = a_master()
    router.step(StopRequested())
    with pytest.raises(ProgrammingError, match="web: a router that was stopped cannot be started"):
        router.step(Started())


def test_starting_twice_is_a_defect() -> None:
    router = a_backup()
    with pytest.raises(ProgrammingError, match="web: started cannot happen while Backup"):
        router.step(Started())


@pytest.mark.parametrize("unfit", FAULTS)
def test_a_fault_tells_the_backups_once_the_kernel_is_clean(unfit: RouterReason) -> None:
    router = a_master()
    assert sends(router.step(FitnessChanged(unfit, "why"))) == []
    assert (router.state(), router.reason()) == (State.FAULT, unfit)
    assert router.hold_until_s() is None
    assert sends(router.step(Withdrawn())) == [0]
    assert sends(router.step(Withdrawn())) == []
    assert router.finished() is None


@pytest.mark.parametrize("unfit", SPEECHLESS)
def test_without_a_link_there_is_nobody_to_tell(unfit: RouterReason) -> None:
    router = a_master()
    router.step(FitnessChanged(unfit))
    assert router.hold_until_s() is None
    assert sends(router.step(Withdrawn())) == []


def test_a_farewell_is_for_a_master_that_left_and_not_for_one_that_is_back() -> None:
    router = a_master(replace(SETTINGS, priority=255))
    router.step(FitnessChanged(RouterReason.CHECK_FAILED))
    router.sends = False  # so that it does not hold anything when the kernel is found clean
    assert sends(router.step(FitnessChanged(None))) == [255], "an owner is master at once"
    assert sends(router.step(Withdrawn())) == []


def test_a_farewell_is_not_said_over_a_new_master() -> None:
    router = a_master()
    router.step(ReleaseAsked())
    router.hear(90, LOW)
    assert sends(router.step(Withdrawn())) == []


def test_a_recovered_router_waits_for_master_down_by_its_own_interval() -> None:
    router = a_backup()
    router.hear(150, interval_cs=500)
    router.step(FitnessChanged(RouterReason.INTERFACE_DOWN))
    assert router.next_deadline() is None
    router.run(60.0)
    router.step(FitnessChanged(None))
    assert router.run_to_master() == pytest.approx(3.609375)


def test_a_recovered_router_does_not_count_a_skew_time_of_before() -> None:
    router = a_backup()
    router.hear(150)
    router.hear(0)
    router.step(FitnessChanged(RouterReason.CHECK_FAILED))
    router.step(FitnessChanged(None))
    assert router.run_to_master() == pytest.approx(3.609375)
    assert router.reason() is RouterReason.NO_MASTER_HEARD


def test_a_recovered_router_still_waits_for_a_master_it_heard_meanwhile() -> None:
    router = a_backup()
    router.step(FitnessChanged(RouterReason.CHECK_FAILED))
    router.hear(90, LOW, interval_cs=500)
    router.step(FitnessChanged(None))
    assert router.run_to_master() == pytest.approx(5 * 3.609375)


def test_a_recovered_router_does_not_wait_for_a_master_that_left_meanwhile() -> None:
    router = a_backup()
    router.step(FitnessChanged(RouterReason.CHECK_FAILED))
    router.hear(90, LOW, interval_cs=500)
    router.hear(0, LOW)
    router.step(FitnessChanged(None))
    assert router.run_to_master() == pytest.approx(3.609375)


def test_preempt_delay_counts_from_recovery() -> None:
    router = a_backup(preempt_delay_s=4.0)
    router.step(FitnessChanged(RouterReason.CHECK_FAILED))
    router.step(FitnessChanged(None))
    router.run(3.0)
    router.hear(50)
    assert router.reason() is RouterReason.PREEMPT_DELAY
    router.run(1.0)
    router.hear(50)
    assert router.reason() is RouterReason.PREEMPTING


def test_what_is_unfit_at_start_is_in_fault() -> None:
    router = Driver()
    router.step(FitnessChanged(RouterReason.INTERFACE_MISSING, "eth9"))
    assert router.state() is State.INITIALIZE
    router.start()
    assert (router.state(), router.reason()) == (State.FAULT, RouterReason.INTERFACE_MISSING)
    router.step(FitnessChanged(RouterReason.INTERFACE_DOWN, "eth9"))
    assert (router.state(), router.reason()) == (State.FAULT, RouterReason.INTERFACE_DOWN)


def test_an_earlier_process_is_said_farewell_for_when_this_one_cannot_serve() -> None:
    router = Driver()
    router.step(FitnessChanged(RouterReason.CHECK_FAILED))
    assert sends(router.start(adopted_until_s=START_S + 1.0)) == []
    assert router.hold_until_s() is None
    assert sends(router.step(Withdrawn())) == [0]


def test_a_released_master_lets_another_one_be_master_until_that_fails() -> None:
    router = a_master()
    router.step(ReleaseAsked())
    assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.RELEASED)
    assert router.hold_until_s() is None
    assert sends(router.step(Withdrawn())) == [0]
    for _ in range(10):
        router.run(1.0)
        router.hear(50, LOW)
        assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.RELEASED)
    assert router.run_to_master() == pytest.approx(3.609375)
    router.hear(150, HIGH)
    router.hear(50, HIGH)
    assert router.reason() is RouterReason.PREEMPTING, "it was asked once, not for ever"


def test_a_released_master_does_not_wait_for_the_one_that_it_preempted() -> None:
    router = a_backup()
    for _ in range(4):
        router.run(1.0)
        router.hear(50, LOW, interval_cs=500)
    router.step(ReleaseAsked())
    assert router.status().master is None
    assert router.run_to_master() == pytest.approx(3.609375)


def test_a_release_asked_of_a_backup_changes_nothing() -> None:
    router = a_backup()
    assert router.step(ReleaseAsked()) == []


def test_a_withdrawal_read_while_held_is_of_an_earlier_time() -> None:
    router = a_master()
    router.step(Withdrawn())
    router.step(StopRequested())
    assert router.finished() is None
    router.step(AdvertSent(Advertisement(3, 7, 100, 100), router.now_s))
    assert router.hold_until_s() is None
