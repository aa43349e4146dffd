"""Many deadlines, one for each name: which is the first, and which have passed.

Rules of this file: pure; the cost follows what changed and not how many there are. A backup's deadline moves
on with each advertisement that it hears, so one that became later is looked at when the earlier one comes up.
"""

from __future__ import annotations

import heapq

NEVER_S = float("inf")


class Deadlines:
    """Instants in seconds, by name."""

    def __init__(self) -> None:
        self._due_s: dict[str, float] = {}
        self._entries: list[tuple[float, str]] = []  # a heap
        self._entered_s: dict[str, float] = {}  # by name: its one entry that counts, never later than due

    def set(self, name: str, due_s: float | None) -> None:
        """From now on it is due then; None: not at all."""
        if due_s is None:
            self._due_s.pop(name, None)
            self._entered_s.pop(name, None)
            return
        self._due_s[name] = due_s
        if due_s < self._entered_s.get(name, NEVER_S):
            self._enter(name, due_s)

    def first_s(self) -> float:
        """The earliest of all; NEVER_S without any."""
        while self._entries:
            entered_s, name = self._entries[0]
            if self._entered_s.get(name) != entered_s:
                heapq.heappop(self._entries)
            elif self._due_s[name] > entered_s:
                heapq.heappop(self._entries)
                self._enter(name, self._due_s[name])
            else:
                return entered_s
        return NEVER_S

    def take_passed(self, now_s: float) -> list[str]:
        """Those due by now, the earliest first; each is none any more until it is set again."""
        passed = []
        while self.first_s() <= now_s:
            _, name = heapq.heappop(self._entries)
            self.set(name, None)
            passed.append(name)
        return passed

    def _enter(self, name: str, due_s: float) -> None:
        self._entered_s[name] = due_s
        heapq.heappush(self._entries, (due_s, name))
