"""A segment that delays, duplicates, drops and falls apart; and the routers on it.

Rules of this file: a drop is written down with its time, because it is the one excuse for two masters.
"""

from __future__ import annotations

from random import Random
from typing import Protocol

from tests.simulation.timeline import Timeline
from vrrp_compat.wire.advertisement import Advertisement


class Station(Protocol):
    """Whoever is on the segment."""

    address: bytes

    def receive(self, advert: Advertisement, source: bytes) -> None: ...


class Segment:
    """Carries each advertisement to everybody else."""

    def __init__(self, timeline: Timeline, random: Random, delay_s: float) -> None:
        self.stations: list[Station] = []
        self.delay_s = delay_s  # at most
        self.loss = 0.0
        self.duplication = 0.0
        self.apart: frozenset[bytes] = frozenset()  # these hear each other and nobody else
        self.dropped_at_s: list[float] = []
        self._timeline, self._random = timeline, random

    def send(self, sender: Station, advert: Advertisement) -> None:
        for station in self.stations:
            if station is sender:
                continue
            cut = (station.address in self.apart) != (sender.address in self.apart)
            if cut or (self.loss and self._random.random() < self.loss):
                self.dropped_at_s.append(self._timeline.now_s)
                continue
            copies = 2 if self._random.random() < self.duplication else 1
            for _ in range(copies):
                self._deliver(station, advert, sender.address)

    def _deliver(self, station: Station, advert: Advertisement, source: bytes) -> None:
        delay_s = self.delay_s * self._random.random()
        self._timeline.after(delay_s, lambda: station.receive(advert, source))
