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
        pytest.param('\ufeffblock "V" {\n"state""M"\ntrack_script { "chk" } }', id="quotes-bom"),
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


def test_an_unmatched_quote_costs_its_line() -> None:
    written = read('a\nb "c # d\ne')
    assert outline(written.statements) == [["a"], ["e"]]
    (remark,) = written.remarks
    assert (remark.place, remark.severity, remark.keyword) == (Place(MAIN, 2, 3), Severity.MISTAKE, "b")


def test_comments_stay_with_what_they_are_about() -> None:
    written = read("! head\n\n# of a\na 1 # behind a\nb { # of b\n c\n # last in b\n}\n#####\n# end")
    a, b = written.statements
    assert a.comments == ("head", "of a", "behind a")
    assert b.comments == ("of b",)
    assert b.closing_comments == ("last in b",)
    assert written.trailing_comments == ("end",)
