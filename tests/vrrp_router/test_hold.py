"""A master answers only as long as its peers are sure to wait for it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.vrrp_router.driver import HIGH, LOW, SETTINGS, START_S, Driver, a_master, announces, sends
from vrrp_compat.router.effects import Announce, Decided, SendAdvert
from vrrp_compat.router.events import AdvertSent, TimePassed
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State
from vrrp_compat.router.timers import hold_s
from vrrp_compat.wire.advertisement import Advertisement

OWNER = replace(SETTINGS, priority=255)


def advert_of(driver: Driver, priority: int = 100, interval_cs: int = 100) -> Advertisement:
    own = driver.settings
    return Advertisement(own.version, own.vrid, priority, interval_cs, own.addresses)


def test_nothing_is_held_before_the_first_advert_has_left() -> None:
    router = Driver(OWNER, sends=False)
    router.start()
    assert router.state() is State.MASTER
    assert router.hold_until_s() is None
    router.step(AdvertSent(advert_of(router, 255), router.now_s))
    assert router.hold_until_s() == pytest.approx(START_S + 3 - 0.006 - 0.002)


def test_the_hold_counts_from_when_the_advert_was_sent() -> None:
    router = a_master()
    sent_at_s = router.now_s
    router.sends = False
    router.run(1.0)
    router.step(AdvertSent(advert_of(router), sent_at_s + 0.25))
    assert router.hold_until_s() == pytest.approx(sent_at_s + 0.25 + hold_s(100))


def test_the_hold_counts_with_the_interval_in_the_advert() -> None:
    router = a_master()
    router.step(AdvertSent(advert_of(router, interval_cs=10), router.now_s))
    assert router.hold_until_s() == pytest.approx(router.now_s + hold_s(10)), "also when that is less"


def test_an_advert_of_an_earlier_term_extends_nothing() -> None:
    router = a_master()
    sent_at_s = router.now_s
    router.hear(150)
    router.hear(0)
    router.sends = False
    router.run_to_master()
    router.step(AdvertSent(advert_of(router), sent_at_s))
    assert router.hold_until_s() is None


@pytest.mark.parametrize("priority", [0, 100])
def test_an_advert_that_left_a_backup_extends_nothing(priority: int) -> None:
    router = a_master()
    router.hear(150)
    router.step(AdvertSent(advert_of(router, priority), router.now_s))
    assert router.hold_until_s() is None


def test_a_failed_send_is_tried_again_each_interval_until_the_hold_lapses() -> None:
    router = a_master()
    router.sends = False
    held_until_s = router.hold_until_s()
    assert held_until_s is not None
    router.run(2.5)
    assert router.hold_until_s() == held_until_s
    assert router.noticed() == [RouterReason.SEND_FAILED]
    router.run(0.5)
    assert router.hold_until_s() is None
    decided = [e for _, e in router.said if isinstance(e, Decided)]
    assert decided == [Decided(State.MASTER, RouterReason.LEASE_LAPSED, "no buffer")]
    router.sends = True
    router.said.clear()
    router.run(1.0)
    assert router.hold_until_s() is not None
    assert router.reason() is RouterReason.RESUMED
    assert [type(e) for _, e in router.said] == [SendAdvert, Decided, Announce]


def test_it_wakes_when_its_hold_ends() -> None:
    router = a_master()
    router.sends = False
    router.run(2.9)
    assert router.next_deadline() == router.hold_until_s()


def frozen(length_s: float) -> Driver:
    router = a_master()
    router.now_s += length_s
    return router


def test_after_a_freeze_nobody_was_heard_so_it_advertises_before_it_answers() -> None:
    router = frozen(60.0)
    router.sends = False
    effects = router.step(TimePassed())
    assert sends(effects) == [100]
    assert router.state() is State.MASTER
    assert router.hold_until_s() is None
    router.step(AdvertSent(advert_of(router), router.now_s))
    assert router.hold_until_s() == pytest.approx(router.now_s + hold_s(100))


def test_an_advert_that_was_on_its_way_when_it_froze_does_not_bring_the_hold_back() -> None:
    router = a_master()
    sent_at_s = router.now_s + 1.0
    router.now_s += 60.0
    for _ in range(2):
        assert not announces(router.step(AdvertSent(advert_of(router), sent_at_s)))
        assert router.hold_until_s() is None
        assert router.reason() is RouterReason.LEASE_LAPSED


def test_after_a_freeze_it_yields_to_a_better_router() -> None:
    router = frozen(60.0)
    effects = router.hear(150)
    assert router.state() is State.BACKUP
    assert sends(effects) == [], "it answered for nothing, so there is nothing to correct"


def test_a_lapse_ends_with_the_term() -> None:
    router = frozen(60.0)
    router.hear(150)
    router.hear(0)
    router.sends = False
    router.run_to_master()
    router.hear(50, LOW)
    assert router.state() is State.MASTER, "it has not answered yet, and nobody took over from it"


def test_after_a_freeze_a_lower_router_that_serves_is_left_to_it_and_preempted_by_the_rules() -> None:
    router = frozen(60.0)
    router.hear(50, LOW)
    assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.PREEMPTING)
    for _ in range(3):
        router.run(1.0)
        router.hear(50, LOW)
        assert router.state() is State.BACKUP
    router.run(1.0)
    router.hear(50, LOW)
    assert router.state() is State.MASTER


def test_after_a_freeze_an_equal_router_with_a_lower_address_serves_on() -> None:
    router = frozen(60.0)
    router.hear(100, LOW)
    assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.EQUAL_PRIORITY_HEARD)


def test_after_a_freeze_without_preempt_the_one_that_serves_goes_on() -> None:
    router = a_master(replace(SETTINGS, preempt=False))
    router.now_s += 60.0
    router.hear(50, LOW)
    assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.NOPREEMPT_WAITING)


def test_a_restart_within_the_hold_goes_on_as_master() -> None:
    router = Driver(sends=False)
    effects = router.start(adopted_until_s=START_S + 1.5)
    assert sends(effects) == [100]
    assert (router.state(), router.reason()) == (State.MASTER, RouterReason.ADOPTED)
    assert router.hold_until_s() == START_S + 1.5, "what the peers wait for, and not longer"
    router.run(1.6)
    assert router.hold_until_s() is None


def test_a_restart_after_the_hold_listens_first() -> None:
    router = Driver()
    router.start(adopted_until_s=START_S)
    assert router.state() is State.BACKUP
    assert router.hold_until_s() is None


def test_an_adopted_master_yields_to_a_better_one() -> None:
    router = Driver()
    router.start(adopted_until_s=START_S + 1.5)
    router.hear(150, HIGH)
    assert router.state() is State.BACKUP
    assert router.hold_until_s() is None


def test_the_facts_for_people() -> None:
    router = a_master()
    router.run(0.5)
    status = router.status()
    assert (status.master, status.master_priority) == (router.settings.address, 100)
    assert status.held_for_s == pytest.approx(hold_s(100) - 0.5)
    assert status.takeover_in_s is None
