"""Asks the store now and then what its operator should do, and says it in the log.

Rules of this file: outside the leases and never in their way; each advice is told when it appears and once a
day while it stays, not each time; a store that does not say is no news, because the leases tell of a store
that does not answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from backends.store import Advice, Unknown
from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.logs import log

# The first leases are written by then.
_FIRST_AFTER_S = 8.0
# What it finds takes hours or days to come about.
_EVERY_S = 600.0
TOLD_AGAIN_AFTER_S = 86400.0


class Told:
    """Which advice has been told, and when."""

    def __init__(self) -> None:
        self._told_at_s: dict[str, float] = {}

    def news(self, found: Iterable[Advice], now_s: float) -> list[str]:
        """The texts to tell now. What is not found any more is forgotten: it is news if it comes back."""
        texts = list(dict.fromkeys(advice.text for advice in found))
        self._told_at_s = {text: at_s for text, at_s in self._told_at_s.items() if text in texts}
        due = [
            text for text in texts if now_s - self._told_at_s.get(text, float("-inf")) >= TOLD_AGAIN_AFTER_S
        ]
        self._told_at_s.update(dict.fromkeys(due, now_s))
        return due


async def look_after_store(examine: Callable[[], Awaitable[tuple[Advice, ...] | Unknown]]) -> None:
    """For ever."""
    told = Told()
    await asyncio.sleep(_FIRST_AFTER_S)
    while True:
        report(await examine(), told, boot_s())
        await asyncio.sleep(_EVERY_S)


def report(answer: tuple[Advice, ...] | Unknown, told: Told, now_s: float) -> None:
    """Log what is new in this answer."""
    if isinstance(answer, Unknown):
        log(logging.DEBUG, "store-not-examined", answer.why)
        return
    for text in told.news(answer, now_s):
        log(logging.WARNING, "store-advice", text)
