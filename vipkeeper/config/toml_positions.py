"""Where each key of a TOML text stands: tomllib gives values without positions.

Rules of this file: the text has already been accepted by tomllib, so only extents are looked for; keys are
decoded by tomllib itself; a path that is not found resolves to its nearest enclosing table, never to an
unrelated line.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from collections.abc import Mapping

# A path as the parsed document is walked: table keys, and indexes of array elements.
Path = tuple[str | int, ...]

_STRING = re.compile(
    r'"""(?:\\[\s\S]|[^\\])*?"""(?!")'
    r"|'''[\s\S]*?'''(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
)
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")
_KEY = re.compile(r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+|[ \t]*\.[ \t]*)+""")


class TomlPositions:
    """Line numbers, counted from 1, of everything in one TOML document."""

    def __init__(self, lines: Mapping[Path, int]) -> None:
        self._lines = lines

    def line_of(self, path: Path) -> int | None:
        """The line of `path` or of what encloses it; None when that is the whole document."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return None

    def exact_lines(self) -> Mapping[Path, int]:
        """Every path of the document with its line."""
        return self._lines


def find_positions(text: str) -> TomlPositions:
    """Positions in `text`, which tomllib has parsed without an error."""
    scan = _Scan(text)
    scan.document()
    return TomlPositions(scan.lines)


class _Scan:
    """One walk over the text; `lines` has the first line on which each path was mentioned."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._last_index: dict[Path, int] = {}  # of arrays of tables: the element that [a.b] speaks of

    def document(self) -> None:
        table: Path = ()
        self._skip_blank()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip_blank()

    def _header(self) -> Path:
        array = self._text.startswith("[[", self._at)
        start = self._at
        self._at += 2 if array else 1
        self._skip_blank()
        keys = self._key()
        self._skip_blank()
        self._at += 2 if array else 1
        path: Path = ()
        for depth, key in enumerate(keys, 1):
            path = (*path, key)
            self._note(path, start)
            if array and depth == len(keys):
                self._last_index[path] = self._last_index.get(path, -1) + 1
            if path in self._last_index:
                path = (*path, self._last_index[path])
                self._note(path, start)
        return path

    def _pair(self, table: Path) -> None:
        start = self._at
        path = table
        for key in self._key():
            path = (*path, key)
            self._note(path, start)
        self._skip_blank()
        self._at += 1  # the equals sign
        self._skip_blank()
        self._value(path)

    def _key(self) -> list[str]:
        """The dotted key at this place, one string a part."""
        match = _KEY.match(self._text, self._at)
        if match is None:
            raise ValueError(f"no key at offset {self._at}: the text was not accepted by tomllib")
        self._at = match.end()
        parts = []
        node: object = tomllib.loads(f"{match.group()} = 0")
        while isinstance(node, dict):
            ((part, node),) = node.items()
            parts.append(part)
        return parts

    def _value(self, path: Path) -> None:
        opening = self._text[self._at]
        if opening == "[":
            self._elements(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            match = _STRING.match(self._text, self._at) or _BARE_VALUE.match(self._text, self._at)
            if match is None:
                raise ValueError(f"no value at offset {self._at}: the text was not accepted by tomllib")
            self._at = match.end()

    def _elements(self, path: Path) -> None:
        self._at += 1
        index = 0
        while not self._closed("]"):
            element = (*path, index)
            self._note(element, self._at)
            self._value(element)
            index += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while not self._closed("}"):
            self._pair(path)

    def _closed(self, bracket: str) -> bool:
        """Passes blanks and a comma; True when the bracket closed the value."""
        self._skip_blank()
        if self._text[self._at] == ",":
            self._at += 1
            self._skip_blank()
        if self._text[self._at] != bracket:
            return False
        self._at += 1
        return True

    def _skip_blank(self) -> None:
        match = _BLANK.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _note(self, path: Path, offset: int) -> None:
        self.lines.setdefault(path, bisect.bisect_left(self._newlines, offset) + 1)
