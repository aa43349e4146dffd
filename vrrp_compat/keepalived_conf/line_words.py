"""A line to its parts: runs of words, and the braces between them.

Rules of this file: braces count anywhere outside double quotes, also within a word; double quotes make one
word, have no escapes, and end the word before them; single quotes are ordinary characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity, Word
from vrrp_compat.keepalived_conf.text_lines import BLANKS, Line

_PART = re.compile(r'(?P<blank>[ \t]+)|"(?P<quoted>[^"]*)"|(?P<brace>[{}])|(?P<plain>[^ \t"{}]+)|(?P<open>")')


class Brace(msgspec.Struct, frozen=True):
    """`{` or `}`."""

    text: str
    place: Place


class Run(msgspec.Struct, frozen=True):
    """Words that stand together, and the text behind the first of them."""

    words: tuple[Word, ...]
    raw: str


def parts_of(line: Line) -> Iterator[Brace | Run | Remark]:
    """What the line consists of, in order."""
    text = line.text
    words: list[Word] = []
    first_ends = 0
    for found in _PART.finditer(text):
        kind, start = found.lastgroup, found.start()
        if kind == "brace":
            if words:
                yield Run(tuple(words), text[first_ends:start].strip(BLANKS))
                words = []
            yield Brace(found.group(), line.place(start))
        elif kind == "open":
            yield _unmatched(line.place(start), words)
            return
        elif kind != "blank":
            if not words:
                first_ends = found.end()
            words.append(Word(found.group(kind or 0), line.place(start), kind == "quoted"))
    if words:
        yield Run(tuple(words), text[first_ends:].strip(BLANKS))


def _unmatched(place: Place, words: list[Word]) -> Remark:
    return Remark(
        place,
        Severity.MISTAKE,
        words[0].text if words else "",
        'a `"` has no partner on its line, so keepalived leaves the line out',
        'close the quotes on the same line; there is no way to write `"` within them',
    )
