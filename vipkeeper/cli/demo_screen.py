"""What the demonstration shows: sentences with the time, a strip of who answered, a table of figures.

Rules of this file: rich is imported only for a terminal; without one the same words come out plain.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vipkeeper.lab.verdicts import Recording

if TYPE_CHECKING:
    from rich.console import Console

# Width of a strip; a sign stands for as many milliseconds as it takes to fit.
_STRIP_SIGNS = 80
_NODE_COLOURS = ("green", "cyan", "magenta", "yellow", "blue")
_NOBODY, _NOT_ASKED = ".", " "


class Screen:
    """Where the narrative goes."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()
        self._console: Console | None = None
        if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
            from rich.console import Console

            self._console = Console(highlight=False)

    def title(self, text: str) -> None:
        self._print(f"\n{text}", style="bold")

    def say(self, text: str) -> None:
        self._print(f"  {time.monotonic() - self._started_s:5.1f} s  {text}")

    def bad(self, text: str) -> None:
        self._print(f"  {time.monotonic() - self._started_s:5.1f} s  {text}", style="bold red")

    def block(self, text: str) -> None:
        """Output of another command, indented."""
        for line in text.rstrip().splitlines():
            self._print(f"           {line}", style="dim")

    def strip(self, signs: str, millisecond_per_sign: float) -> None:
        """Who answered over time, as `timeline` made it."""
        explained = f"each sign {millisecond_per_sign:.0f} ms"
        if self._console is None:
            self._print(f"           {signs}  {explained}")
            return
        from rich.text import Text

        line = Text("           ")
        for sign, run in itertools.groupby(signs):
            line.append("".join(run), style=_sign_style(sign))
        line.append(f"  {explained}", style="dim")
        self._console.print(line, soft_wrap=True)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._print("")
        if self._console is None:
            columns = zip(header, *rows, strict=True)
            widths = [max(len(cell) for cell in column) for column in columns]
            for row in (header, *rows):
                cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
                self._print("  " + "  ".join(cells).rstrip())
            return
        from rich.table import Table

        table = Table(*header)
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def _print(self, text: str, style: str = "") -> None:
        if self._console is None:
            print(text, flush=True)
        else:
            self._console.print(text, style=style, markup=False, soft_wrap=True)


def _sign_style(sign: str) -> str:
    return _NODE_COLOURS[(int(sign) - 1) % len(_NODE_COLOURS)] if sign.isdigit() else "red"


def timeline(
    recording: Recording, vip: str, nodes: Sequence[str], from_ns: int, to_ns: int
) -> tuple[str, float]:
    """One sign for each slice of time, and how many milliseconds a slice is.

    The number of the node that answered the client last, `.` when nobody answered, a blank when nobody was
    asked because the observer itself was stalled.
    """
    slice_ns = max(1, (to_ns - from_ns) // _STRIP_SIGNS)
    signs = [_NOT_ASKED] * _STRIP_SIGNS
    answered = {answer.sequence: answer.who for answer in recording.answers_for(vip, ("client",))}
    for sequence, asked in recording.rounds.items():
        index = (asked.sent_ns - from_ns) // slice_ns
        if 0 <= index < _STRIP_SIGNS:
            if sequence in answered:
                signs[index] = str(1 + nodes.index(answered[sequence]))
            elif signs[index] == _NOT_ASKED:
                signs[index] = _NOBODY
    return "".join(signs), slice_ns / 1e6
