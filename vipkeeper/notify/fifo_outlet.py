"""The FIFO and its program, as the configuration has them now.

Rules of this file: what a reload does not change goes on, and its program with it.
"""

from __future__ import annotations

import asyncio
import logging

from vipkeeper.config.notify_schema import Scripts
from vipkeeper.notify.fifo import Fifo
from vipkeeper.notify.fifo_reader import FifoReader
from vipkeeper.notify.notification import Notification, fifo_line
from vipkeeper.notify.saying import Say
from vipkeeper.scripts.accounts import UnknownAccount, account_for
from vipkeeper.scripts.program import Account


class FifoOutlet:
    """Nothing, unless `scripts.fifo` is set."""

    def __init__(self, scripts: Scripts, say: Say) -> None:
        self._say = say
        self._scripts = scripts
        self._lost_before = 0  # by FIFOs of earlier configurations
        self._endings: set[asyncio.Task[None]] = set()
        self._fifo: Fifo | None = None
        self._reader: FifoReader | None = None
        self._begin()

    @property
    def lost(self) -> int:
        """Lines that did not fit."""
        return self._lost_before + (0 if self._fifo is None else self._fifo.lost)

    def write(self, notification: Notification) -> None:
        """One line."""
        if self._fifo is not None:
            self._fifo.write(fifo_line(notification))

    def reconfigure(self, scripts: Scripts) -> None:
        """Another FIFO or program replaces the one there was."""
        before, self._scripts = self._scripts, scripts
        if _about_fifo(scripts) == _about_fifo(before):
            return
        reader = self._reader
        self._close(keep=scripts.fifo == before.fifo)
        if reader is not None:
            ending = asyncio.create_task(reader.end(), name="fifo-reader-end")
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
        self._begin()

    async def end(self, *, keep: bool) -> None:
        """No further line. The program reads what is there, and ends."""
        reader = self._reader
        self._close(keep=keep)
        if reader is not None and keep:
            reader.leave()
        elif reader is not None:
            await reader.end()
        await asyncio.gather(*self._endings, return_exceptions=True)

    def _begin(self) -> None:
        scripts = self._scripts
        if scripts.fifo is None:
            return
        self._fifo = Fifo(scripts.fifo, self._owner(), self._say)
        if scripts.fifo_script.script is not None:
            self._reader = FifoReader(scripts.fifo_script, scripts, scripts.fifo, self._say)

    def _close(self, *, keep: bool) -> None:
        if self._fifo is not None:
            self._lost_before += self._fifo.lost
            self._fifo.close(keep=keep)
        self._fifo, self._reader = None, None

    def _owner(self) -> Account | None:
        scripts, reader = self._scripts, self._scripts.fifo_script
        user, group = scripts.fifo_user, scripts.fifo_group
        if user is None and reader.script is not None:
            user, group = reader.user, group or reader.group
        elif user is None and group is None:
            return None
        try:
            return account_for(scripts, user=user, group=group)
        except UnknownAccount as error:
            self._say(logging.ERROR, "fifo", f"{scripts.fifo} belongs to the agent's own user: {error}")
            return None


def _about_fifo(scripts: Scripts) -> tuple[object, ...]:
    """What counts for them."""
    return (
        scripts.fifo,
        scripts.fifo_user,
        scripts.fifo_group,
        scripts.fifo_script,
        scripts.user,
        scripts.group,
        scripts.enable_script_security,
        scripts.set_supplementary_groups,
    )
