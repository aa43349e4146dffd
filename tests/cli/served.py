"""A socket of an agent or director that answers while a test runs, for commands that ask it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path


@contextlib.contextmanager
def answering(path: Path, serve: Callable[[], Coroutine[None, None, None]]) -> Iterator[None]:
    """`serve` opens the socket at `path` and answers until the block ends."""
    loop = asyncio.new_event_loop()
    there = threading.Event()

    async def until_cancelled() -> None:
        loop.call_soon(_when_there, path, loop, there)
        with contextlib.suppress(asyncio.CancelledError):
            await serve()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # answers that nobody waits for any more
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # a transport closes its socket in the next turn

    server = loop.create_task(until_cancelled())
    thread = threading.Thread(target=loop.run_until_complete, args=(server,))
    thread.start()
    try:
        assert there.wait(30.0), "no socket"
        yield
    finally:
        loop.call_soon_threadsafe(server.cancel)
        thread.join()
        loop.close()


def _when_there(path: Path, loop: asyncio.AbstractEventLoop, there: threading.Event) -> None:
    if path.exists():
        there.set()
    else:
        loop.call_later(0.01, _when_there, path, loop, there)
