"""Text to lines that know where each of their characters was written.

Rules of this file: whatever the bytes are, there are lines; what is odd about them is a remark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity

BLANKS = " \t\r\v\f"
BYTE_ORDER_MARK = "\ufeff"

# keepalived reads into a buffer of 1024 bytes with a NUL at its end.
LONGEST_LINE_BYTES = 1023

_MERGE_MARKS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line, or what is left of it, and the column of each of its characters."""

    file: str
    number: int
    text: str
    columns: Sequence[int]

    def place(self, index: int = 0) -> Place:
        """Where the character at `index` was written; behind the last one: where the next would be."""
        if index < len(self.columns):
            return Place(self.file, self.number, self.columns[index])
        return Place(self.file, self.number, self.columns[-1] + 1 if self.columns else 1)

    def part(self, start: int, stop: int | None = None) -> Line:
        """The characters from `start` up to `stop`."""
        return Line(self.file, self.number, self.text[start:stop], self.columns[start:stop])

    def stripped(self) -> Line:
        """Without the blanks around it."""
        start = len(self.text) - len(self.text.lstrip(BLANKS))
        return self.part(start, max(start, len(self.text.rstrip(BLANKS))))

    def replaced(self, start: int, stop: int, value: str) -> Line:
        """With `value` instead of the characters from `start` to `stop`: all where those began."""
        where = self.place(start).column
        columns = (*self.columns[:start], *[where] * len(value), *self.columns[stop:])
        return Line(self.file, self.number, self.text[:start] + value + self.text[stop:], columns)


def size_in_bytes(text: str) -> int:
    """How long a text is for keepalived."""
    return len(text) if text.isascii() else len(text.encode())


def decoded(file: str, content: bytes) -> tuple[str, tuple[Remark, ...]]:
    """The text of a file. What is not UTF-8 is read byte by byte, as keepalived reads everything."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        remark = Remark(
            Place(file, line, column),
            Severity.NOTE,
            "",
            "the file is not UTF-8; its bytes are taken as Latin-1",
            "save it as UTF-8",
        )
        return content.decode("latin-1"), (remark,)
    if text.startswith(BYTE_ORDER_MARK):
        return text.removeprefix(BYTE_ORDER_MARK), (_byte_order_mark(file),)
    return text, ()


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, the empty ones too, without the blanks at their ends."""
    start, number = 0, 1
    while (end := text.find("\n", start)) >= 0:
        yield number, text[start:end].rstrip(BLANKS)
        start, number = end + 1, number + 1
    yield number, text[start:].rstrip(BLANKS)


def usable_line(file: str, number: int, text: str) -> Line | Remark:
    """A line as it stands in a file; why, if keepalived throws it away whole."""
    line = Line(file, number, text, range(1, len(text) + 1))
    return _unusable(line) or line


def _byte_order_mark(file: str) -> Remark:
    return Remark(
        Place(file, 1, 1),
        Severity.WARNING,
        "",
        "the file begins with a byte order mark, which keepalived takes for a part of the first word",
        "save it as UTF-8 without that mark; here it is passed over",
    )


def _unusable(line: Line) -> Remark | None:
    text = line.text
    if len(text) * 4 > LONGEST_LINE_BYTES and (size := size_in_bytes(text)) > LONGEST_LINE_BYTES:
        return Remark(
            line.place(),
            Severity.MISTAKE,
            "",
            f"the line has {size} bytes and is left out, as keepalived reads {LONGEST_LINE_BYTES} at most",
            "split it over several lines",
        )
    if "\0" in text:
        return Remark(
            line.place(text.index("\0")),
            Severity.MISTAKE,
            "",
            "the line has a NUL byte and is left out",
            "delete that byte",
        )
    if text.startswith(_MERGE_MARKS) and text[7:8] in ("", " "):
        return Remark(
            line.place(),
            Severity.FATAL,
            "",
            f"`{text[:7]}` is the mark of a merge that was not finished, so both versions stand in the file",
            "keep one of them, and delete the other and the marks",
        )
    return None


# What word processors and web pages put in the place of ordinary characters.
_LOOKALIKES = {
    "\u00a0": "a no-break space, which does not end a word",
    "\u200b": "a space without width, which becomes a part of the word",
    "\u2018": "a typographic quote, which quotes nothing",
    "\u2019": "a typographic quote, which quotes nothing",
    "\u201c": "a typographic quote, which quotes nothing",
    "\u201d": "a typographic quote, which quotes nothing",
    "\u2013": "a dash, which is not a minus",
}


def lookalikes(line: Line) -> Remark | None:
    """The first character that looks like another one with a meaning."""
    if line.text.isascii():
        return None
    for index, character in enumerate(line.text):
        if character in _LOOKALIKES:
            return Remark(
                line.place(index),
                Severity.WARNING,
                "",
                f"U+{ord(character):04X} is {_LOOKALIKES[character]}",
                "type it anew on the keyboard",
            )
    return None
