"""include and its stricter forms. What keepalived 2.2.7 refuses to start with is FATAL."""

from __future__ import annotations

import pytest

from tests.keepalived_conf.memory_files import MAIN, MemoryFiles, outline, read, words
from vrrp_compat.keepalived_conf.config_files import Surroundings
from vrrp_compat.keepalived_conf.includes import MOST_BRACE_PARTS, Check, brace_parts, raised_check
from vrrp_compat.keepalived_conf.reading import read_configuration
from vrrp_compat.keepalived_conf.statements import Place, Severity

OTHERS = {
    "one.inc": "one",
    "two.inc": "two\n",
    "a b.inc": "ab\n",
    "empty.inc": "",
    "closed.inc": None,
    "sub/in.inc": "in ${_PWD}\ninclude deeper.inc\n$SET=5\n",
    "sub/deeper.inc": "deeper\n",
    "use.inc": "use $P",
    "half.inc": "x\n}\n",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("include one.inc\nz", "one z", id="a-file"),
        pytest.param("  include \t two.inc # c", "two", id="blanks-and-a-comment"),
        pytest.param("include /etc/keepalived/one.inc", "one", id="absolute"),
        pytest.param("include a b.inc", "ab", id="blanks-in-its-name"),
        pytest.param("include *.inc", "ab x one two use $P", id="sorted"),
        pytest.param("include {two,one}.inc", "two one", id="braces-in-their-order"),
        pytest.param("include {t{wo,x},one}.inc", "two one", id="nested-braces"),
        pytest.param("include sub/in.inc\nz$SET", "in /etc/keepalived/sub deeper z5", id="from-its-folder"),
        pytest.param("$P=7\ninclude use.inc", "use 7", id="definitions-go-in"),
        pytest.param("$F=one\ninclude ${F}.inc", "one", id="a-name-in-its-path"),
        pytest.param("$I=include one.inc\n$I", "one", id="from-a-definition"),
        pytest.param("$E=\n$E include one.inc", "one", id="behind-an-empty-name"),
        pytest.param("@^x include one.inc\n@x include two.inc", "one", id="with-a-condition"),
        pytest.param("~LST(f,two,one) include ${f}.inc", "two one", id="repeated"),
        pytest.param("a include one.inc", "a include one.inc", id="not-behind-a-word"),
        pytest.param(
            "INCLUDE one.inc\nincludex one.inc", "INCLUDE one.inc includex one.inc", id="exact-words"
        ),
        pytest.param("include empty.inc\nz", "z", id="an-empty-file"),
    ],
)
def test_what_is_included(text: str, expected: str) -> None:
    assert words(read(text, OTHERS)) == expected.split()


def test_blocks_go_across_files() -> None:
    written = read("block { include two.inc\ninclude half.inc\nz", OTHERS)
    assert outline(written.statements) == [["block", [["two"], ["x"]]], ["z"]]
    assert written.remarks == ()
    assert written.statements[0].block
    assert written.statements[0].block[1].keyword.place == Place("/etc/keepalived/half.inc", 1, 1)


KEYWORDS = ("include", "includer", "includem", "includew", "includeb", "includea")
WARNED, FATAL = Severity.WARNING, Severity.FATAL
SPOKEN_OF = {"-": None, "w": WARNED, "F": FATAL}


@pytest.mark.parametrize(
    ("pattern", "severities"),
    [
        pytest.param("one.inc", "------", id="there"),
        pytest.param("nix.inc", "wwFFwF", id="not-there"),
        pytest.param("nix*.inc", "---F-F", id="no-match"),
        pytest.param("{one,nix}.inc", "wwwwFF", id="one-of-two"),
        pytest.param("{nix,nox}.inc", "wwwwFF", id="none-of-two"),
        pytest.param("{nix*,one}.inc", "------", id="no-match-beside-a-file"),
        pytest.param("{nix*,nox*}.inc", "---F-F", id="no-match-twice"),
        pytest.param("{nix*,nox}.inc", "wwwwFF", id="no-match-and-not-there"),
        pytest.param("closed.inc", "wFFFFF", id="unreadable"),
    ],
)
@pytest.mark.parametrize("index", range(len(KEYWORDS)))
def test_how_bad_a_missing_file_is(index: int, pattern: str, severities: str) -> None:
    keyword, severity = KEYWORDS[index], SPOKEN_OF[severities[index]]
    remarks = read(f"a\n {keyword} {pattern}", OTHERS).remarks
    assert [remark.severity for remark in remarks] == ([] if severity is None else [severity])
    assert all(remark.place == Place(MAIN, 2, 3 + len(keyword)) for remark in remarks)
    assert all(remark.keyword == keyword for remark in remarks)


