"""Which mail is sent next and when, and when it is given up.

Rules of this file: no IO. One mail at a time, in order; the first one that cannot be delivered holds up the
others, because a mail that says BACKUP must not come before the one that says MASTER.
"""

from __future__ import annotations

from collections import deque

import msgspec

from vipkeeper.notify.mail_text import Mail

MOST_WAITING = 500
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0  # what a greylisting server wants at least
GIVEN_UP_AFTER_S = 12 * 3600.0


class MailQueue:
    """All mail of one agent."""

    def __init__(self) -> None:
        self._waiting: deque[Mail] = deque()
        self._wait_s = FIRST_WAIT_S
        self._next_s = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, mail: Mail) -> Mail | None:
        """Put it last. Returns the oldest one, when there was no room and it is given up."""
        oldest = self._waiting.popleft() if len(self._waiting) >= MOST_WAITING else None
        self._waiting.append(mail)
        return oldest

    def first(self) -> Mail | None:
        """The one to be sent next."""
        return self._waiting[0] if self._waiting else None

    def wait_s(self, now_s: float) -> float:
        """How long to wait before it is sent."""
        return max(0.0, self._next_s - now_s)

    def done(self, mail: Mail) -> None:
        """It is delivered, or never will be."""
        self._wait_s, self._next_s = FIRST_WAIT_S, 0.0
        if self._waiting and self._waiting[0] is mail:
            self._waiting.popleft()

    def deferred(self, mail: Mail, left: tuple[str, ...], now_s: float) -> bool:
        """It may go later, to those that are left; False when it has waited too long and is given up."""
        if now_s - mail.made_at_s >= GIVEN_UP_AFTER_S:
            self.done(mail)
            return False
        self._next_s = now_s + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
        if self._waiting and self._waiting[0] is mail and left != mail.recipients:
            self._waiting[0] = msgspec.structs.replace(mail, recipients=left)
        return True

    def hurry(self) -> None:
        """What kept the first one may be different now: another server, or the end of the agent."""
        self._wait_s, self._next_s = FIRST_WAIT_S, 0.0

    def clear(self) -> list[Mail]:
        """All of them; none waits any more."""
        left = list(self._waiting)
        self._waiting.clear()
        return left
