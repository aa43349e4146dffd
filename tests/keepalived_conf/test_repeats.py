"""~SEQ and ~LST. keepalived 2.2.7 makes the same lines, unless a comment says otherwise."""

from __future__ import annotations

import pytest

from tests.keepalived_conf.memory_files import MAIN, outline, read, words
from vrrp_compat.keepalived_conf.growth import MOST_LINES
from vrrp_compat.keepalived_conf.statements import Place, Severity


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("~SEQ(i,1,3) a$i b${i}", "a1 b1 a2 b2 a3 b3", id="start-and-end"),
        pytest.param("~SEQ(i,3) a${i}", "a1 a2 a3", id="end"),
        pytest.param("~SEQ(i,-2) a${i}", "a-1 a-2", id="negative-end"),
        pytest.param("~SEQ(i,0) a${i}", "a1 a0", id="zero-as-end"),
        pytest.param("~SEQ(i,010,9) a${i}", "a8 a9", id="octal-in"),
        pytest.param("~LST({a,b},{1,2},) <${a}>", "<1> <>", id="an-empty-value-at-the-end"),
        pytest.param("~LST(a,1,,2) <${a}>", "<1> <> <2>", id="an-empty-value-between"),
        pytest.param("~LST( {a , b} , {1,2} ) ${a}${b}", "12", id="blanks-in-names"),
        pytest.param("~SEQ(i,1,2,6) a${i}", "a1 a3 a5", id="step"),
        pytest.param("~SEQ(i,3,1) a${i}", "a3 a2 a1", id="down"),
        pytest.param("~SEQ( q , 1 , 2 )a${q}", "a1 a2", id="blanks"),
        pytest.param("~SEQ(i,0x10,0x12) a${i}", "a16 a17 a18", id="hexadecimal-in"),
        pytest.param("~SEQx(i,8,2,18) a${i}", "a8 aa ac ae a10 a12", id="hexadecimal-out"),
        pytest.param("~SEQx(i,0x12,-1,0x0f) a${i}", "a12 a11 a10 af", id="hexadecimal-down"),
        pytest.param("~SEQ(i,1,2) ~SEQ(j,3,4) ${i}${j}", "13 14 23 24", id="nested"),
        pytest.param("~SEQ(i,1,2)", "", id="of-nothing"),
        pytest.param("$N=2\n~SEQ(i,1,$N) a${i}", "a1 a2", id="end-from-a-name"),
        pytest.param("~SEQ(i,1,2) $V=${i}\nb$V", "b2", id="of-a-definition"),
        pytest.param("$i=9\n~SEQ(i,1,2) a\nb${i}", "a a b2", id="the-name-keeps-its-last-value"),
        pytest.param("~FOO(a) i", "~FOO(a) i", id="no-repeat"),
        pytest.param("$X=1\n~/$X ~$X", "~/$X ~$X", id="nothing-is-put-in-behind-a-tilde"),
        pytest.param("~LST(a,1,2) x${a}", "x1 x2", id="list"),
        pytest.param("~LST(a, 1 , 2 ) <${a}>", "<1> <2>", id="list-with-blanks"),
        pytest.param("~LST(a,) <${a}>", "<>", id="list-of-one-empty-value"),
        pytest.param("~LST({a,b},{1, 2},{ 3,4 }) ${a}-${b}", "1-2 3-4", id="list-of-pairs"),
        pytest.param("~LST({a}, {1}, {2}) x${a}", "x1 x2", id="list-of-ones"),
        pytest.param("~LST({a,b},{1}) <${a}${b}>", "<1>", id="a-missing-value-is-empty"),
        pytest.param("~LST(d,p,q) ~LST(e,r,s) ${d}${e}", "pr ps qr qs", id="nested-lists"),
        pytest.param("~LST({P,Q},{9,1},{7,4}) ~SEQ(R,2,3) $R,$P,$Q", "2,9,1 3,9,1 2,7,4 3,7,4", id="both"),
    ],
)
def test_repeated_lines(line: str, expected: str) -> None:
    written = read(line)
    assert words(written) == expected.split()
    assert written.remarks == ()


@pytest.mark.parametrize(
    "line",
    [
        "~SEQ(i) a",
        "~SEQ(i,a,b) a",
        "~SEQ(i,1,2,3,4) a",
        "~SEQ(i,1,0,3) a",
        "~SEQ(i,1,-1,3) a",
        "~SEQ(1,2) a",
        "~SEQx(i,-2,0) a",
        "~SEQ i,1,2 a",
        "~SEQ(i,1,2 a",
        "~SEQX(i,1,2) a",
        "~SEQ(i,1,$UNKNOWN) a",
        "~LST(a,1,b c,3) a",
        "~LST(a) a",
        "~LST({a,b},{1,2,3}) a",
    ],
)
def test_a_wrong_repeat_leaves_its_line_out(line: str) -> None:
    written = read(f"{line}\nb")
    assert words(written) == ["b"]
    (remark,) = written.remarks
    assert (remark.place, remark.severity) == (Place(MAIN, 1, 1), Severity.MISTAKE)


def test_braces_behind_a_repeat_are_repeated_too() -> None:
    written = read("~SEQ(i,1,2) vrrp_script s${i} { interval ${i} }")
    assert outline(written.statements) == [
        ["vrrp_script", "s1", [["interval", "1"]]],
        ["vrrp_script", "s2", [["interval", "2"]]],
    ]


def test_words_of_a_repeated_line_know_their_places() -> None:
    first, second = read("~SEQ(i,1,2)  a${i}b  c").statements
    assert first.keyword.place == second.keyword.place == Place(MAIN, 1, 14)
    assert first.words[0].place.column == 22


def test_repeats_that_run_away_end() -> None:
    written = read("~SEQ(i,1,999999999) ~SEQ(j,9999) ~SEQ(k,9999) a")
    assert len(written.statements) <= MOST_LINES
    (remark,) = written.remarks
    assert (remark.place.line, remark.severity) == (1, Severity.FATAL)


def test_a_mistake_in_a_repeated_line_is_told_once() -> None:
    assert len(read('~SEQ(i,1,5) a "b').remarks) == 1
