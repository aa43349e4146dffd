"""Serves clients that ask one thing, hear one answer and are gone.

Rules of this file: whatever clients do, it costs the agent a bounded share of its time and memory, because
the same loop renews the lease; nothing that a client does is an error here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

LONGEST_REQUEST = 8192
MOST_CLIENTS = 16
# For a client to ask, and to take each piece of its answer. How long the answer takes to be made is not the
# client's fault: that of a thousand virtual servers was cut off here on a machine that was busy.
WITHIN_S = 5.0
# Between two answers. One takes some milliseconds with a thousand VIPs; the rest of the time is the lease's.
_PAUSE_S = 0.05
# Written at once. The metrics of a thousand virtual servers have 4 MB, which are copied for 10 ms.
_PIECE = 2**18


class ShortConversations:
    """`talk` is what asyncio's servers call for each client. A request ends with `end`."""

    def __init__(
        self, answer: Callable[[bytes], Awaitable[bytes]], end: bytes, *, within_s: float = WITHIN_S
    ) -> None:
        self._answer = answer
        self._end = end
        self._within_s = within_s
        self._clients = 0
        self._turn = asyncio.Lock()
        self._free_at_s = 0.0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client. Those beyond the limit are turned away."""
        if self._clients >= MOST_CLIENTS:
            writer.transport.abort()
            return
        self._clients += 1
        try:
            async with asyncio.timeout(self._within_s):
                request = await reader.readuntil(self._end)
            # Nothing is left in our memory once `drain` returns.
            writer.transport.set_write_buffer_limits(high=0)
            answer = memoryview(await self._answer_in_turn(request))
            for begin in range(0, len(answer), _PIECE):
                writer.write(answer[begin : begin + _PIECE])
                async with asyncio.timeout(self._within_s):
                    await writer.drain()
            writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            self._clients -= 1

    async def _answer_in_turn(self, request: bytes) -> bytes:
        clock = asyncio.get_running_loop().time
        async with self._turn:
            await asyncio.sleep(max(0.0, self._free_at_s - clock()))
            try:
                return await self._answer(request)
            finally:
                self._free_at_s = clock() + _PAUSE_S
