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
from typing import NamedTuple

from vipkeeper.agent.logs import log
from vipkeeper.changes.routing_plan import RoutingPlan, plan_routing
from vipkeeper.config.routing_entries import RoutingEntries
from vipkeeper.desired.wanted_routing import wanted_routing
from vipkeeper.kernel.host_routing import HostRouting
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.routing import Entry, Route, Routing, Rule, StaticAddress, as_kept

# Everything is read again this often although the kernel tells of each change: what it refused may be
# possible by now, as when an interface got its address.
LOOK_INTERVAL_S = 5.0
# A look takes 2 ms, but 150 ms where others have 200,000 routes. Beyond CHEAP_S none is taken while somebody
# waits; an event brings one after ten times as long at the earliest, and the clock after a hundred times.
CHEAP_S = 0.02
MOST_EVENTS = 10
SELDOM = 100
# Something that removes an entry so often would go on doing so.
REMOVALS_BEFORE_A_PAUSE = 5
REMOVAL_WINDOW_S = 10.0
PAUSE_S = 10.0

_NOTHING = Routing()
_NO_PLAN = RoutingPlan(_NOTHING, _NOTHING)


class _Reading(NamedTuple):
    routing: Routing
    at_s: float
    takes_s: float


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
        self._observed = _NOTHING  # as read last, and changed by us since
        self._read_at_s = self._reading_takes_s = 0.0
        self._changes = 0
        self._awake = asyncio.Event()
        self._running = self._listening = False

    def stand(self, addresses: Set[str]) -> None:
        """These virtual addresses are in the kernel now, by their text."""
        self._standing = addresses
        self._follow()

    def reconfigure(self, entries: RoutingEntries) -> None:
        """Other entries from now on. What both have is not touched."""
        if entries == self._entries:
            return
        self._entries = entries
        self._tell_unknown()
        self._paused.clear()
        self._follow()

    def refused(self) -> dict[str, str]:
        """What should be here and is not, and why."""
        left_out = dict.fromkeys(map(str, self._paused), "somebody else removes it again and again")
        return {**dict(self._entries.unknown), **left_out, **{str(e): why for e, why in self._told.items()}}

    async def run(self) -> None:
        """Put back what others remove, and add what was refused before, for ever."""
        self._tell_unknown()
        awake = self._awake
        self._running = True
        self._listen_if_there_is_a_reason(self._wanted())
        loop = asyncio.get_running_loop()
        while True:
            interval_s = max(LOOK_INTERVAL_S, SELDOM * self._reading_takes_s)
            timer = loop.call_later(interval_s, awake.set)
            await awake.wait()
            awake.clear()
            timer.cancel()
            await self._look()

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
        self._follow()

    def _tell_unknown(self) -> None:
        for text, why in self._entries.unknown:
            log(logging.ERROR, "routing-unknown", why, entry=text)

    def _follow(self) -> None:
        """At once, and without a reading where one takes long: a client may wait for what comes next."""
        wanted = self._wanted()
        self._listen_if_there_is_a_reason(wanted)
        if self._idle(wanted):
            return
        try:
            if not self._known or self._reading_takes_s < CHEAP_S:
                self._take(self._timed_read())
            self._carry_out(wanted)
        except KernelRefused as refused:
            log(logging.ERROR, "routing-refused", f"{refused}; it is tried again")

    async def _look(self) -> None:
        """In a thread, because the kernel walks all of a table, also for a few entries of it."""
        if self._idle(self._wanted()):
            return
        pause_s = self._read_at_s + MOST_EVENTS * self._reading_takes_s - self._clock()
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        changes = self._changes
        try:
            reading = await asyncio.to_thread(self._timed_read)
            if self._changes != changes:  # it may be older than what was just done
                self._awake.set()
                return
            self._take(reading)
            wanted = self._wanted()
            for entry in _entries_of(plan_routing(wanted, self._observed).missing) & self._placed:
                self._removed_by_others(entry)
            self._carry_out(wanted)
        except KernelRefused as refused:
            log(logging.ERROR, "routing-refused", f"{refused}; it is tried again")

    def _listen_if_there_is_a_reason(self, wanted: Routing) -> None:
        """Each renewal of a lease would wake it otherwise, and each route that a routing daemon changes."""
        if self._running and not self._listening and wanted != _NOTHING:
            self._listening = True
            self._host.listen(self._awake.set)

    def _wanted(self) -> Routing:
        return wanted_routing(self._entries.always, self._entries.vips, self._standing)

    def _idle(self, wanted: Routing) -> bool:
        """Whether there is nothing to do, and nothing to look for that an earlier process may have left."""
        return self._known and not self._placed and wanted == _NOTHING

    def _timed_read(self) -> _Reading:
        start_s = self._clock()
        routing = self._host.read()
        end_s = self._clock()
        return _Reading(routing, end_s, end_s - start_s)

    def _take(self, reading: _Reading) -> None:
        self._observed, self._read_at_s, self._reading_takes_s = reading
        self._known = True

    def _carry_out(self, wanted: Routing) -> None:
        now_s = self._clock()
        self._paused = {entry: until_s for entry, until_s in self._paused.items() if until_s > now_s}
        plan = plan_routing(wanted, self._observed)
        stuck = self._remove(plan.unwanted)
        refused = self._add(plan.missing)
        self._placed = _entries_of(wanted) - refused.keys() - self._paused.keys()
        if plan != _NO_PLAN:
            self._changes += 1
            gone = _entries_of(plan.unwanted) - stuck.keys()
            come = _entries_of(plan.missing) & self._placed
            self._observed = _after(self._observed, gone, come)

    def _remove(self, unwanted: Routing) -> Mapping[Entry, str]:
        stuck = self._host.remove(unwanted) if unwanted != _NOTHING else {}
        for entry, why in stuck.items():
            log(logging.ERROR, "routing-refused", f"it cannot be removed: {why}", entry=str(entry))
        return stuck

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


def _after(observed: Routing, gone: Set[Entry], come: Set[Entry]) -> Routing:
    """What was observed, with what we have changed since."""
    kept = [each for each in (*observed.addresses, *observed.routes, *observed.rules) if each not in gone]
    now = [*kept, *map(as_kept, come)]
    return Routing(
        tuple(each for each in now if isinstance(each, StaticAddress)),
        tuple(each for each in now if isinstance(each, Route)),
        tuple(each for each in now if isinstance(each, Rule)),
    )
