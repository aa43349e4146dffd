"""What waits to be told of one VIP, sync group or virtual server, in order.

Rules of this file: no IO. Nothing in the middle is left out while there is room, because scripts take turns
(add an address, remove it) and a turn that is skipped may not be made up for; what is last is always told.
"""

from __future__ import annotations

from collections import deque

from vipkeeper.notify.telling import Telling

# With programs that take seconds, an hour of flapping; with the longest time limit, more than a day.
MOST_WAITING = 100


class WaitingLine:
    """In the order of the changes."""

    def __init__(self) -> None:
        self._waiting: deque[Telling] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, telling: Telling) -> Telling | None:
        """Put it last. Returns the oldest one, when there was no room and it was left out."""
        last = self._waiting[-1] if self._waiting else None
        if telling.repeats and last is not None and last.word == telling.word:
            return None  # one that has not been told yet says it all
        left_out = self._waiting.popleft() if len(self._waiting) >= MOST_WAITING else None
        self._waiting.append(telling)
        return left_out

    def take(self) -> Telling | None:
        """The oldest one, which waits no longer."""
        return self._waiting.popleft() if self._waiting else None

    def clear(self) -> list[Telling]:
        """All of them but what ends; that still waits, and nothing else."""
        left = [telling for telling in self._waiting if not telling.ends]
        ends = [telling for telling in self._waiting if telling.ends]
        self._waiting = deque(ends)
        return left
