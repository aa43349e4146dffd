"""What a master does about another one, and about its own adverts."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from tests.vrrp_router.driver import HIGH, LOW, OWN, SETTINGS, a_master, announces, sends
from vrrp_compat.router.effects import Announce, Decided, LowerHeard, Noticed, SendAdvert
from vrrp_compat.router.events import TimePassed
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State


def test_an_advert_each_interval() -> None:
    router = a_master()
    begun_s = router.now_s
    router.run(3.5)
    assert [at_s for at_s, _ in router.said] == pytest.approx([begun_s + n for n in (1, 2, 3)])


@pytest.mark.parametrize(("late_s", "next_after_s"), [(0.0, 1.0), (0.3, 0.7), (0.9, 0.5), (2.0, 0.5)])
def test_a_timer_that_rings_late_makes_no_advert_rare(late_s: float, next_after_s: float) -> None:
    router = a_master()
    router.now_s += 1.0 + late_s
    assert sends(router.step(TimePassed())) == [100]
    assert router.next_deadline() == pytest.approx(router.now_s + next_after_s)


def test_it_yields_to_a_higher_priority_without_priority_0() -> None:
    router = a_master()
    effects = router.hear(150, interval_cs=200)
    assert router.hold_until_s() is None
    assert isinstance(effects[0], Decided)
    assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.HIGHER_PRIORITY_HEARD)
    assert sends(effects) == [100], "upon which the other one, if it spoke first, announces itself"
    assert router.hold_until_s() is None, "and which extends nothing"
    assert router.status().master == HIGH
    router.hear(0)
    assert router.run_to_master() == pytest.approx(2 * 0.609375), "by the interval of the new master"


def test_of_equals_the_higher_address_stays() -> None:
    router = a_master()
    router.hear(100, LOW)
    assert router.state() is State.MASTER
    router.hear(100, HIGH)
    assert (router.state(), router.reason()) == (State.BACKUP, RouterReason.EQUAL_PRIORITY_HIGHER_ADDRESS)


def test_addresses_are_compared_as_unsigned_numbers_in_network_order() -> None:
    router = a_master(replace(SETTINGS, address=bytes((10, 0, 1, 0))))
    router.hear(100, bytes((10, 0, 0, 255)))
    assert router.state() is State.MASTER
    router.hear(100, bytes((200, 0, 0, 0)))
    assert router.state() is State.BACKUP


def test_our_own_advert_come_back_is_noticed_and_changes_nothing() -> None:
    router = a_master()
    (noticed,) = router.hear(100, OWN)
    assert isinstance(noticed, Noticed)
    assert noticed.reason is RouterReason.OWN_ADDRESS_HEARD
    assert router.hear(100, OWN) == [], "a loop repeats it as fast as the wire goes"
    assert router.state() is State.MASTER


def test_a_lower_master_is_answered_at_once_and_clients_are_told() -> None:
    router = a_master()
    router.run(0.5)
    effects = router.hear(50, LOW)
    assert isinstance(effects[0], Noticed)
    assert effects[0].reason is RouterReason.LOWER_PRIORITY_HEARD
    assert effects[1:2] == [LowerHeard(effects[0].detail)]
    assert effects[2:] == [SendAdvert(effects[2].advertisement), Announce()]  # type: ignore[union-attr]
    assert router.state() is State.MASTER


def test_a_storm_of_lower_adverts_costs_one_answer_an_interval_and_delays_none() -> None:
    router = a_master()
    router.run(0.5)
    begun_s = router.now_s
    while router.now_s < begun_s + 5.0:
        router.hear(50, LOW)
        router.run(0.01)
    answers = [at_s for at_s, e in router.said if isinstance(e, Announce)]
    assert 5 <= len(answers) <= 11
    sent_s = [at_s for at_s, e in router.said if isinstance(e, SendAdvert)]
    assert len(sent_s) <= 11
    assert max(b - a for a, b in itertools.pairwise(sent_s)) < 1.02
    assert router.noticed() == [RouterReason.LOWER_PRIORITY_HEARD]
    assert 5 <= sum(isinstance(e, LowerHeard) for _, e in router.said) <= 6, "once an interval"


def test_what_came_too_soon_after_an_answer_is_announced_with_the_next_advert() -> None:
    router = a_master()
    router.hear(50, LOW)
    router.run(0.3)
    assert router.hear(50, HIGH) == []
    router.said.clear()
    router.run(0.8)
    assert [type(e) for _, e in router.said] == [SendAdvert, Announce]


def test_priority_0_is_answered_each_time() -> None:
    router = a_master()
    router.run(0.5)
    assert sends(router.hear(0)) == [100]
    assert sends(router.hear(0)) == [100], "a backup that heard the second one counts its skew time again"
    assert router.state() is State.MASTER


def test_of_two_owners_the_lower_address_yields_and_stays_an_owner() -> None:
    router = a_master(replace(SETTINGS, priority=255))
    router.hear(255, LOW)
    assert router.state() is State.MASTER
    router.hear(255, HIGH)
    assert router.state() is State.BACKUP
    assert router.status().priority == 255


def test_an_owner_that_spoke_second_makes_the_lower_one_yield() -> None:
    router = a_master(replace(SETTINGS, priority=255))
    assert announces(router.hear(254, HIGH))


def test_a_new_term_as_master_owes_nothing_to_an_earlier_one() -> None:
    router = a_master()
    router.hear(50, LOW)
    router.hear(150)
    router.hear(0)
    router.run_to_master()
    router.said.clear()
    assert sends(router.hear(50, LOW)) == [100], "however soon after an answer in that term"
    router.hear(50, LOW)
    router.hear(150)
    router.hear(0)
    router.run_to_master()
    router.said.clear()
    router.run(1.0)
    assert [type(e) for _, e in router.said] == [SendAdvert]
