"""A line to its parts: runs of words, and the braces between them.

Rules of this file: braces count anywhere outside double quotes, also within a word; double quotes make one
word, have no escapes, and end the word before them; single quotes are ordinary characters.
"""

from __future__ import annotations

import re
import sys

import msgspec

from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity, Word
from vrrp_compat.keepalived_conf.text_lines import BLANKS, Line

_UP_TO_A_BRACE = re.compile(r'(?:[^"{}]+|"[^"]*")*')
# Letters, digits and most signs: no quote, mark of a comment, definition, condition, repeat or include.
_ORDINARY = re.compile(r"[ \t]*(?:(?!include)[0-9A-Za-z:./_*-][ \t%-\[\]-z|]*)?[{}]?")
_ORDINARY_LENGTH = 200
_UNQUOTED = re.compile(r"\S+", re.ASCII)
_WORD = re.compile(r'"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+)|(?P<open>")', re.ASCII)


class Brace(msgspec.Struct, frozen=True):
    """`{` or `}`."""

    text: str
    place: Place


class Run(msgspec.Struct, frozen=True, gc=False):
    """Words that stand together, and the text behind the first of them."""

    words: tuple[Word, ...]
    raw: str


class Parts(msgspec.Struct, frozen=True, gc=False):
    """What an ordinary line consists of, and where it begins."""

    place: Place
    run: Run | None
    brace: Brace | None


class Segment(msgspec.Struct, frozen=True):
    """A line up to its first brace, that brace, and what is behind it."""

    before: Line
    brace: Brace | None
    rest: Line | None


def ordinary_parts(file: str, number: int, text: str) -> Parts | None:
    """The parts of a line in which no character has a meaning but a brace at its end; None for others.

    Of long files nearly all lines are such ones, and this takes a third of the time of all steps.
    """
    if not text or len(text) > _ORDINARY_LENGTH or _ORDINARY.fullmatch(text) is None:
        return None
    end = len(text)
    brace = Brace(text[-1], Place(file, number, end)) if text[-1] in "{}" else None
    if brace is not None:
        end -= 1
    words: list[Word] = []
    for found in _UNQUOTED.finditer(text, 0, end):
        # One string for each keyword of a file, not one for each line.
        word = found.group() if words else sys.intern(found.group())
        words.append(Word(word, Place(file, number, found.start() + 1)))
    if not words:
        return None if brace is None else Parts(brace.place, None, brace)
    keyword, place = words[0].text, words[0].place
    raw = text[place.column - 1 + len(keyword) : end].strip(BLANKS) if len(words) != 2 else words[1].text
    return Parts(place, Run(tuple(words), raw), brace)


def first_segment(line: Line) -> Segment:
    """Splits a line at its first brace. Behind a `"` without a partner braces do not count."""
    text = line.text
    if "{" not in text and "}" not in text:
        return Segment(line, None, None)
    found = _UP_TO_A_BRACE.match(text)
    end = found.end() if found else 0
    if end == len(text) or text[end] == '"':
        return Segment(line, None, None)
    return Segment(line.part(0, end), Brace(text[end], line.place(end)), line.part(end + 1))


def words_of(segment: Line) -> tuple[Run | None, Remark | None]:
    """The words of a segment; those before a `"` without a partner, and what is wrong with it."""
    text = segment.text
    words: list[Word] = []
    first_ends = 0
    if '"' not in text:
        words = [Word(found.group(), segment.place(found.start())) for found in _UNQUOTED.finditer(text)]
        if not words:
            return None, None
        first_ends = text.index(words[0].text) + len(words[0].text)
        return Run(tuple(words), text[first_ends:].strip(BLANKS)), None
    wrong = None
    for found in _WORD.finditer(text):
        kind, place = found.lastgroup, segment.place(found.start())
        if kind == "open":
            wrong = _unmatched(place, words)
            break
        if not words:
            first_ends = found.end()
        words.append(Word(found.group(kind or 0), place, kind == "quoted"))
    return (Run(tuple(words), text[first_ends:].strip(BLANKS)) if words else None), wrong


def _unmatched(place: Place, words: list[Word]) -> Remark:
    return Remark(
        place,
        Severity.MISTAKE,
        words[0].text if words else "",
        'a `"` has no partner on its line, so keepalived leaves out what is behind it',
        'close the quotes on the same line; there is no way to write `"` within them',
    )
