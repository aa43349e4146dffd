"""When announcements are due, by a clock that the test moves."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vipkeeper.desired.announcement_schedule import BURST, PAUSE_S, AnnouncementSchedule
from vipkeeper.model.address_options import REPEAT_INTERVAL_S, REPEATS
from vipkeeper.model.vips import VipAddress

REFRESH_S = 60.0
ROUNDING_S = 1e-6


def vips(count: int) -> list[VipAddress]:
    return [VipAddress(f"10.9.{number // 250}.{number % 250}", 32, "eth0") for number in range(count)]


def announced(schedule: AnnouncementSchedule, until_s: float) -> list[tuple[float, VipAddress]]:
    """(instant, VIP) of all that is due up to `until_s`, asked for exactly when it is due."""
    found = []
    while (due_s := schedule.next_due_s()) is not None and due_s <= until_s:
        taken = schedule.take_due(due_s)
        assert taken, "next_due_s promised something"
        found += [(due_s, vip) for vip in taken]
    return found


def test_at_once_then_four_times_then_now_and_then() -> None:
    schedule = AnnouncementSchedule(REFRESH_S)
    (vip,) = vips(1)
    schedule.start([vip], 1000.0)
    instants = [at_s - 1000.0 for at_s, _ in announced(schedule, 1130.0)]
    assert instants == pytest.approx([0.0, 1.1, 2.2, 3.3, 4.4, 64.4, 124.4])


def test_nothing_runs_at_first_and_nothing_after_a_stop() -> None:
    schedule = AnnouncementSchedule()
    assert schedule.next_due_s() is None
    assert schedule.take_due(1e9) == ()
    first, second = vips(2)
    schedule.start([first, second], 0.0)
    schedule.stop([first])
    assert {vip for _, vip in announced(schedule, 200.0)} == {second}
    schedule.stop([second, second])
    assert schedule.next_due_s() is None
    assert schedule.take_due(1e9) == ()


def test_a_running_one_is_started_anew() -> None:
    schedule = AnnouncementSchedule(REFRESH_S)
    (vip,) = vips(1)
    schedule.start([vip], 0.0)
    announced(schedule, 30.0)
    schedule.start([vip, vip], 30.0)
    instants = [at_s for at_s, _ in announced(schedule, 95.0)]
    assert instants == pytest.approx([30.0, 31.1, 32.2, 33.3, 34.4, 94.4])


def test_after_a_late_one_the_next_is_not_too_soon() -> None:
    schedule = AnnouncementSchedule(REFRESH_S)
    (vip,) = vips(1)
    schedule.start([vip], 0.0)
    assert schedule.take_due(10.0) == (vip,)
    assert schedule.take_due(10.0 + REPEAT_INTERVAL_S / 2) == ()
    assert schedule.next_due_s() == pytest.approx(10.0 + REPEAT_INTERVAL_S)


@pytest.mark.parametrize("count", [1, BURST, BURST + 1, 1000, 5000])
def test_many_are_paced_and_none_is_forgotten(count: int) -> None:
    schedule = AnnouncementSchedule(REFRESH_S)
    started = vips(count)
    schedule.start(started, 5.0)
    series = announced(schedule, 5.0 + REPEATS * REPEAT_INTERVAL_S + 1.0)
    by_vip: dict[VipAddress, list[float]] = {vip: [] for vip in started}
    for at_s, vip in series:
        by_vip[vip].append(at_s)
    for instants in by_vip.values():
        assert len(instants) == 1 + REPEATS
        gaps = [later - earlier for earlier, later in itertools.pairwise(instants)]
        assert all(gap >= REPEAT_INTERVAL_S - ROUNDING_S for gap in gaps)
    assert_paced([at_s for at_s, _ in series])
    first_round_ends_s = series[count - 1][0] - 5.0
    assert first_round_ends_s == pytest.approx((count - 1) // BURST * PAUSE_S)


def assert_paced(instants: list[float]) -> None:
    """No more than two bursts touch any stretch of one pause."""
    for place in range(len(instants) - 2 * BURST):
        assert instants[place + 2 * BURST] - instants[place] >= PAUSE_S - ROUNDING_S


@given(calls=st.lists(st.integers(1, 3 * BURST), max_size=12))
def test_the_pause_holds_however_often_it_is_asked(calls: list[int]) -> None:
    schedule = AnnouncementSchedule(REFRESH_S)
    taken = 0
    for count in calls:
        schedule.start(vips(count), 7.0)
        taken += len(schedule.take_due(7.0))
    assert taken <= BURST


def test_starting_and_stopping_for_ever_keeps_no_memory() -> None:
    schedule = AnnouncementSchedule(REFRESH_S)
    lasting, passing = vips(2)
    schedule.start([lasting], 0.0)
    announced(schedule, 5.0)
    for _ in range(10_000):
        schedule.start([passing], 5.0)
        schedule.stop([passing])
    assert len(schedule._entries) < 1000
    assert schedule.next_due_s() == pytest.approx(4.4 + REFRESH_S)


EIGHT = vips(8)


class ScheduleBySimplerMeans(RuleBasedStateMachine):
    """Against a model that knows only who runs, and when each was announced since its start."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = AnnouncementSchedule(REFRESH_S)
        self.now_s = 100.0
        self.started_s: dict[VipAddress, float] = {}
        self.announced_s: dict[VipAddress, list[float]] = {}

    @rule(chosen=st.sets(st.integers(0, 7)))
    def start(self, chosen: set[int]) -> None:
        some = [EIGHT[number] for number in chosen]
        self.schedule.start(some, self.now_s)
        for vip in some:
            self.started_s[vip] = self.now_s
            self.announced_s[vip] = []

    @rule(chosen=st.sets(st.integers(0, 7)))
    def stop(self, chosen: set[int]) -> None:
        some = [EIGHT[number] for number in chosen]
        self.schedule.stop(some)
        for vip in some:
            self.started_s.pop(vip, None)

    @rule(passes_s=st.floats(0.0, 90.0))
    def take(self, passes_s: float) -> None:
        self.now_s += passes_s
        taken = self.schedule.take_due(self.now_s)
        assert len(set(taken)) == len(taken)
        assert set(taken) == {vip for vip in self.started_s if self.expected_s(vip) <= self.now_s}
        for vip in taken:
            self.announced_s[vip].append(self.now_s)

    def expected_s(self, vip: VipAddress) -> float:
        instants = self.announced_s[vip]
        if not instants:
            return self.started_s[vip]
        return instants[-1] + (REPEAT_INTERVAL_S if len(instants) <= REPEATS else REFRESH_S)

    @invariant()
    def promises_the_earliest(self) -> None:
        due_s = self.schedule.next_due_s()
        expected = min((self.expected_s(vip) for vip in self.started_s), default=None)
        assert due_s == (expected if expected is None else pytest.approx(expected, abs=PAUSE_S))

    @precondition(lambda self: bool(self.started_s))
    @rule()
    def wait_until_due(self) -> None:
        due_s = self.schedule.next_due_s()
        assert due_s is not None
        self.take(max(0.0, due_s - self.now_s))


TestScheduleBySimplerMeans = ScheduleBySimplerMeans.TestCase
