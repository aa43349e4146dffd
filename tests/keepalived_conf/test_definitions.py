"""$NAME=value. keepalived 2.2.7 reads each of these lines the same way, unless a comment says otherwise."""

from __future__ import annotations

import pytest

from tests.keepalived_conf.memory_files import MAIN, outline, read, words
from vrrp_compat.keepalived_conf.config_files import Surroundings
from vrrp_compat.keepalived_conf.statements import Place, Severity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("$X=1\na$X b", ["a1", "b"], id="before-a-blank"),
        pytest.param("$X=1\n$X,$X)", ["1,1)"], id="before-comma-and-parenthesis"),
        pytest.param("$X=1\n${X}y $Xy $X", ["1y", "$Xy", "1"], id="braces-end-the-name"),
        pytest.param("$X=1\nk$X$X$X", ["k$X$X1"], id="another-dollar-does-not"),
        pytest.param("$X=1\nx $X.5 $X/24 $X:", ["x", "$X.5", "$X/24", "$X:"], id="nor-other-marks"),
        pytest.param('$X=1\n"$X" "${X}" "$X z"', ["$X", "1", "1 z"], id="in-quotes"),
        pytest.param("$X=1\n$${X} \\$X", ["$1", "\\1"], id="nothing-escapes-it"),
        pytest.param("$X=1\n$X = 2", ["1", "=", "2"], id="no-blank-before-the-equals-sign"),
        pytest.param("$X=\na $X b<${X}>", ["a", "b<>"], id="empty"),
        pytest.param("$X=  5 6 \na <${X}>", ["a", "<5", "6>"], id="blanks-around-the-value"),
        pytest.param('$X="q r"\n$X s', ["q r", "s"], id="quotes-are-part-of-it"),
        pytest.param("$X=a#b\n$X", ["a"], id="comments-are-not"),
        pytest.param('a $U "${U_1}b"', ["a", "$U", "${U_1}b"], id="unknown-names-stay"),
        pytest.param("$A=x$B\n$B=y\n$A ${A}", ["xy", "xy"], id="put-in-at-use"),
        pytest.param("$B=1\n$A=x$B\n$B=2\n$A", ["x2"], id="the-last-value-counts"),
        pytest.param("$X=$Y$Y\n$Y=6\na${X}", ["a$Y6"], id="rules-hold-for-what-was-put-in"),
        pytest.param("$A_1=z\n$N=1\n${A_${N}}", ["z"], id="a-name-made-of-a-name"),
        pytest.param("$9=1\n$a-b=2", ["$9=1", "$a-b=2"], id="no-names"),
        pytest.param('$Q="a\n$Q b"', ["a b"], id="text-not-words"),
    ],
)
def test_names_and_values(text: str, expected: list[str]) -> None:
    written = read(text)
    assert words(written)[: len(expected)] == expected
    assert written.remarks == ()


def test_braces_of_an_unknown_name_are_those_of_a_block() -> None:
    written = read("a ${U} b")
    assert outline(written.statements) == [["a", "$", [["U"]]], ["b"]]
    (remark,) = written.remarks
    assert (remark.place, remark.severity) == (Place(MAIN, 1, 3), Severity.WARNING)


BLOCK = "$M= \\\n vrrp_script s${N} { \\\n  interval 1 # not 2 \\\n\\\n }\n"


def test_a_definition_of_several_lines() -> None:
    written = read(f"{BLOCK}$N=1\n$M\n$N=2\n${{M}} # again")
    assert outline(written.statements) == [
        ["vrrp_script", "s1", [["interval", "1"]]],
        ["vrrp_script", "s2", [["interval", "1"]]],
    ]
    (interval,) = written.statements[1].block or ()
    assert interval.words[0].place == Place(MAIN, 3, 12), "where a person wrote it"
    assert written.statements[1].keyword.place == Place(MAIN, 2, 2)


