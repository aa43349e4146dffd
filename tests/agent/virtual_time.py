"""An event loop whose time is a value: it goes on when nothing is left to do, and no test waits for it.

Rules of this file: files and sockets are served as ever; only sleeping is replaced by arithmetic.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

START_S = 1000.0


class _Sleepless(selectors.DefaultSelector):
    """Moves the clock where others would sleep."""

    now_s = START_S

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits, and nothing is going to happen")
        if not ready and timeout is not None and timeout > 0:
            self.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at START_S."""

    def __init__(self) -> None:
        self._sleepless = _Sleepless()
        super().__init__(self._sleepless)

    def time(self) -> float:
        return self._sleepless.now_s

    def pass_time(self, length_s: float) -> None:
        """As when this process is frozen, or the machine is busy: time goes on and nothing is done."""
        self._sleepless.now_s += length_s


def in_virtual_time(story: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run the test on such a loop; an error that only the loop heard of fails it."""

    @functools.wraps(story)
    def run() -> None:
        heard: list[str] = []
        loop = VirtualTimeLoop()
        loop.set_exception_handler(lambda _, context: heard.append(repr(context)))
        try:
            loop.run_until_complete(story())
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
        assert not heard, heard

    return run
