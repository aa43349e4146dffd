"""A neighbour that is not ours, as far as it matters here: the priority rules, and addresses without a fence.

Killed, it answers for ever. `asserts` is keepalived, which answers a lower master; FRR does not.
"""

from __future__ import annotations

from tests.simulation.timeline import Timeline
from tests.vrrp_router.segment import Segment
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.timers import master_down_s, skew_s
from vrrp_compat.wire.advertisement import PRIORITY_LEAVING, Advertisement


class Neighbour:
    """One router of another make."""

    def __init__(
        self, timeline: Timeline, segment: Segment, settings: RouterSettings, *, asserts: bool
    ) -> None:
        self.settings, self.address = settings, settings.address
        self.is_running = self.is_master = self.answers = False
        self.took_over_at_s: list[float] = []
        self._asserts = asserts
        self._timeline, self._segment = timeline, segment
        self._interval_cs = settings.interval_cs
        self._turn = 0  # a timer of an earlier turn is void

    def start(self) -> None:
        if not self.is_running:
            self.is_running, self.answers = True, False
            self._listen(self.settings.interval_cs)

    def kill(self) -> None:
        self.is_running = self.is_master = False
        self._turn += 1

    def stop(self) -> None:
        if self.is_master:
            self._say(PRIORITY_LEAVING)
        self.answers = False
        self.kill()

    def receive(self, advert: Advertisement, source: bytes) -> None:
        if not self.is_running or (advert.version == 2 and advert.interval_cs != self.settings.interval_cs):
            return
        own = self.settings.priority
        if not self.is_master:
            if advert.priority == PRIORITY_LEAVING:
                self._set_timer(skew_s(self.settings.version, own, self._interval_cs))
            elif advert.priority >= own or not self.settings.preempt:
                self._listen(advert.interval_cs)
        elif advert.priority == PRIORITY_LEAVING:
            self._advertise()
        elif (advert.priority, source) > (own, self.address):
            self.answers = self.is_master = False
            self._listen(advert.interval_cs)
        elif self._asserts:
            self._advertise()

    def _listen(self, interval_cs: int) -> None:
        self._interval_cs = interval_cs
        self._set_timer(master_down_s(self.settings.version, self.settings.priority, interval_cs))

    def _take_over(self) -> None:
        self.is_master = True
        self.took_over_at_s.append(self._timeline.now_s)
        self._advertise()
        self.answers = True

    def _advertise(self) -> None:
        self._say(self.settings.priority)
        self._set_timer(self.settings.interval_cs / 100)

    def _say(self, priority: int) -> None:
        s = self.settings
        self._segment.send(self, Advertisement(s.version, s.vrid, priority, s.interval_cs, s.addresses))

    def _set_timer(self, length_s: float) -> None:
        self._turn += 1
        turn = self._turn
        self._timeline.after(length_s, lambda: self._ring(turn))

    def _ring(self, turn: int) -> None:
        if turn != self._turn:
            return
        if self.is_master:
            self._advertise()
        else:
            self._take_over()
