"""Keeps starts of programs from taking the event loop for themselves.

Rules of this file: leases and advertisements come first. A start stops the loop until the kernel has let the
new process run and become the program: 1 ms on an idle machine, and measured 5 ms, at times 40, on one whose
processors are all busy. With 200 checks a second an agent there did not come to read the store any more. So
each start is followed by a rest in proportion, and where that is too much the checks come round later.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

# A third of the loop's time at most: 330 starts a second of 1 ms each. Measured with 200 checks, a lease of
# 0.5 s and two processors with three times the work that they can do: 0 leases lapsed, 0 probes lost.
_REST = 2.0


class StartPace:
    """One for all programs that may wait for their turn."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()  # first come, first served
        self._free_at_s = 0.0

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """What is inside starts one program, and waits for nothing."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(max(0.0, self._free_at_s - loop.time()))
            begun_s = loop.time()
            yield
            self._free_at_s = loop.time() + _REST * (loop.time() - begun_s)
