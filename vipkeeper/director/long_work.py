"""Work that takes a while, in turns with the checks.

Rules of this file: what counts is processor time. A pause costs what all others do in their turn, so many
small ones would make an answer take ten times as long beside thousands of checks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

# A check that begins so much later is none the worse.
AT_A_TIME_S = 0.05


class LongWork:
    """One piece of work, from now on."""

    def __init__(self, processor_s: Callable[[], float] = time.thread_time) -> None:
        self._processor_s = processor_s
        self._until_s = processor_s() + AT_A_TIME_S

    async def pause(self) -> None:
        """Let others go on, if it has taken that long since they did."""
        if self._processor_s() >= self._until_s:
            await asyncio.sleep(0)
            self._until_s = self._processor_s() + AT_A_TIME_S
