"""A store's owner that speaks VRRP: when, with what priority, and what it does about who else speaks.

The random schedules come with controls: the same verdict over announcers of which one rule is left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.vrrp_router.announcer_world import World
from tests.vrrp_router.driver import HIGH, LOW, OWN, SETTINGS, START_S, announces, sends
from vrrp_compat.router.announcer import Announcer
from vrrp_compat.router.announcer_events import AnnouncerEvent, LeaseGiven, LeaseOver, LeftToNobody
from vrrp_compat.router.effects import Announce, Decided, Effect, Noticed, SendAdvert
from vrrp_compat.router.events import (
    AdvertHeard,
    AdvertSent,
    FitnessChanged,
    Reconfigured,
    SendFailed,
    TimePassed,
)
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.states import State
from vrrp_compat.wire.advertisement import Advertisement

SCHEDULES = 40


class Speaker:
    """One announcer on a clock that the test moves."""

    def __init__(self) -> None:
        self.machine = Announcer(SETTINGS)
        self.now_s = START_S
        self.said: list[tuple[float, Effect]] = []

    def step(self, event: AnnouncerEvent) -> list[Effect]:
        effects = self.machine.step(event, self.now_s)
        self.said += [(self.now_s - START_S, effect) for effect in effects]
        return effects

    def hear(self, priority: int, source: bytes = LOW) -> list[Effect]:
        return self.step(AdvertHeard(Advertisement(3, 7, priority, 100, SETTINGS.addresses), source))

    def run(self, length_s: float, *, renewed: bool = True) -> None:
        end_s = self.now_s + length_s
        while (due_s := self.machine.next_deadline()) is not None and due_s <= end_s:
            self.now_s = max(due_s, self.now_s)
            self.step(TimePassed())
            if renewed and self.machine.may_speak(self.now_s):
                self.step(LeaseGiven(self.now_s + 2.0))
        self.now_s = end_s

    def adverts(self) -> list[tuple[float, int]]:
        return [(round(at, 6), e.advertisement.priority) for at, e in self.said if isinstance(e, SendAdvert)]

    def noticed(self) -> list[RouterReason]:
        return [e.reason for _, e in self.said if isinstance(e, Noticed)]

    def state(self) -> State:
        return self.machine.status(self.now_s).state


def an_owner() -> Speaker:
    speaker = Speaker()
    speaker.step(LeaseGiven(START_S + 2.0))
    return speaker


def an_owner_for_long() -> Speaker:
    speaker = an_owner()
    speaker.run(5.5)
    speaker.said.clear()
    return speaker


def test_the_first_advert_is_asked_for_in_the_very_step_that_gains_it() -> None:
    speaker = Speaker()
    effects = speaker.step(LeaseGiven(START_S + 2.0))
    assert effects[0] == Decided(State.MASTER, RouterReason.STORE_OWNER)
    assert sends(effects) == [255]


def test_one_each_interval_however_often_the_lease_is_renewed() -> None:
    speaker = an_owner()
    speaker.run(3.5)
    assert speaker.adverts() == [(0.0, 255), (1.0, 255), (2.0, 255), (3.0, 255)]


def test_none_after_the_deadline() -> None:
    speaker = an_owner()
    speaker.run(10, renewed=False)
    assert speaker.adverts() == [(0.0, 255), (1.0, 255)]
    assert speaker.state() is State.BACKUP
    assert speaker.machine.next_deadline() is None


def test_a_timer_that_rings_after_a_freeze_says_nothing() -> None:
    speaker = an_owner()
    speaker.now_s += 2.0
    assert not speaker.machine.may_speak(speaker.now_s)
    assert sends(speaker.step(TimePassed())) == []


def test_a_lease_that_is_over_when_it_is_told_is_none() -> None:
    speaker = Speaker()
    assert sends(speaker.step(LeaseGiven(START_S))) == []
    assert speaker.state() is State.BACKUP


def test_a_hand_over_says_nothing() -> None:
    speaker = an_owner_for_long()
    assert sends(speaker.step(LeaseOver())) == []
    speaker.run(10)
    assert speaker.adverts() == []


def test_left_to_nobody_says_so_once() -> None:
    speaker = an_owner_for_long()
    speaker.step(LeaseOver())
    assert sends(speaker.step(LeftToNobody())) == [0]
    assert sends(speaker.step(LeftToNobody())) == []


def test_who_never_spoke_takes_no_leave() -> None:
    assert sends(Speaker().step(LeftToNobody())) == []


def test_who_has_it_again_takes_no_leave() -> None:
    speaker = an_owner_for_long()
    speaker.step(LeaseOver())
    speaker.step(LeaseGiven(speaker.now_s + 2.0))
    assert sends(speaker.step(LeftToNobody())) == []


def test_a_standby_does_nothing_about_what_it_hears_or_does_not() -> None:
    speaker = Speaker()
    for priority in (0, 100, 255):
        assert sends(speaker.hear(priority)) == []
    assert speaker.machine.next_deadline() is None
    status = speaker.machine.status(speaker.now_s)
    assert (status.state, status.reason) == (State.BACKUP, RouterReason.STORE_STANDBY)
    assert (status.master, status.master_priority, status.takeover_in_s) == (LOW, 255, None)
    assert speaker.machine.status(speaker.now_s + 10).master is None
    speaker.hear(0)
    assert speaker.machine.status(speaker.now_s).master is None


@pytest.mark.parametrize("priority", [1, 254, 255])
@pytest.mark.parametrize("source", [LOW, HIGH])
def test_an_owner_yields_to_nobody(priority: int, source: bytes) -> None:
    speaker = an_owner_for_long()
    effects = speaker.hear(priority, source)
    assert speaker.state() is State.MASTER
    assert sends(effects) == [255]
    assert announces(effects)


@pytest.mark.parametrize(
    ("priority", "source", "told"),
    [(254, LOW, True), (254, HIGH, True), (255, HIGH, True), (255, LOW, False)],
)
def test_a_foreign_master_is_told_of(priority: int, source: bytes, told: bool) -> None:
    speaker = an_owner_for_long()
    speaker.hear(priority, source)
    speaker.hear(priority, source)
    assert speaker.noticed() == ([RouterReason.FOREIGN_MASTER] if told else [])
    speaker.run(61)
    speaker.hear(priority, source)
    assert len(speaker.noticed()) == 2 * told


def test_the_master_that_is_relieved_is_no_foreign_one() -> None:
    speaker = an_owner()
    assert sends(speaker.hear(100)) == [255]
    assert speaker.noticed() == []


def test_a_stream_of_foreign_adverts_costs_one_answer_an_interval_and_delays_none() -> None:
    speaker = an_owner_for_long()
    for _ in range(500):
        speaker.hear(50)
        speaker.run(0.01)
    assert 5 <= len(speaker.adverts()) <= 11
    assert 5 <= sum(isinstance(e, Announce) for _, e in speaker.said) <= 11
    times = [at_s for at_s, _ in speaker.adverts()]
    assert max(b - a for a, b in itertools.pairwise(times)) < 1.02


def test_priority_0_is_answered_each_time() -> None:
    speaker = an_owner_for_long()
    assert [sends(speaker.hear(0)) for _ in range(3)] == [[255]] * 3


def test_our_own_address_is_not_answered() -> None:
    speaker = an_owner_for_long()
    assert sends(speaker.hear(255, OWN)) == []
    assert speaker.noticed() == [RouterReason.OWN_ADDRESS_HEARD]


def test_a_mute_owner_is_told_of_and_speaks_as_soon_as_it_can() -> None:
    speaker = Speaker()
    speaker.step(FitnessChanged(RouterReason.NO_SOURCE_ADDRESS, "eth0"))
    assert sends(speaker.step(LeaseGiven(START_S + 2.0))) == []
    assert speaker.state() is State.FAULT
    speaker.step(FitnessChanged(RouterReason.PORT_UNAVAILABLE, "eth0"))
    assert speaker.noticed() == [RouterReason.OWNER_IS_MUTE]
    assert sends(speaker.step(FitnessChanged(None))) == [255]
    assert speaker.state() is State.MASTER


def test_what_changes_is_said_at_once() -> None:
    speaker = an_owner_for_long()
    assert sends(speaker.step(Reconfigured(SETTINGS))) == []
    effects = speaker.step(Reconfigured(replace(SETTINGS, interval_cs=50)))
    assert [e.advertisement.interval_cs for e in effects if isinstance(e, SendAdvert)] == [50]


def test_a_failed_send_is_told_and_changes_nothing() -> None:
    speaker = an_owner_for_long()
    assert speaker.step(SendFailed("no buffer")) == [Noticed(RouterReason.SEND_FAILED, "no buffer")]
    assert speaker.step(SendFailed("no buffer")) == []
    assert speaker.state() is State.MASTER
    assert speaker.step(AdvertSent(Advertisement(3, 7, 255, 100), speaker.now_s)) == []


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_random_schedules(seed: int) -> None:
    assert World(seed).run().broken == []


class OutlivesItsLease(Announcer):
    def _expire(self, now_s: float) -> list[Effect]:
        return []


class SaysFarewellAtEachEnd(Announcer):
    def step(self, event: AnnouncerEvent, now_s: float) -> list[Effect]:
        effects = super().step(event, now_s)
        return effects + self._take_leave() if isinstance(event, LeaseOver) else effects


class WaitsForItsTimer(Announcer):
    def _serve(self, until_s: float, now_s: float) -> list[Effect]:
        gained = self._until_s is None
        effects = super()._serve(until_s, now_s)
        return [] if gained else effects


class YieldsToOthers(Announcer):
    def _hear(self, event: AdvertHeard, now_s: float) -> list[Effect]:
        self._cease()
        return []


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (OutlivesItsLease, "without a lease"),
        (SaysFarewellAtEachEnd, "although somebody follows"),
        (WaitsForItsTimer, "came late"),
        (YieldsToOthers, "silent while it serves"),
    ],
)
def test_controls(make: Callable[[RouterSettings], Announcer], found: str) -> None:
    worlds = (World(seed, make).run() for seed in range(SCHEDULES))
    assert any(found in each for world in worlds for each in world.broken)


def test_control_of_a_shell_that_tells_no_successor_from_nobody() -> None:
    worlds = (World(seed, hands_over_badly=True).run() for seed in range(SCHEDULES))
    assert any("although somebody follows" in each for world in worlds for each in world.broken)
