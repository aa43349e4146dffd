"""When each VIP is announced: at once, four times more in the next seconds, then now and then; or as asked.

Rules of this file: pure; instants are CLOCK_BOOTTIME in seconds. Each announcement is counted from the one
before it, so that a late one is not followed by another too soon.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from vipkeeper.model.address_options import USUAL_STEPS, AnnouncementPattern
from vipkeeper.model.vips import VipAddress

# At most BURST in any PAUSE_S: the frames of one burst fit the sender's buffer, and switches and neighbours
# are not flooded when a node takes over a thousand addresses.
BURST = 200
PAUSE_S = 0.005

# Entries of what was stopped or started anew stay in the heap until they are due, or until they outnumber
# the running ones by this much.
_STALE_ENTRIES = 256

_USUAL = AnnouncementPattern(USUAL_STEPS)
_NO_PATTERNS: Mapping[str, AnnouncementPattern] = {}


class _Entry(NamedTuple):
    due_s: float
    ticket: int
    vip: VipAddress


class _Series(NamedTuple):
    ticket: int  # of the one entry that counts
    pattern: AnnouncementPattern
    step: int  # of the pattern; beyond them it is a refresh
    left: int  # announcements of this step, with the one that is due


class _Place(NamedTuple):
    """What a pattern's interval counts for: frames of one kind on one interface."""

    interface: str
    version: int


class AnnouncementSchedule:
    """Series of announcements, one for each running VIP; `refresh_s` is the usual one after the steps."""

    def __init__(self, refresh_s: float = 60.0) -> None:
        self.refresh_s = refresh_s
        self._entries: list[_Entry] = []
        self._series: dict[VipAddress, _Series] = {}
        self._tickets = itertools.count()
        self._burst_ends_s = 0.0
        self._burst_left = BURST
        self._waiting: dict[_Place, deque[_Entry]] = {}  # due, behind another on their interface
        self._free_s: dict[_Place, float] = {}

    def start(
        self,
        vips: Iterable[VipAddress],
        now_s: float,
        patterns: Mapping[str, AnnouncementPattern] = _NO_PATTERNS,
    ) -> None:
        """Begin a series for each, anew if it has one. `patterns`: by address, where it is not the usual one.

        A pattern without steps changes nothing.
        """
        for vip in vips:
            pattern = patterns.get(vip.address, _USUAL)
            if pattern.steps:
                after_s, count = pattern.steps[0]
                self._enter(vip, now_s + after_s, pattern, 0, count)
        self._forget_stale()

    def stop(self, vips: Iterable[VipAddress]) -> None:
        """Announce these no more."""
        for vip in vips:
            self._series.pop(vip, None)
        self._forget_stale()

    def take_due(self, now_s: float) -> tuple[VipAddress, ...]:
        """What is to be announced now, at most one burst of it; it counts as announced at `now_s`.

        One that is to be announced several times at once is there as often.
        """
        if now_s >= self._burst_ends_s:
            self._burst_ends_s = now_s + PAUSE_S
            self._burst_left = BURST
        taken: list[VipAddress] = []
        while len(taken) < self._burst_left and (first := self._next(now_s)) is not None:
            self._go_on(first.vip, now_s)
            taken.append(first.vip)
        self._burst_left -= len(taken)
        return tuple(taken)

    def next_due_s(self) -> float | None:
        """When `take_due` has something to give; None while nothing runs."""
        first = self._first()
        instants = [] if first is None else [first.due_s]
        waiting = [place for place in list(self._waiting) if self._first_waiting(place) is not None]
        instants += [self._free_s[place] for place in waiting]
        if not instants:
            return None
        return min(instants) if self._burst_left else max(min(instants), self._burst_ends_s)

    def _next(self, now_s: float) -> _Entry | None:
        """The next that is due and whose interface is free; those that find it taken wait in their order."""
        for place in list(self._waiting):
            waiting = self._first_waiting(place)
            if waiting is not None and self._free_s[place] <= now_s:
                self._waiting[place].popleft()
                self._free_s[place] = now_s + self._series[waiting.vip].pattern.interval_s
                return waiting
        while (first := self._first()) is not None and first.due_s <= now_s:
            heapq.heappop(self._entries)
            interval_s = self._series[first.vip].pattern.interval_s
            if not interval_s:
                return first
            place = _Place(first.vip.interface, first.vip.version)
            if place not in self._waiting and self._free_s.get(place, now_s) <= now_s:
                self._free_s[place] = now_s + interval_s
                return first
            self._waiting.setdefault(place, deque()).append(first)
        return None

    def _go_on(self, vip: VipAddress, now_s: float) -> None:
        """To the announcement after this one."""
        _, pattern, step, left = self._series[vip]
        if left > 1:
            self._enter(vip, now_s, pattern, step, left - 1)
        elif step + 1 < len(pattern.steps):
            after_s, count = pattern.steps[step + 1]
            self._enter(vip, now_s + after_s, pattern, step + 1, count)
        else:
            refresh_s = self.refresh_s if pattern.refresh_s is None else pattern.refresh_s
            if refresh_s:
                self._enter(vip, now_s + refresh_s, pattern, len(pattern.steps), pattern.refresh_count)
            else:
                del self._series[vip]

    def _enter(
        self, vip: VipAddress, due_s: float, pattern: AnnouncementPattern, step: int, left: int
    ) -> None:
        ticket = next(self._tickets)
        self._series[vip] = _Series(ticket, pattern, step, left)
        heapq.heappush(self._entries, _Entry(due_s, ticket, vip))

    def _first(self) -> _Entry | None:
        while self._entries:
            if self._counts(self._entries[0]):
                return self._entries[0]
            heapq.heappop(self._entries)
        return None

    def _first_waiting(self, place: _Place) -> _Entry | None:
        waiting = self._waiting[place]
        while waiting:
            if self._counts(waiting[0]):
                return waiting[0]
            waiting.popleft()
        del self._waiting[place]
        return None

    def _counts(self, entry: _Entry) -> bool:
        series = self._series.get(entry.vip)
        return series is not None and series.ticket == entry.ticket

    def _forget_stale(self) -> None:
        if len(self._entries) > 2 * len(self._series) + _STALE_ENTRIES:
            self._entries = [entry for entry in self._entries if self._counts(entry)]
            heapq.heapify(self._entries)
