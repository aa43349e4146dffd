"""A FIFO and its program, as the configuration has them now.

Rules of this file: what a reload does not change goes on, and its program with it.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec

from vipkeeper.config.notify_schema import NotifyScript, Scripts
from vipkeeper.config.schema import Config
from vipkeeper.notify.fifo import Fifo
from vipkeeper.notify.fifo_reader import LAST_LINES_S, FifoReader
from vipkeeper.notify.saying import Say
from vipkeeper.notify.telling import Telling
from vipkeeper.scripts.accounts import UnknownAccount, account_for
from vipkeeper.scripts.program import Account

_POLL_S = 0.02


class FifoPlace(msgspec.Struct, frozen=True):
    """Where it is, whom it belongs to, who reads it; and what `scripts` says of any program."""

    path: str | None
    user: str | None
    group: str | None
    reader: NotifyScript
    scripts: Scripts


def fifo_of_all(scripts: Scripts) -> FifoPlace:
    """The one of `scripts`."""
    return FifoPlace(scripts.fifo, scripts.fifo_user, scripts.fifo_group, scripts.fifo_script, scripts)


def fifo_of_servers(config: Config) -> FifoPlace:
    """The one of `ipvs`; none if it is the same, for a line is written once."""
    ipvs = config.ipvs
    path = None if config.scripts.fifo_servers and ipvs.fifo == config.scripts.fifo else ipvs.fifo
    return FifoPlace(path, ipvs.fifo_user, ipvs.fifo_group, ipvs.fifo_script, config.scripts)


class FifoOutlet:
    """Nothing, unless its path is set."""

    def __init__(self, place: FifoPlace, say: Say) -> None:
        self._say = say
        self._place = place
        self._lost_before = 0  # by FIFOs of earlier configurations
        self._endings: set[asyncio.Task[None]] = set()
        self._fifo: Fifo | None = None
        self._reader: FifoReader | None = None
        self._begin()

    @property
    def lost(self) -> int:
        """Lines that did not fit."""
        return self._lost_before + (0 if self._fifo is None else self._fifo.lost)

    def write(self, telling: Telling) -> None:
        """One line."""
        if self._fifo is not None:
            self._fifo.write(telling.fifo_line())

    def reconfigure(self, place: FifoPlace) -> None:
        """Another FIFO or program replaces the one there was."""
        before, self._place = self._place, place
        if _what_counts(place) == _what_counts(before):
            return
        reader = self._reader
        self._close(keep=place.path == before.path)
        if reader is not None:
            ending = asyncio.create_task(reader.end(), name="fifo-reader-end")
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
        self._begin()

    async def end(self, *, keep: bool) -> None:
        """No further line. The program reads what is there, and ends."""
        reader = self._reader
        if reader is not None and not keep:
            await self._read_to_the_end()
        self._close(keep=keep)
        if reader is not None and keep:
            reader.leave()
        elif reader is not None:
            await reader.end()
        await asyncio.gather(*self._endings, return_exceptions=True)

    async def _read_to_the_end(self) -> None:
        """What is in a FIFO that nobody has open is gone, and the program may have just been started."""
        waited_s = 0.0
        while self._fifo is not None and self._fifo.unread and waited_s < LAST_LINES_S:
            await asyncio.sleep(_POLL_S)
            waited_s += _POLL_S

    def _begin(self) -> None:
        place = self._place
        if place.path is None:
            return
        self._fifo = Fifo(place.path, self._owner(), self._say)
        if place.reader.script is not None:
            self._reader = FifoReader(place.reader, place.scripts, place.path, self._say)

    def _close(self, *, keep: bool) -> None:
        if self._fifo is not None:
            self._lost_before += self._fifo.lost
            self._fifo.close(keep=keep)
        self._fifo, self._reader = None, None

    def _owner(self) -> Account | None:
        place = self._place
        user, group = place.user, place.group
        if user is None and place.reader.script is not None:
            user, group = place.reader.user, group or place.reader.group
        elif user is None and group is None:
            return None
        try:
            return account_for(place.scripts, user=user, group=group)
        except UnknownAccount as error:
            self._say(logging.ERROR, "fifo", f"{place.path} belongs to the agent's own user: {error}")
            return None


def _what_counts(place: FifoPlace) -> tuple[object, ...]:
    """Of `scripts` only what says who runs a program, and which may run."""
    scripts = place.scripts
    return (
        place.path,
        place.user,
        place.group,
        place.reader,
        scripts.user,
        scripts.group,
        scripts.enable_script_security,
        scripts.set_supplementary_groups,
    )
