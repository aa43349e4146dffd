"""True time: what happens when, in order. Things due at one instant happen in the order they were planned."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

Deed = Callable[[], None]


class Timeline:
    """The agenda of a simulated world."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._agenda: list[tuple[float, int, Deed]] = []
        self._order = itertools.count()
        self._halted = False

    def at(self, time_s: float, deed: Deed) -> None:
        """Plan a deed; a time that has passed means now."""
        now_s = self.now_s
        heapq.heappush(self._agenda, (max(now_s, time_s), next(self._order), deed))

    def after(self, delay_s: float, deed: Deed) -> None:
        """Plan a deed so much later."""
        self.at(self.now_s + delay_s, deed)

    def halt(self) -> None:
        """Nothing more is to be done after the present deed."""
        self._halted = True

    def run_until(self, time_s: float) -> None:
        """Do everything due until a time, or until `halt`."""
        agenda, pop = self._agenda, heapq.heappop
        while agenda and agenda[0][0] <= time_s:
            self.now_s, _, deed = pop(agenda)
            deed()
            if self._halted:
                return
        self.now_s = max(self.now_s, time_s)
