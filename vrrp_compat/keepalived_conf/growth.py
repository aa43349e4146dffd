"""Bounds for what few lines can make of themselves: includes of includes, repeats of repeats.

Rules of this file: whoever meets a bound is told once, and the reading comes to its end soon after.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity

# A line within a definition within a repeat within an include ...: real files need five or six.
DEEPEST = 60
# Lines that others stand for. Read in some three seconds.
MOST_LINES = 100_000
MOST_FILES = 2_000


class Growth:
    """What a reading has made so far."""

    def __init__(self) -> None:
        self._lines = 0
        self._files = 0
        self.over: Remark | None = None  # the bound that was met

    def line(self, place: Place, depth: int) -> bool:
        """Whether one more line may be read."""
        self._lines += depth > 0
        if depth > DEEPEST:
            self._met(place, f"stands for itself, or for something more than {DEEPEST} levels deep")
        elif self._lines > MOST_LINES:
            self._met(place, f"repeats, definitions and includes make more than {MOST_LINES} lines")
        return self.over is None

    def files(self, number: int, place: Place) -> bool:
        """Whether so many more files may be looked for or read."""
        self._files += number
        if self._files > MOST_FILES:
            self._met(place, f"includes name more than {MOST_FILES} files, repeated ones included")
        return self.over is None

    def _met(self, place: Place, wrong: str) -> None:
        if self.over is None:
            self.over = Remark(
                place,
                Severity.FATAL,
                "",
                f"{wrong}; the rest is left out",
                "see which include, definition or repeat leads back to itself, or is too large",
            )
