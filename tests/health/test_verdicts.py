"""Pure verdicts: what results in a row, numbers in files and counts of processes mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipkeeper.config.track_schema import TrackProcess
from vipkeeper.health.file_numbers import number_in
from vipkeeper.health.process_match import pattern_of
from vipkeeper.health.process_quorum import ProcessQuorum
from vipkeeper.health.rise_fall import RiseFall
from vipkeeper.health.verdicts import Verdict

RESULTS = st.lists(st.booleans(), max_size=60)
COUNTS = st.integers(1, 6)


def after(counter: RiseFall, results: list[bool]) -> RiseFall:
    for succeeded in results:
        counter = counter.after(succeeded=succeeded)
    return counter


def test_nothing_is_known_before_the_first_result() -> None:
    assert RiseFall.start(3, 3, init_fail=False).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("succeeded", [True, False])
def test_the_first_result_decides_alone(succeeded: bool) -> None:
    counter = RiseFall.start(3, 3, init_fail=False).after(succeeded=succeeded)
    assert counter.verdict is (Verdict.WELL if succeeded else Verdict.NOT_WELL)


def test_init_fail_is_down_until_it_has_risen() -> None:
    counter = RiseFall.start(2, 1, init_fail=True)
    assert counter.verdict is Verdict.NOT_WELL
    assert after(counter, [True]).verdict is Verdict.NOT_WELL
    assert after(counter, [True, True]).verdict is Verdict.WELL


@given(RESULTS, COUNTS, COUNTS)
def test_the_counter_stays_in_keepalived_s_range(results: list[bool], rise: int, fall: int) -> None:
    counter = after(RiseFall.start(rise, fall, init_fail=False), [True, *results])
    assert counter.count is not None
    assert 0 <= counter.count <= rise + fall - 1
    assert (counter.verdict is Verdict.WELL) == (counter.count >= rise)


@given(RESULTS, COUNTS, COUNTS)
def test_rise_successes_lift_it_and_fall_failures_let_it_fall(
    results: list[bool], rise: int, fall: int
) -> None:
    counter = after(RiseFall.start(rise, fall, init_fail=False), results)
    assert after(counter, [True] * rise).verdict is Verdict.WELL
    assert after(counter, [False] * fall).verdict is Verdict.NOT_WELL


@given(RESULTS, COUNTS, COUNTS)
def test_fewer_in_a_row_than_asked_for_change_nothing(results: list[bool], rise: int, fall: int) -> None:
    counter = after(RiseFall.start(rise, fall, init_fail=False), [True, *results, True])
    if counter.verdict is Verdict.WELL:
        assert after(counter, [False] * (fall - 1)).verdict is Verdict.WELL
    failed = after(counter, [False] * fall)
    assert after(failed, [True] * (rise - 1)).verdict is (Verdict.NOT_WELL if rise > 1 else failed.verdict)


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (None, 0),
        (b"", 0),
        (b"5\n", 5),
        (b"-20", -20),
        (b"  +7 of them", 7),
        (b"down", 0),
        (b"\xff\x00", 0),
    ],
)
def test_a_file_says_a_number_or_nothing(content: bytes | None, number: int) -> None:
    assert number_in(content) == number


@given(st.binary(max_size=64))
def test_any_bytes_are_some_number(content: bytes) -> None:
    assert isinstance(number_in(content), int)


def quorum(**settings: float | int) -> ProcessQuorum:
    return ProcessQuorum(TrackProcess(process="nginx", **settings))  # type: ignore[arg-type]  # by name


def test_the_first_count_decides_at_once() -> None:
    assert quorum(fork_delay_s=5).step(1, 0.0) is Verdict.WELL
    assert quorum(terminate_delay_s=5).step(0, 0.0) is Verdict.NOT_WELL


def test_too_few_count_once_they_have_lasted() -> None:
    nginx = quorum(terminate_delay_s=2.0)
    nginx.step(1, 0.0)
    assert nginx.step(0, 10.0) is Verdict.WELL
    assert nginx.next_deadline() == 12.0
    assert nginx.step(0, 11.9) is Verdict.WELL
    assert nginx.step(0, 12.0) is Verdict.NOT_WELL
    assert nginx.next_deadline() is None


def test_a_restart_within_the_delay_is_nothing() -> None:
    nginx = quorum(terminate_delay_s=2.0)
    for count, now_s in ((1, 0.0), (0, 10.0), (1, 11.0), (0, 12.5)):
        assert nginx.step(count, now_s) is Verdict.WELL
    assert nginx.next_deadline() == 14.5


def test_delay_is_both_delays() -> None:
    nginx = quorum(delay_s=3.0, terminate_delay_s=1.0, fork_delay_s=1.0)
    nginx.step(1, 0.0)
    nginx.step(0, 1.0)
    assert nginx.next_deadline() == 4.0
    assert nginx.step(0, 4.0) is Verdict.NOT_WELL
    nginx.step(1, 5.0)
    assert nginx.next_deadline() == 8.0


def test_there_may_be_too_many() -> None:
    assert quorum(quorum=2, quorum_max=3).step(4, 0.0) is Verdict.NOT_WELL
    assert quorum(quorum=2, quorum_max=3).step(3, 0.0) is Verdict.WELL
    assert quorum(quorum=2, quorum_max=3).step(1, 0.0) is Verdict.NOT_WELL


def line(*words: str) -> bytes:
    return "".join(f"{word}\0" for word in words).encode()


@pytest.mark.parametrize(
    ("process", "param_match", "matches"),
    [
        ("nginx", "none", True),
        ("/usr/sbin/nginx", "none", True),
        ("ngin", "none", False),
        ("nginx -g", "exact", False),
        ("nginx -g 'daemon off;'", "exact", True),
        ("nginx -g", "initial", True),
        ("nginx -c", "initial", False),
        ("nginx -g daem", "initial", False),
        ("nginx -g daem", "partial", True),
        ("nginx -g 'daemon off;' -x", "partial", False),
    ],
)
def test_arguments_are_compared_as_asked(process: str, param_match: str, matches: bool) -> None:
    pattern = pattern_of(TrackProcess(process=process, param_match=param_match))  # type: ignore[arg-type]
    assert pattern.matches("nginx", line("/usr/sbin/nginx", "-g", "daemon off;")) == matches


def test_the_kernel_keeps_fifteen_characters_of_a_name() -> None:
    assert pattern_of(TrackProcess(process="a-very-long-name-indeed")).matches("a-very-long-nam", b"")


def test_full_command_compares_the_whole_path() -> None:
    pattern = pattern_of(TrackProcess(process="/usr/sbin/nginx", full_command=True))
    assert pattern.matches("nginx", line("/usr/sbin/nginx", "-g"))
    assert not pattern.matches("nginx", line("/opt/nginx", "-g"))
    assert not pattern.matches("nginx", b"")
