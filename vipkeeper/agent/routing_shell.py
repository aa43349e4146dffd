"""Keeps this host's routing at what the configuration asks for: routes, rules, static addresses.

Rules of this file: level-triggered, by fresh readings; nothing here ever keeps a virtual address from coming
or going, so what the kernel refuses is told and tried again. Only entries with vipkeeper's own mark are
touched.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Set

from vipkeeper.agent.logs import log
from vipkeeper.changes.routing_plan import plan_routing
from vipkeeper.config.routing_entries import RoutingEntries
from vipkeeper.desired.wanted_routing import wanted_routing
from vipkeeper.kernel.host_routing import HostRouting
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.routing import Entry, Routing

# Everything is read again this often although the kernel tells of each change: what it refused may be
# possible by now, as when an interface got its address. A look takes about 2 ms.
LOOK_INTERVAL_S = 5.0
# Something that removes an entry so often would go on doing so.
REMOVALS_BEFORE_A_PAUSE = 5
REMOVAL_WINDOW_S = 10.0
PAUSE_S = 10.0

_NOTHING = Routing()


class RoutingShell:
    """One host. `entries` may be changed by `reconfigure`; `clock` counts seconds."""

    def __init__(self, host: HostRouting, entries: RoutingEntries, clock: Callable[[], float]) -> None:
        self._host = host
        self._entries = entries
        self._clock = clock
        self._standing: Set[str] = frozenset()
        self._known = False  # whether what an earlier process left was looked for
        self._placed: set[Entry] = set()
        self._removals: dict[Entry, deque[float]] = {}
        self._paused: dict[Entry, float] = {}  # until when
        self._told: dict[Entry, str] = {}
        self._awake: asyncio.Event | None = None

    def stand(self, addresses: Set[str]) -> None:
        """These virtual addresses are in the kernel now, by their text."""
        self._standing = addresses
        self._follow(by_others=False)

    def reconfigure(self, entries: RoutingEntries) -> None:
        """Other entries from now on. What both have is not touched."""
        if entries == self._entries:
            return
        self._entries = entries
        self._tell_unknown()
        self._paused.clear()
        self._follow(by_others=False)
        if self._awake is not None:
            self._awake.set()

    def refused(self) -> dict[str, str]:
        """What should be here and is not, and why."""
        left_out = dict.fromkeys(map(str, self._paused), "somebody else removes it again and again")
        return {**dict(self._entries.unknown), **left_out, **{str(e): why for e, why in self._told.items()}}

    async def run(self) -> None:
        """Put back what others remove, and add what was refused before, for ever."""
        self._awake = awake = asyncio.Event()
        self._tell_unknown()
        self._host.listen(awake.set)
        loop = asyncio.get_running_loop()
        while True:
            timer = loop.call_later(LOOK_INTERVAL_S, awake.set) if self._placed or self._told else None
            await awake.wait()
            awake.clear()
            if timer is not None:
                timer.cancel()
            self._follow(by_others=True)

    def close(self, *, keep: bool) -> None:
        """Let go of the kernel; unless `keep`, with nothing of ours left in it."""
        try:
            if not keep:
                self.clear()
        finally:
            self._host.close()

    def clear(self) -> None:
        """Remove all that is ours, whoever put it there."""
        self._entries, self._standing = RoutingEntries(_NOTHING, {}), frozenset()
        self._follow(by_others=False)

    def _tell_unknown(self) -> None:
        for text, why in self._entries.unknown:
            log(logging.ERROR, "routing-unknown", why, entry=text)

    def _follow(self, *, by_others: bool) -> None:
        try:
            self._reconcile(by_others=by_others)
        except KernelRefused as refused:
            log(logging.ERROR, "routing-refused", f"{refused}; it is tried again")

    def _reconcile(self, *, by_others: bool) -> None:
        wanted = wanted_routing(self._entries.always, self._entries.vips, self._standing)
        if self._known and not self._placed and wanted == _NOTHING:
            return
        observed = self._host.read()
        self._known = True
        plan = plan_routing(wanted, observed)
        missing = _entries_of(plan.missing)
        if by_others:
            for entry in missing:
                if entry in self._placed:
                    self._removed_by_others(entry)
        now_s = self._clock()
        self._paused = {entry: until_s for entry, until_s in self._paused.items() if until_s > now_s}
        self._remove(plan.unwanted)
        refused = self._add(plan.missing)
        self._placed = _entries_of(wanted) - refused.keys() - self._paused.keys()

    def _remove(self, unwanted: Routing) -> None:
        if unwanted != _NOTHING:
            for entry, why in self._host.remove(unwanted).items():
                log(logging.ERROR, "routing-refused", f"it cannot be removed: {why}", entry=str(entry))

    def _add(self, missing: Routing) -> Mapping[Entry, str]:
        asked = Routing(
            tuple(each for each in missing.addresses if each not in self._paused),
            tuple(each for each in missing.routes if each not in self._paused),
            tuple(each for each in missing.rules if each not in self._paused),
        )
        refused = self._host.add(asked) if asked != _NOTHING else {}
        for entry, why in refused.items():
            if self._told.get(entry) != why:
                log(logging.ERROR, "routing-refused", f"{why}; it is tried again", entry=str(entry))
        self._told = dict(refused)
        return refused

    def _removed_by_others(self, entry: Entry) -> None:
        now_s = self._clock()
        seen = self._removals.setdefault(entry, deque(maxlen=REMOVALS_BEFORE_A_PAUSE))
        seen.append(now_s)
        message = "it was removed by somebody else, or went with its interface; it is put back"
        if len(seen) == REMOVALS_BEFORE_A_PAUSE and now_s - seen[0] < REMOVAL_WINDOW_S:
            message = (
                f"somebody else removes it again and again ({len(seen)} times in {REMOVAL_WINDOW_S:g} s); it "
                f"is left out for {PAUSE_S:g} s"
            )
            self._paused[entry] = now_s + PAUSE_S
            seen.clear()
        log(logging.WARNING, "routing-removed", message, entry=str(entry))


def _entries_of(routing: Routing) -> set[Entry]:
    return {*routing.addresses, *routing.routes, *routing.rules}
