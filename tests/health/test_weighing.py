"""What tracked things mean to a unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipkeeper.config.tracking import TrackKind, UnitTrack
from vipkeeper.health.verdicts import TrackKey, TrackState, Verdict
from vipkeeper.health.weighing import Judgement, judge
from vipkeeper.model.reasons import Reason
from vipkeeper.model.weights import Weight

VERDICTS = {"up": Verdict.WELL, "down": Verdict.NOT_WELL, "unknown": Verdict.UNKNOWN}


def weigh(
    weight: int,
    verdict: Verdict,
    *,
    reverse: bool = False,
    held: bool = False,
    begun: bool = False,
    kind: TrackKind = TrackKind.SCRIPT,
    number: int = 0,
    detail: str = "",
) -> Judgement:
    states = {TrackKey(kind, "web"): TrackState(verdict, number, detail)}
    return judge([UnitTrack(kind, "web", weight, reverse)], states, held=held, begun=begun)


@pytest.mark.parametrize(
    ("weight", "reverse", "verdict", "added"),
    [
        (20, False, "up", 20),
        (20, False, "down", 0),
        (20, True, "up", 0),
        (20, True, "down", 20),
        (-20, False, "up", 0),
        (-20, False, "down", -20),
        (-20, True, "up", -20),
        (-20, True, "down", 0),
    ],
)
def test_a_weight_counts_as_keepalived_has_it(weight: int, reverse: bool, verdict: str, added: int) -> None:
    found = weigh(weight, VERDICTS[verdict], reverse=reverse)
    assert found == Judgement(Weight(added, f"{added:+d} web" if added else ""))


@pytest.mark.parametrize(("reverse", "fails"), [(False, "down"), (True, "up")])
def test_without_weight_it_has_to_be_well(reverse: bool, fails: str) -> None:
    for name in ("up", "down"):
        found = weigh(0, VERDICTS[name], reverse=reverse, detail="exit code 1")
        assert (found.unfit is Reason.CHECK_FAILED) == (name == fails)
        assert found.detail == ("web: exit code 1" if name == fails else "")


def test_before_the_first_result_a_newcomer_waits() -> None:
    assert weigh(0, Verdict.UNKNOWN) == Judgement(Weight(), Reason.CHECK_PENDING, "web")


@given(weight=st.integers(-253, 253), reverse=st.booleans())
def test_unknown_never_changes_a_role(weight: int, reverse: bool) -> None:
    """Who holds it is as good as if all were well; who was a candidate stays one."""
    held = weigh(weight, Verdict.UNKNOWN, held=True, reverse=reverse)
    assert held.unfit is None
    assert held.weight.total == max(weight, 0)
    assert weigh(weight, Verdict.UNKNOWN, begun=True, reverse=reverse).unfit is None


@pytest.mark.parametrize("weight", [20, -20])
def test_a_weight_waits_for_nothing(weight: int) -> None:
    assert weigh(weight, Verdict.UNKNOWN) == Judgement()


def test_what_could_never_be_watched_counts_for_nothing() -> None:
    assert weigh(0, Verdict.IGNORED) == Judgement()
    assert weigh(20, Verdict.IGNORED, held=True) == Judgement()


@pytest.mark.parametrize(
    ("weight", "number", "reverse", "added"),
    [(1, 5, False, 5), (-2, 5, False, -10), (-2, 5, True, 10), (2, -5, False, -10), (200, 200, False, 253)],
)
def test_a_file_s_number_times_the_weight_is_added(
    weight: int, number: int, reverse: bool, added: int
) -> None:
    found = weigh(weight, Verdict.WELL, kind=TrackKind.FILE, number=number, reverse=reverse)
    assert found.weight == Weight(added, f"{added:+d} web")


def test_a_file_without_weight_is_a_fault_unless_it_says_0() -> None:
    assert weigh(0, Verdict.WELL, kind=TrackKind.FILE, number=1).unfit is Reason.CHECK_FAILED
    assert weigh(0, Verdict.WELL, kind=TrackKind.FILE, number=0).unfit is None
    assert weigh(0, Verdict.WELL, kind=TrackKind.FILE, number=0, reverse=True).unfit is Reason.CHECK_FAILED


def test_a_file_may_say_so_little_that_it_is_a_fault() -> None:
    assert weigh(-1, Verdict.WELL, kind=TrackKind.FILE, number=253).unfit is None
    assert weigh(-1, Verdict.WELL, kind=TrackKind.FILE, number=254).unfit is Reason.CHECK_FAILED


def test_all_that_counts_is_added_and_named() -> None:
    tracks = [
        UnitTrack(TrackKind.FILE, "maint", -1, reverse=False),
        UnitTrack(TrackKind.SCRIPT, "web", 20, reverse=False),
        UnitTrack(TrackKind.INTERFACE, "eth1", -30, reverse=False),
        UnitTrack(TrackKind.PROCESS, "db", -10, reverse=False),
    ]
    states = {
        TrackKey(TrackKind.FILE, "maint"): TrackState(Verdict.WELL, 5),
        TrackKey(TrackKind.SCRIPT, "web"): TrackState(Verdict.WELL),
        TrackKey(TrackKind.INTERFACE, "eth1"): TrackState(Verdict.NOT_WELL),
        TrackKey(TrackKind.PROCESS, "db"): TrackState(Verdict.WELL),
    }
    found = judge(tracks, states, held=False, begun=False)
    assert found.weight == Weight(-15, "-5 maint +20 web -30 eth1")
    assert found.weight.on(100) == "100 -5 maint +20 web -30 eth1"
    assert Weight().on(100) == ""
