"""The program that reads the FIFO: started with its name as the last argument, and again when it ends.

Rules of this file: a program that ends at once is not started all the time; the wait grows to a minute, and
is short again after a minute of life, as with keepalived.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from vipkeeper.config.notify_schema import NotifyScript, Scripts
from vipkeeper.notify.saying import Say
from vipkeeper.scripts.program import Ending
from vipkeeper.scripts.resolving import resolve_program
from vipkeeper.scripts.running import run_program

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
# Once the FIFO is closed it reads to the end and ends by itself, if it is made well.
LAST_LINES_S = 1.0
_FOR_EVER_S = 10.0 * 365 * 86400


class FifoReader:
    """One program, from now until `end`."""

    def __init__(self, script: NotifyScript, scripts: Scripts, fifo: str, say: Say) -> None:
        self._script = script
        self._scripts = scripts
        self._fifo = fifo
        self._say = say
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._keep_running(), name="fifo-reader")

    async def _keep_running(self) -> None:
        loop, wait_s = asyncio.get_running_loop(), FIRST_WAIT_S
        text = self._script.script or ""
        while not self._stop.is_set():
            started_s = loop.time()
            program = resolve_program(text, self._scripts, user=self._script.user, group=self._script.group)
            outcome = await run_program(program, timeout_s=_FOR_EVER_S, extra_arguments=(self._fifo,))
            if self._stop.is_set():
                return
            if loop.time() - started_s >= LONGEST_WAIT_S:
                wait_s = FIRST_WAIT_S
            refused = outcome.ending is Ending.NOT_STARTED
            self._say(
                logging.ERROR if refused else logging.WARNING,
                "fifo-script",
                f"{outcome.explained}; it is started again in {wait_s:g} s",
                script=text,
                output=outcome.output,
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def end(self) -> None:
        """The FIFO is closed already: what is in it may be read, for a moment."""
        self._stop.set()
        await asyncio.wait([self._task], timeout=LAST_LINES_S)
        self._task.cancel()  # which ends the program
        await asyncio.gather(self._task, return_exceptions=True)

    def leave(self) -> None:
        """The agent ends for a restart: the next one starts its own."""
        self._stop.set()
        self._task.cancel()
