"""When each VIP is announced: at once, four times more in the next seconds, then now and then.

Rules of this file: pure; instants are CLOCK_BOOTTIME in seconds. The repeats lie more than one second apart,
because a Linux neighbour ignores some changes of an entry that is younger than that (its locktime). Each is
counted from the announcement before it, so that a late one is not followed by another too soon.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable
from typing import NamedTuple

from vipkeeper.model.vips import VipAddress

REPEATS = 4
REPEAT_INTERVAL_S = 1.1

# At most BURST in any PAUSE_S: the frames of one burst fit the sender's buffer, and switches and neighbours
# are not flooded when a node takes over a thousand addresses.
BURST = 200
PAUSE_S = 0.005

# Entries of what was stopped or started anew stay in the heap until they are due, or until they outnumber
# the running ones by this much.
_STALE_ENTRIES = 256


class _Entry(NamedTuple):
    due_s: float
    ticket: int
    vip: VipAddress


class _Series(NamedTuple):
    ticket: int  # of the one entry that counts
    repeats_left: int


class AnnouncementSchedule:
    """Series of announcements, one for each running VIP; `refresh_s` is the interval after the repeats."""

    def __init__(self, refresh_s: float = 60.0) -> None:
        self.refresh_s = refresh_s
        self._entries: list[_Entry] = []
        self._series: dict[VipAddress, _Series] = {}
        self._tickets = itertools.count()
        self._burst_ends_s = 0.0
        self._burst_left = BURST

    def start(self, vips: Iterable[VipAddress], now_s: float) -> None:
        """Begin a series for each, anew if it has one."""
        for vip in vips:
            self._enter(vip, now_s, REPEATS)
        self._forget_stale()

    def stop(self, vips: Iterable[VipAddress]) -> None:
        """Announce these no more."""
        for vip in vips:
            self._series.pop(vip, None)
        self._forget_stale()

    def take_due(self, now_s: float) -> tuple[VipAddress, ...]:
        """What is to be announced now, at most one burst of it; it counts as announced at `now_s`."""
        if now_s >= self._burst_ends_s:
            self._burst_ends_s = now_s + PAUSE_S
            self._burst_left = BURST
        taken: list[VipAddress] = []
        while len(taken) < self._burst_left and (first := self._first()) is not None and first.due_s <= now_s:
            heapq.heappop(self._entries)
            repeats_left = self._series[first.vip].repeats_left
            pause_s = REPEAT_INTERVAL_S if repeats_left else self.refresh_s
            self._enter(first.vip, now_s + pause_s, max(0, repeats_left - 1))
            taken.append(first.vip)
        self._burst_left -= len(taken)
        return tuple(taken)

    def next_due_s(self) -> float | None:
        """When `take_due` has something to give; None while nothing runs."""
        first = self._first()
        if first is None:
            return None
        return first.due_s if self._burst_left else max(first.due_s, self._burst_ends_s)

    def _enter(self, vip: VipAddress, due_s: float, repeats_left: int) -> None:
        ticket = next(self._tickets)
        self._series[vip] = _Series(ticket, repeats_left)
        heapq.heappush(self._entries, _Entry(due_s, ticket, vip))

    def _first(self) -> _Entry | None:
        while self._entries:
            if self._counts(self._entries[0]):
                return self._entries[0]
            heapq.heappop(self._entries)
        return None

    def _counts(self, entry: _Entry) -> bool:
        series = self._series.get(entry.vip)
        return series is not None and series.ticket == entry.ticket

    def _forget_stale(self) -> None:
        if len(self._entries) > 2 * len(self._series) + _STALE_ENTRIES:
            self._entries = [entry for entry in self._entries if self._counts(entry)]
            heapq.heapify(self._entries)
