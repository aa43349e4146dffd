"""What editors, merges, mail and web pages do to a file. Nothing of it stops the reading."""

from __future__ import annotations

import pytest

from tests.keepalived_conf.memory_files import MAIN, read, words
from vrrp_compat.keepalived_conf.statements import Place, Severity


@pytest.mark.parametrize(
    ("text", "severity", "place", "left"),
    [
        pytest.param("\ufeffa\nb", Severity.WARNING, (1, 1), "a b", id="byte-order-mark"),
        # 2.2.7 reads such a line up to the NUL; newer ones leave it out.
        pytest.param("a\nb c\0d\ne", Severity.MISTAKE, (2, 4), "a e", id="nul"),
        # 2.2.7 breaks it in two, newer ones leave it out.
        pytest.param(f"a\nb {'x' * 1022}\nc", Severity.MISTAKE, (2, 1), "a c", id="long-line"),
        pytest.param(f"a\nb {'é' * 511}\nc", Severity.MISTAKE, (2, 1), "a c", id="long-in-bytes"),
        pytest.param(f"a\n# {'x' * 1100}\nc", Severity.MISTAKE, (2, 1), "a c", id="long-comment"),
        pytest.param(b"a\nb \xe9\nc", Severity.NOTE, (2, 3), "a b \xe9 c", id="latin-1"),
        pytest.param("a\u00a0b", Severity.WARNING, (1, 2), "a\u00a0b", id="no-break-space"),
        pytest.param("a \u201cb\u201d", Severity.WARNING, (1, 3), "a \u201cb\u201d", id="typographic-quotes"),
        pytest.param("priority \u20135", Severity.WARNING, (1, 10), "priority \u20135", id="dash"),
    ],
)
def test_an_odd_line(text: str | bytes, severity: Severity, place: tuple[int, int], left: str) -> None:
    written = read(text)
    (remark,) = written.remarks
    assert (remark.severity, remark.place) == (severity, Place(MAIN, *place))
    assert remark.fix
    assert words(written) == left.split(" ")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a\r\n\r\nb # c\r\n", id="carriage-returns"),
        pytest.param("a\nb", id="no-end-of-line"),
        pytest.param("\n \t\n\va\n\fb", id="blank-lines"),
        pytest.param("# \u201cc\u201d \u00a0\na\nb ! \u2013", id="anything-in-comments"),
    ],
)
def test_what_is_not_worth_a_word(text: str) -> None:
    written = read(text)
    assert words(written) == ["a", "b"]
    assert written.remarks == ()


@pytest.mark.parametrize("size", [1023, 1024])
def test_the_longest_line(size: int) -> None:
    assert len(words(read(f"{'x' * size}"))) == (1 if size == 1023 else 0)


def test_a_merge_that_was_not_finished() -> None:
    written = read("a\n<<<<<<< HEAD\nb 1\n||||||| 0f2a\nb 0\n=======\nb 2\n>>>>>>> other\nc")
    assert [remark.place.line for remark in written.remarks] == [2, 4, 6, 8]
    assert {remark.severity for remark in written.remarks} == {Severity.FATAL}


@pytest.mark.parametrize("line", ["=========== section", "<<<<<<<<", " <<<<<<< HEAD", "# ======="])
def test_no_merge_mark(line: str) -> None:
    assert read(line).remarks == ()


@pytest.mark.parametrize(
    ("line", "kept", "lost", "column"),
    [
        pytest.param("auth_pass Test123!", "Test123", "!", 11, id="at-its-end"),
        pytest.param("auth_pass ab!cd # mine", "ab", "!cd", 11, id="within"),
        pytest.param("  auth_pass\tx#y", "x", "#y", 13, id="hash"),
        pytest.param("url { path http://h/#top }", "http://h/", "#top", 12, id="address"),
        pytest.param("script '/bin/x a # b' # c", "'/bin/x a ", "# b'", 8, id="single-quotes"),
        pytest.param("script '/bin/x a#b'", "'/bin/x a", "#b'", 8, id="within-in-single-quotes"),
        pytest.param('a "b"c!d', "c", "!d", 6, id="behind-quotes"),
        pytest.param("a b!c!d", "b", "!c!d", 3, id="the-first-mark"),
    ],
)
def test_a_comment_mark_cuts_a_word(line: str, kept: str, lost: str, column: int) -> None:
    (cut,) = read(f"\n{line}").cuts
    assert (cut.kept, cut.lost, cut.place) == (kept, lost, Place(MAIN, 2, column))


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("a b # c", id="behind-a-blank"),
        pytest.param("#a!b", id="comment-in-a-comment"),
        pytest.param("a {#b", id="behind-a-brace"),
        pytest.param('a "b"#c', id="behind-quotes"),
        pytest.param('auth_pass "a!b#c"', id="in-quotes"),
        pytest.param(r"auth_pass a\!b\#c", id="escaped"),
        pytest.param("a don't # that's it", id="apostrophes"),
        pytest.param("a ' # it's b", id="a-lonely-quote"),
        pytest.param("""a "b 'c" # d' e""", id="single-quotes-in-double-quotes"),
    ],
)
def test_no_word_is_cut(line: str) -> None:
    assert read(line).cuts == ()
