"""What waits to be told of one VIP or sync group, in order.

Rules of this file: no IO. Nothing in the middle is left out while there is room, because scripts take turns
(add an address, remove it) and a turn that is skipped may not be made up for; what is last is always told.
"""

from __future__ import annotations

from collections import deque

from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.notification import Notification

# With programs that take seconds, an hour of flapping; with the longest time limit, more than a day.
MOST_WAITING = 100


class WaitingLine:
    """In the order of the changes."""

    def __init__(self) -> None:
        self._waiting: deque[Notification] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, notification: Notification) -> Notification | None:
        """Put it last. Returns the oldest one, when there was no room and it was left out."""
        remark = notification.state is VipState.MASTER_RX_LOWER_PRI
        if remark and self._waiting and self._waiting[-1].state is notification.state:
            return None  # said at each advertisement; one that has not been told yet says it all
        left_out = self._waiting.popleft() if len(self._waiting) >= MOST_WAITING else None
        self._waiting.append(notification)
        return left_out

    def take(self) -> Notification | None:
        """The oldest one, which waits no longer."""
        return self._waiting.popleft() if self._waiting else None

    def clear(self) -> list[Notification]:
        """All of them; none waits any more."""
        left = list(self._waiting)
        self._waiting.clear()
        return left
