"""Whether a process lives and runs: what is due while it is frozen waits for the thaw."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.timeline import Timeline


class ProcessLife:
    """The life of one process."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.alive = True
        self.frozen = False
        self._at_thaw: list[Callable[[], None]] = []

    def when_running(self, deed: Callable[[], None]) -> None:
        """Do it now, or at the thaw, or never when the process has ended."""
        if self.frozen:
            self._at_thaw.append(deed)
        elif self.alive:
            deed()

    def later(self, delay_s: float, deed: Callable[[], None]) -> None:
        """Do it after a time, when the process runs."""
        self.timeline.after(delay_s, lambda: self.when_running(deed))

    def thaw(self) -> None:
        """Run again, and do what waited."""
        self.frozen = False
        waited, self._at_thaw = self._at_thaw, []
        for deed in waited:
            deed()
