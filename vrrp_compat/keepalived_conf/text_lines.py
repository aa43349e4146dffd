"""Text to lines that know where each of their characters was written.

Rules of this file: whatever the bytes are, there are lines; what is odd about them is a remark.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity

BLANKS = " \t"
BYTE_ORDER_MARK = "\ufeff"

# keepalived reads into a buffer of 1024 bytes with a NUL at its end.
LONGEST_LINE_BYTES = 1023

_MERGE_MARKS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


class Line(msgspec.Struct, frozen=True):
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


def plain_line(file: str, number: int, text: str) -> Line:
    """A line as it stands in a file."""
    return Line(file, number, text, range(1, len(text) + 1))


def decoded(file: str, content: bytes) -> tuple[str, tuple[Remark, ...]]:
    """The text of a file. What is not UTF-8 is read byte by byte, as keepalived reads everything."""
    try:
        return content.decode(), ()
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


def split_lines(file: str, text: str) -> tuple[tuple[Line, ...], tuple[Remark, ...]]:
    """The lines of a file that are not empty, without those that keepalived throws away whole."""
    lines: list[Line] = []
    remarks: list[Remark] = []
    for number, ended in enumerate(text.removeprefix(BYTE_ORDER_MARK).split("\n"), 1):
        written = ended.rstrip("\r")
        if not written or written.isspace():
            continue
        line = plain_line(file, number, written)
        wrong = _unusable(line)
        if wrong is None:
            lines.append(line)
        else:
            remarks.append(wrong)
    return tuple(lines), tuple(remarks)


def _unusable(line: Line) -> Remark | None:
    text = line.text
    if len(text) * 4 > LONGEST_LINE_BYTES and (size := len(text.encode())) > LONGEST_LINE_BYTES:
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
