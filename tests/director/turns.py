"""Whether others go on while one works."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class OthersTurns:
    """How often the event loop came to them."""

    def __init__(self) -> None:
        self.count = 0

    async def take(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def others_turns() -> AsyncIterator[OthersTurns]:
    """Counted until the block ends."""
    others = OthersTurns()
    taking = asyncio.create_task(others.take())
    try:
        yield others
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
