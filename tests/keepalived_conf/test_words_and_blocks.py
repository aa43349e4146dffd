"""Words, quotes and braces. Each layout was given to keepalived 2.2.7, which took it as it is told here."""

from __future__ import annotations

import pytest

from tests.keepalived_conf.memory_files import MAIN, outline, read
from vrrp_compat.keepalived_conf.statements import Place, Severity

EXPECTED = ["block", "V", [["state", "M"], ["track_script", [["chk"]]]]]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("block V {\n state M\n track_script {\n  chk\n }\n}\n", id="usual"),
        pytest.param("block V{\nstate M\ntrack_script{chk}}", id="glued"),
        pytest.param("block V\n{\nstate M\ntrack_script\n\n{\nchk\n}\n}", id="next-line"),
        pytest.param("block V { state M\ntrack_script { chk } }", id="one-line"),
        pytest.param("\tblock\t V {\r\nstate\tM\r\ntrack_script {\r\nchk }\r\n}", id="tabs-crlf"),
        pytest.param('block "V" {\n"state""M"\ntrack_script { "chk" } }', id="quotes"),
        pytest.param("!a\nblock V {#b\nstate M !c\ntrack_script { chk }# }\n}", id="comments"),
    ],
)
def test_braces_may_be_anywhere(text: str) -> None:
    written = read(text)
    assert outline(written.statements) == [EXPECTED]
    assert written.remarks == ()
    assert written.cuts == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param('abc"def"ghi', ["abc", "def", "ghi"], id="quotes-end-a-word"),
        pytest.param('"a b"c', ["a b", "c"], id="blank-in-quotes"),
        pytest.param('"x # y ! {z}"', ["x # y ! {z}"], id="marks-and-braces-in-quotes"),
        pytest.param("it's 'a b'", ["it's", "'a", "b'"], id="single-quotes-are-characters"),
        pytest.param('a ""', ["a", ""], id="empty"),
        pytest.param(r"a\#b c\!d e\xf", ["a#b", "c!d", r"e\xf"], id="escapes"),
        pytest.param(r'"a\#b"', [r"a\#b"], id="no-escapes-in-quotes"),
        pytest.param(r"a\\#b", [r"a\\"], id="an-escaped-backslash-escapes-no-mark"),
        pytest.param("a\xa0b c\vd\re\ff", ["a\xa0b", "c", "d", "e", "f"], id="what-is-a-blank"),
        pytest.param("a \\", ["a", "\\"], id="a-backslash-at-the-end-joins-nothing"),
    ],
)
def test_words_of_a_line(line: str, words: list[str]) -> None:
    assert outline(read(line).statements) == [words]


def test_a_word_knows_its_place_and_its_quotes() -> None:
    (block,) = read('\r\nrouter "a" {\n\t x\\#y   "b c"  d # e\n}').statements
    assert block.keyword.place == Place(MAIN, 2, 1)
    assert (block.words[0].place, block.words[0].quoted) == (Place(MAIN, 2, 8), True)
    (inner,) = block.block or ()
    assert [word.place.column for word in (inner.keyword, *inner.words)] == [3, 10, 17]
    assert inner.raw == '"b c"  d'
    assert str(inner.words[1].place) == f"{MAIN}:3:17"


@pytest.mark.parametrize(
    ("line", "words", "raw"),
    [
        pytest.param('a "b # c } d', ["a"], '"b # c } d', id="comment-and-brace-do-not-count"),
        pytest.param(r'a "b\"c" d', ["a", "b\\", "c"], r'"b\"c" d', id="a-backslash-escapes-no-quote"),
        pytest.param('"a b', [], "", id="nothing-is-left"),
    ],
)
def test_what_is_behind_an_unmatched_quote_is_lost(line: str, words: list[str], raw: str) -> None:
    written = read(f"x\n{line}\ny")
    assert outline(written.statements) == [["x"], *([words] if words else []), ["y"]]
    (remark,) = written.remarks
    assert (remark.place.line, remark.severity) == (2, Severity.MISTAKE)
    assert not words or written.statements[1].raw == raw


def test_comments_stay_with_what_they_are_about() -> None:
    written = read("! head\n\n# of a\na 1 # behind a\nb { # of b\n c\n # last in b\n}\n#####\n# end")
    a, b = written.statements
    assert a.comments == ("head", "of a", "behind a")
    assert b.comments == ("of b",)
    assert b.closing_comments == ("last in b",)
    assert written.trailing_comments == ("end",)
