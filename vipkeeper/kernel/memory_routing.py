"""The in-memory partner of the real routing: entries in a list, and what others do to them.

Rules of this file: as in `memory_host.py`; of what the kernel fills in, only what tells routes apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from vipkeeper.model.routing import Entry, Route, Routing, Rule, StaticAddress, as_kept, fulfils


class MemoryRouting:
    """Implements `HostRouting`. `refusals`: no such entry is taken, with this reason."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.refusals: dict[Entry, str] = {}
        self.readings = 0
        self.at_a_reading: Callable[[], None] = lambda: None  # what happens meanwhile
        self._hear: Callable[[], None] | None = None

    def read(self) -> Routing:
        """See `HostRouting.read`."""
        self.readings += 1
        found = Routing(
            tuple(each for each in self.entries if isinstance(each, StaticAddress)),
            tuple(each for each in self.entries if isinstance(each, Route)),
            tuple(each for each in self.entries if isinstance(each, Rule)),
        )
        self.at_a_reading()
        return found

    def add(self, wanted: Routing) -> Mapping[Entry, str]:
        """See `HostRouting.add`."""
        refused: dict[Entry, str] = {}
        asked: tuple[Entry, ...] = (*wanted.addresses, *wanted.routes, *wanted.rules)
        for entry in asked:
            if entry in self.refusals:
                refused[entry] = self.refusals[entry]
            elif not any(fulfils(each, entry) for each in self.entries):
                self.entries.append(as_kept(entry))
        return refused

    def remove(self, unwanted: Routing) -> Mapping[Entry, str]:
        """See `HostRouting.remove`."""
        self._forget((*unwanted.rules, *unwanted.routes, *unwanted.addresses))
        return {}

    def remove_by_hand(self, *entries: Entry) -> None:
        """An administrator removes some of ours."""
        self._forget(entries)
        self.change_link()

    def change_link(self) -> None:
        """A link goes up or down."""
        if self._hear is not None:
            self._hear()

    def _forget(self, entries: Iterable[Entry]) -> None:
        gone = set(entries)
        self.entries = [each for each in self.entries if each not in gone]

    def listen(self, hear: Callable[[], None]) -> None:
        """See `HostRouting.listen`."""
        loop = asyncio.get_running_loop()
        self._hear = lambda: (loop.call_soon(hear), None)[1]

    @property
    def listened_to(self) -> bool:
        """Whether somebody is told what changes."""
        return self._hear is not None

    def close(self) -> None:
        """See `HostRouting.close`."""
        self._hear = None
