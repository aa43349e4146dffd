"""A definition of several lines, while it is read: each but the last ends in a backslash.

Rules of this file: the lines stay as they are, and are read when they are used.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.definitions import Started
from vrrp_compat.keepalived_conf.text_lines import Line


class Collected:
    """The lines so far, without their backslashes."""

    def __init__(self, started: Started) -> None:
        self.name = started.name
        self._lines: list[Line] = []
        self.add(started.value)

    def add(self, line: Line) -> None:
        """One more line; empty ones are of no use to anybody."""
        text = line.text.removesuffix("\\")
        if stripped := text.strip():
            self._lines.append(line.part(0, len(text)).stripped() if stripped != line.text else line)

    def lines(self) -> tuple[Line, ...]:
        """All of them; one empty line if there are none."""
        return tuple(self._lines) or (Line("", 0, "", ()),)