def test_quotes_are_part_of_a_path() -> None:
    (remark,) = read('include "one.inc"', OTHERS).remarks
    assert "without quotes" in remark.fix


def test_include_check_holds_for_what_is_below_it() -> None:
    written = read("include nix\nglobal_defs { include_check match }\ninclude nax")
    assert [(remark.place.line, remark.severity) for remark in written.remarks] == [(1, WARNED), (3, FATAL)]


def test_include_check_is_put_back_at_the_end_of_a_file() -> None:
    inner = "global_defs { include_check }\ninclude nix*"
    written = read("include inner\ninclude nax*", {"inner": inner})
    assert [remark.place.file for remark in written.remarks] == ["/etc/keepalived/inner"]


def test_include_check_is_a_keyword_of_global_defs_alone() -> None:
    assert [remark.severity for remark in read("x { include_check }\ninclude nix").remarks] == [WARNED]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ((), Check.ALL),
        (("readable",), Check.READABLE),
        (("match", "wrong"), Check.READABLE | Check.MATCH),
        (("+brace_match",), Check.READABLE | Check.WILDCARD_MATCH | Check.BRACE_MATCH),
        (("-wildcard_match",), Check.READABLE),
        (("+match", "-wildcard_match"), Check.READABLE | Check.MATCH),
    ],
)
def test_options_of_include_check(options: tuple[str, ...], left: Check) -> None:
    assert raised_check(Check.READABLE | Check.WILDCARD_MATCH, options) == left


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("a", ["a"]),
        ("a{b,c}d", ["abd", "acd"]),
        ("{a,b}{c,d}", ["ac", "ad", "bc", "bd"]),
        ("a{b,c{d,e}}", ["ab", "acd", "ace"]),
        ("a{,b}", ["a", "ab"]),
        ("a{b}", ["ab"]),
        ("a{}b", ["a{}b"]),
        ("a{b", ["a{b"]),
        ("a}b", ["a}b"]),
        ("{a{b,c}", ["{ab", "{ac"]),
        ("{}{a,b}", ["{}a", "{}b"]),
    ],
)
def test_brace_parts(pattern: str, parts: list[str]) -> None:
    assert brace_parts(pattern) == tuple(parts)


def test_braces_that_double_and_double() -> None:
    assert brace_parts("{a,b}" * 9) is not None
    assert brace_parts("{a,b}" * 10) is None, MOST_BRACE_PARTS
    assert [remark.severity for remark in read(f"include {'{a,b}' * 40}").remarks] == [FATAL]


def test_a_file_that_includes_itself() -> None:
    written = read("a\ninclude b", {"b": "b\ninclude c", "c": "c\n include b\nd"})
    assert words(written) == ["a", "b", "c", "d"]
    (remark,) = written.remarks
    assert (remark.place.file, remark.severity) == ("/etc/keepalived/c", FATAL)
    assert "/etc/keepalived/b -> /etc/keepalived/c -> /etc/keepalived/b" in remark.wrong


def test_includes_that_double_and_double() -> None:
    doubling = {f"f{n}": f"include f{n + 1}\ninclude f{n + 1}" for n in range(40)}
    (remark,) = read("include f0", {**doubling, "f40": "a"}).remarks
    assert (remark.severity, "files" in remark.wrong) == (FATAL, True)


def test_a_repeat_that_looks_for_files_without_end() -> None:
    (*_, remark) = read("~SEQ(i,1,90000) include {a,b,c}*").remarks
    assert (remark.severity, "files" in remark.wrong) == (FATAL, True)


def test_one_file_under_ever_other_names() -> None:
    files = _Mirrors({MAIN: "include x"})
    (remark,) = read_configuration(MAIN, files, Surroundings()).remarks
    assert (remark.severity, "levels deep" in remark.wrong) == (FATAL, True)


class _Mirrors(MemoryFiles):
    """A folder that is a link to itself."""

    def matching(self, pattern: str) -> tuple[str, ...]:
        return (pattern,)

    def read(self, path: str) -> bytes:
        return b"include link/x"


def test_a_main_file_that_cannot_be_read() -> None:
    written = read_configuration(MAIN, MemoryFiles({MAIN: None}), Surroundings())
    (remark,) = written.remarks
    assert remark.severity is FATAL
    assert str(remark) == (
        f"{MAIN}:1:1: cannot be read: permission denied; correct the path, or who may read the file"
    )
