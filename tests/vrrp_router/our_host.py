"""A host with a process of ours and a kernel, that can freeze, die and come back.

Rules of this file: the process does one thing after another and may be stopped between any two, also
between reading the clock and sending; what stands in the kernel stays there whatever becomes of the process;
waiting advertisements are taken before a timer, as the agent has to do it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

from tests.simulation.clocks import HostClock
from tests.simulation.timeline import Timeline
from tests.vrrp_router.segment import Segment
from tests.vrrp_router.spans import Answering
from vrrp_compat.router.effects import Finished, SendAdvert
from vrrp_compat.router.events import (
    AdvertHeard,
    AdvertSent,
    Event,
    FitnessChanged,
    Started,
    StopRequested,
    TimePassed,
    Withdrawn,
)
from vrrp_compat.router.machine import VirtualRouter
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.states import State
from vrrp_compat.wire.advertisement import Advertisement

PAUSE_S = 0.0003  # between two things that a process does, at most
PAUSE_CHANCE = 0.2
REMOVAL_S = 0.01  # until a kernel has removed the addresses, at most


class OurHost:
    """One vipkeeper host."""

    def __init__(
        self, timeline: Timeline, segment: Segment, clock: HostClock, random: Random, settings: RouterSettings
    ) -> None:
        self.settings = settings
        self.address = settings.address
        self.answering = Answering(clock)
        self.down_at_s: list[float] = []  # when the process died or froze
        self.up_at_s: list[float] = []  # when it was started or thawed
        self.straight_at_s: list[float] = []  # when it became master as address owner, without waiting
        self.knew: dict[float, frozenset[bytes]] = {}  # whom it had heard when it began to answer
        self.freeze_mid_send_s = 0.0  # freezes for so long between reading the clock and sending
        self.freeze_after_send_s = 0.0  # or before it notes that it has sent; and dies soon after it thaws
        self.router: VirtualRouter | None = None
        self._timeline, self._segment, self._clock, self._random = timeline, segment, clock, random
        self._heard_from: set[bytes] = set()  # since the process began
        self._inbox: deque[AdvertHeard] = deque()
        self._todo: deque[Callable[[], None]] = deque()
        self._frozen = False
        self._at_work = False
        self._wakes_at_s = 0.0
        self._fuse: int | None = None  # dies after so many things more
        self._in_kernel = False
        self._fence_s: float | None = None

    @property
    def is_master(self) -> bool:
        return self.router is not None and self.router.state is State.MASTER

    @property
    def is_running(self) -> bool:
        return self.router is not None and not self._frozen

    def start(self) -> None:
        if self.router is not None:
            return
        self.router = VirtualRouter(self.settings)
        self.up_at_s.append(self._timeline.now_s)
        self._heard_from.clear()
        self.tell(Started(self._fence_s if self._in_kernel else None))

    def kill(self) -> None:
        """The process is gone; its kernel answers on, behind the fence."""
        if self.router is not None:
            self._end()
            self.down_at_s.append(self._timeline.now_s)

    def stop(self, *, keep: bool) -> None:
        self.tell(StopRequested(keep))

    def freeze(self, length_s: float) -> None:
        if self.router is None or self._frozen:
            return
        self._frozen = True
        self.down_at_s.append(self._timeline.now_s)
        self._timeline.after(length_s, self.thaw)

    def thaw(self) -> None:
        if self._frozen:
            self._frozen = False
            self.up_at_s.append(self._timeline.now_s)
            self._work()

    def mend(self) -> None:
        """It runs, and nothing more will befall it."""
        self.freeze_mid_send_s = self.freeze_after_send_s = 0.0
        self._fuse = None
        self.thaw()
        self.tell(FitnessChanged(None))
        self.start()

    def tell(self, event: Event) -> None:
        """Something that this host's process learns, if there is one."""
        if self.router is None:
            return
        self._todo.append(lambda: self._step(event))
        self._work()

    def receive(self, advert: Advertisement, source: bytes) -> None:
        if self.router is None or (advert.version == 2 and advert.interval_cs != self.settings.interval_cs):
            return  # nobody listens, or RFC 3768 7.1 discards it
        self._inbox.append(AdvertHeard(advert, source))
        self._work()

    def _work(self) -> None:
        """Go on, unless frozen or at it already."""
        if not self._at_work:
            self._at_work = True
            self._go_on()

    def _go_on(self) -> None:
        while self.router is not None and not self._frozen:
            if self._fuse is not None:
                self._fuse -= 1
                if self._fuse < 0:
                    self.kill()
                    break
            if self._todo:
                self._todo.popleft()()
            elif self._inbox:
                heard = self._inbox.popleft()
                self._heard_from.add(heard.source)
                self._step(heard)
            elif not self._timer_due():
                break
            if self._random.random() < PAUSE_CHANCE:
                self._timeline.after(PAUSE_S * self._random.random(), self._go_on)
                return
        self._at_work = False

    def _timer_due(self) -> bool:
        deadline_s = self.router.next_deadline() if self.router is not None else None
        if deadline_s is None:
            return False
        due_s = self._clock.true_s(deadline_s)
        if due_s <= self._timeline.now_s + 1e-9:
            self._step(TimePassed())
            return True
        if due_s != self._wakes_at_s:
            self._wakes_at_s = due_s
            self._timeline.at(due_s, self._work)
        return False

    def _step(self, event: Event) -> None:
        router = self.router
        if router is None:
            return
        before = router.state
        effects = router.step(event, self._reading_s())
        if router.state is not before and router.reason is RouterReason.ADDRESS_OWNER:
            self.straight_at_s.append(self._timeline.now_s)
        self._bring_kernel_in_line(router.hold_until_s)
        for effect in effects:
            if isinstance(effect, SendAdvert):
                self._todo.append(lambda advert=effect.advertisement: self._read_clock_and_send(advert))  # type: ignore[misc]
            elif isinstance(effect, Finished):
                self._todo.append(self._finish)

    def _reading_s(self) -> float:
        # One that is short of a deadline by rounding alone would wake us for ever.
        return self._clock.reading_s(self._timeline.now_s + 1e-9)

    def _finish(self) -> None:
        self._end()
        self.down_at_s.append(self._timeline.now_s)

    def _end(self) -> None:
        self.router, self._frozen, self._fuse = None, False, None
        self._todo.clear()
        self._inbox.clear()

    def _read_clock_and_send(self, advert: Advertisement) -> None:
        sent_at_s = self._reading_s()
        self._todo.appendleft(lambda: self._send(advert, sent_at_s))
        if self.freeze_mid_send_s:
            self.freeze(self.freeze_mid_send_s)
            self.freeze_mid_send_s = 0.0

    def _send(self, advert: Advertisement, sent_at_s: float) -> None:
        self._segment.send(self, advert)
        self._todo.appendleft(lambda: self._step(AdvertSent(advert, sent_at_s)))
        if self.freeze_after_send_s:
            self.freeze(self.freeze_after_send_s)
            self.freeze_after_send_s = 0.0
            self._fuse = self._random.randrange(1, 4)

    def _bring_kernel_in_line(self, hold_until_s: float | None) -> None:
        if hold_until_s != self._fence_s:
            if self._fence_s is None:
                self.knew[self._timeline.now_s] = frozenset(self._heard_from)
            self._fence_s = hold_until_s
            self.answering.write(hold_until_s, self._timeline.now_s)
        if hold_until_s is not None:
            self._in_kernel = True
        elif self._in_kernel:
            self._timeline.after(REMOVAL_S * self._random.random(), self._removed)

    def _removed(self) -> None:
        if self.is_running and self._in_kernel and self._fence_s is None:
            self._in_kernel = False
            self.tell(Withdrawn())
