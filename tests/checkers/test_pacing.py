"""When a check runs and what counts, by table and over random outcomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipkeeper.health.checkers.pacing import NEVER_S, PacedCheck
from vipkeeper.model.balancing import CheckOutcome, Pacing, Standing

GOOD, BAD = CheckOutcome(ok=True), CheckOutcome(ok=False)
PART = CheckOutcome(ok=True, part=True)
OURS = None  # this node could not ask
PACING = Pacing(delay_loop_s=60, delay_before_retry_s=3, retry=2, warmup_s=10)
WORDS: dict[str, CheckOutcome | None] = {"+": GOOD, "-": BAD, "p": PART, "?": OURS}


def after(outcomes: str, pacing: Pacing = PACING) -> tuple[str, list[float]]:
    """The first letter of what it says after each outcome, and how long it waited for the next run then."""
    check = PacedCheck.start(pacing, now_s=0.0, chance=0.0)
    said, waited_s = "", []
    for letter in outcomes:
        now_s = check.next_deadline_s()
        check = check.step(WORDS[letter], now_s)
        said += check.standing.value[0]
        waited_s.append(check.next_deadline_s() - now_s)
    return said, waited_s


@pytest.mark.parametrize(
    ("outcomes", "said", "waited_s"),
    [
        ("+", "u", [60]),  # "up" and "unknown" begin alike; see the test of names below
        ("-", "d", [60]),  # the first run decides alone
        ("+-", "uu", [60, 3]),
        ("+--", "uuu", [60, 3, 3]),
        ("+---", "uuud", [60, 3, 3, 60]),
        ("+--+--", "uuuuuu", [60, 3, 3, 60, 3, 3]),  # a success in between forgets the failures
        ("+---+", "uuudu", [60, 3, 3, 60, 60]),  # one success is enough
        ("----", "dddd", [60, 60, 60, 60]),  # nothing is hurried for a server that is out
        ("+--?-", "uuuud", [60, 3, 3, 60, 60]),  # what this node could not ask is no failure and no success
        ("?-", "ud", [60, 60]),  # and no first run
        ("+-p--", "uuuuu", [60, 3, 60, 3, 3]),  # a part is a success for the count of failures
        ("-p+", "ddu", [60, 60, 60]),  # but not enough for a server that is out
        ("pp-", "uud", [60, 60, 60]),  # nor is it a first run: the first failure still decides alone
    ],
)
def test_what_counts_and_when_it_runs_again(outcomes: str, said: str, waited_s: list[float]) -> None:
    assert after(outcomes) == (said, waited_s)


def test_it_is_unknown_until_a_run_has_decided() -> None:
    check = PacedCheck.start(PACING, now_s=0.0, chance=0.0)
    assert check.standing is Standing.UNKNOWN
    assert check.step(OURS, 0.0).standing is Standing.UNKNOWN
    assert check.step(PART, 0.0).standing is Standing.UNKNOWN
    assert check.step(GOOD, 0.0).standing is Standing.UP


def test_a_retried_part_is_asked_again_and_a_counted_failure_begins_anew() -> None:
    check = PacedCheck.start(PACING, now_s=0.0, chance=0.0)
    for outcome, parts in (
        (GOOD, 0),
        (PART, 1),
        (BAD, 1),
        (PART, 2),
        (GOOD, 0),
        (PART, 1),
        (BAD, 1),
        (BAD, 1),
        (BAD, 0),
    ):
        check = check.step(outcome, 0.0)
        assert check.parts == parts
    assert check.standing is Standing.DOWN


@pytest.mark.parametrize(("chance", "due_s"), [(0.0, 100.0), (0.25, 102.5), (1.0, 110.0)])
def test_the_first_run_comes_within_the_warmup(chance: float, due_s: float) -> None:
    assert PacedCheck.start(PACING, now_s=100.0, chance=chance).next_deadline_s() == due_s


def test_a_suspended_check_never_runs_and_keeps_what_it_said() -> None:
    check = PacedCheck.start(PACING, now_s=0.0, chance=0.0).step(BAD, 0.0).suspend()
    assert check.next_deadline_s() == NEVER_S
    resumed = check.resume(now_s=500.0, chance=0.5)
    assert (resumed.next_deadline_s(), resumed.standing) == (505.0, Standing.DOWN)


def test_another_pace_is_followed_at_once_and_forgets_nothing() -> None:
    check = PacedCheck.start(PACING, now_s=0.0, chance=0.0).step(GOOD, 0.0).step(BAD, 60.0)
    faster = check.changed(Pacing(delay_loop_s=1, retry=0), now_s=61.0, chance=0.5)
    assert (faster.next_deadline_s(), faster.failures, faster.standing) == (61.5, 1, Standing.UP)
    slower = check.changed(Pacing(delay_loop_s=600, retry=9), now_s=61.0, chance=0.9)
    assert slower.next_deadline_s() == check.next_deadline_s()


@given(
    outcomes=st.text(alphabet="+-?", min_size=1, max_size=40),
    retry=st.integers(min_value=0, max_value=4),
)
def test_down_is_the_first_run_or_more_failures_in_a_row_than_retries(outcomes: str, retry: int) -> None:
    """Said by another rule: look back at the runs that this node could make."""
    pacing = Pacing(retry=retry)
    check = PacedCheck.start(pacing, now_s=0.0, chance=0.0)
    seen = ""
    for letter in outcomes:
        before, seen = check, seen + letter.replace("?", "")
        check = check.step(WORDS[letter], 0.0)
        if letter == "?":
            assert check.standing is before.standing
            continue
        failures_now = len(seen) - len(seen.rstrip("-"))
        never_up = "+" not in seen
        was_out = before.standing is Standing.DOWN
        expected = failures_now > 0 and (never_up or was_out or failures_now > retry)
        assert (check.standing is Standing.DOWN) is expected
        assert check.next_deadline_s() in (pacing.delay_loop_s, pacing.delay_before_retry_s)