NESTED = [["i7"], ["j7"], ["i8"], ["j8"]]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("$M=a \\\nb\nx $M", [["x", "a"], ["b"]], id="first-line-and-words-before"),
        pytest.param("$M=a\\\nb\n$M c", [["$M", "c"]], id="words-behind-it"),
        pytest.param("$M= \\\na \\\n\nb \\\n$M", [["b", "\\"], ["a"]], id="an-empty-line-ends-it"),
        pytest.param(
            "$M=a \\\n$N=5 \\\nb $N\n$M\nc $N", [["a"], ["b", "5"], ["c", "5"]], id="definitions-in-it"
        ),
        pytest.param(
            "$I=i${K} \\\nj${K}\n$O=$K=7 \\\n$I \\\n$K=8 \\\n$I\n$O",
            [["i7"], ["j7"], ["i8"], ["j8"]],
            id="nested",
        ),
        pytest.param("$M=a \\\nb\n$M=7\nx $M", [["x", "7"]], id="defined-again"),
        pytest.param("$M=a \\\n@other b \\\n@^other c\n$M", [["a"], ["c"]], id="conditions-in-it"),
        pytest.param("$M=a \\\nb\n~SEQ(i,1,2) $M", [["a"], ["b"], ["a"], ["b"]], id="repeated"),
        pytest.param("@other $M=a \\\nb\n$M", [["b"], ["$M"]], id="a-condition-covers-its-first-line-alone"),
    ],
)
def test_lines_in_definitions(text: str, lines: list[list[str]]) -> None:
    assert outline(read(text).statements) == lines


def test_a_definition_that_the_file_ends_in() -> None:
    assert outline(read("a\ninclude m\n$M", {"m": "$M=b \\\nc \\"}).statements) == [["a"], ["b"], ["c"]]


def test_a_backslash_that_joins_nothing() -> None:
    (remark,) = read("notify /x \\\n a").remarks
    assert (remark.place, remark.severity) == (Place(MAIN, 1, 11), Severity.WARNING)


def test_what_is_put_in_stands_where_its_name_does() -> None:
    (a, b) = read("$X=one two\na  ${X} c\nb").statements
    assert [word.place.column for word in a.words] == [4, 4, 9]
    assert b.keyword.place.line == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a ${_PWD} $_PWD/x", ["a", "/etc/keepalived", "$_PWD/x"], id="directory"),
        pytest.param("${_INSTANCE}", ["node7"], id="config-id"),
        # 2.2.7 looks for comments once more and loses all from the `#` on; the manual promises this:
        pytest.param('${_HASH}a ${_BANG}b "${_HASH}"', ["#a", "!b", "#"], id="comment-marks"),
        pytest.param("${_ENV HOME} <${_ENV NONE}>", ["/root", "<>"], id="environment"),  # since 2.4
        pytest.param("${_RANDOM 5 5}", ["5"], id="random-of-one"),
        pytest.param("$_PWD=7\nx $_PWD", ["x", "7"], id="defined-anew"),
    ],
)
def test_built_in_names(text: str, expected: list[str]) -> None:
    surroundings = Surroundings(config_id="node7", environment={"HOME": "/root"})
    assert words(read(text, surroundings=surroundings)) == expected


def test_random_numbers_follow_from_the_seed() -> None:
    text = "\n".join(["${_RANDOM}"] * 40 + ["${_RANDOM 3 9}"] * 40)
    seen = words(read(text, surroundings=Surroundings(random_seed=1)))
    assert seen == words(read(f"global_defs {{ random_seed 1\n}}\n{text}"))[1:]
    assert seen != words(read(text, surroundings=Surroundings(random_seed=2)))
    assert len(set(seen[:40])) > 30
    assert all(0 <= int(number) <= 32767 for number in seen[:40])
    assert {int(number) for number in seen[40:]} == set(range(3, 10))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("$A=$A\nx $A", id="itself"),
        pytest.param("$A=$A y\nx $A", id="itself-and-more"),
        pytest.param("$A=$B $B\n$B=$A $A\nx $A", id="each-other"),
        pytest.param(f"$X={'y' * 600}\nx $X $X", id="longer-than-a-line"),
    ],
)
def test_a_line_that_outgrows_keepalived_stays_as_it_is(text: str) -> None:
    written = read(text)
    assert words(written)[0] == "x"
    assert len("".join(words(written))) < 20
    (remark,) = [remark for remark in written.remarks if "definitions" in remark.wrong]
    assert (remark.severity, remark.keyword) == (Severity.MISTAKE, "x")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("$A=a \\\n$A\n$A", id="one-way"),
        pytest.param("$A=$A \\\n$A\n$A", id="doubling"),
        pytest.param("$A=a \\\n$B\n$B=b \\\n$A\n$A", id="each-other"),
    ],
)
def test_definitions_of_several_lines_that_never_end(text: str) -> None:
    fatal = [remark for remark in read(text).remarks if remark.severity is Severity.FATAL]
    assert fatal
