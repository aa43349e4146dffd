"""What a check is told when its turn comes, and how it says that it did not get to a plain success.

Rules of this file: plain values. A check module has `async def check(ask, reach, *, timeout_s, turn)` and
returns a CheckOutcome, or raises one of these two.
"""

from __future__ import annotations

import msgspec


class Turn(msgspec.Struct, frozen=True):
    """Where a check stands. `parts`: how many parts were well since all were, or since a failure counted."""

    parts: int = 0
    up: bool = False  # it said so last


class Failed(Exception):
    """The real server is not well; the message says why, for people."""


class CannotCheck(Exception):
    """Nothing is known of the real server, because this node could not ask it.

    The message says what is missing here and who has to act. It names no server, so that two thousand checks
    with one trouble are one line of the log.
    """
