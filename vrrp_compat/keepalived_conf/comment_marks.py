"""Where a line ends because a comment begins, and what that may have cost.

Rules of this file: `#` and `!` begin a comment anywhere outside double quotes, also within a word; a
backslash before the mark keeps it. That is keepalived's rule, and many a password has lost its end by it.
"""

from __future__ import annotations

import re

import msgspec

from vrrp_compat.keepalived_conf.statements import Cut
from vrrp_compat.keepalived_conf.text_lines import BLANKS, Line

_MARKS = "#!"
# A backslash keeps the character behind it, also a `"` or a second backslash; only before a mark it goes.
_NEXT = re.compile(r'"(?:\\.|[^"\\])*(?:"|\\?$)|\\.|[#!]')
_BEFORE_A_WORD = BLANKS + '{}"'
_SINGLE_QUOTE = re.compile(r"\"[^\"]*\"|'")
_CLOSES = re.compile(r"'(?=[\s{}]|$)", re.ASCII)
_END_OF_WORD = re.compile(r"[ \t{}]")


class Uncommented(msgspec.Struct, frozen=True):
    """A line without its comment; what the comment says; whether it cut a word."""

    line: Line
    comment: str = ""
    cut: Cut | None = None


def without_comment(line: Line) -> Uncommented:
    """Splits a line at its comment mark, and removes the backslashes of escaped marks."""
    text = line.text
    if "#" not in text and "!" not in text:
        return Uncommented(line)
    escapes: list[int] = []
    for found in _NEXT.finditer(text):
        mark = found.group()
        if mark[0] == "\\":
            if mark[1] in _MARKS:
                escapes.append(found.start())
        elif mark in _MARKS:
            at = found.start()
            return Uncommented(
                _without(line.part(0, at), escapes), text[at:].lstrip(_MARKS).strip(), _cut_word(line, at)
            )
    return Uncommented(_without(line, escapes))


def _without(line: Line, indices: list[int]) -> Line:
    for index in reversed(indices):
        line = line.replaced(index, index + 1, "")
    return line


def _cut_word(line: Line, at: int) -> Cut | None:
    """The word that the mark at `at` stands in, if there is one."""
    text = line.text
    quoted = _in_single_quotes(text, at)
    if quoted is not None:
        start, stop = quoted
        return Cut(line.place(start), text[start:at], text[at:stop])
    if at == 0 or text[at - 1] in _BEFORE_A_WORD:
        return None
    start = max(text.rfind(blank, 0, at) for blank in _BEFORE_A_WORD) + 1
    end = _END_OF_WORD.search(text, at)
    return Cut(line.place(start), text[start:at], text[at : end.start() if end else None])


def _in_single_quotes(text: str, at: int) -> tuple[int, int] | None:
    """From where to where `at` is in a word in single quotes. They protect nothing, but look like it."""
    closing = _CLOSES.search(text, at)
    if closing is None:
        return None
    opened = None
    for found in _SINGLE_QUOTE.finditer(text, 0, at):
        start = found.start()
        if found.group() != "'":
            continue
        if opened is not None:
            opened = None
        elif start == 0 or text[start - 1] in BLANKS:
            opened = start
    return None if opened is None else (opened, closing.end())
