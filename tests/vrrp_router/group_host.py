"""A host with a sync group: one process for all members, one kernel, a cable to each member's segment.

Rules of this file: as in `our_host.py`; a cable that is pulled is seen by the host a moment later; a mute
member's advertisements leave for nobody, and it is told so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

from tests.simulation.clocks import HostClock
from tests.simulation.timeline import Timeline
from tests.vrrp_router.our_host import PAUSE_CHANCE, PAUSE_S, REMOVAL_S
from tests.vrrp_router.segment import Segment
from tests.vrrp_router.spans import Answering
from vrrp_compat.router.effects import Effect, Finished, SendAdvert
from vrrp_compat.router.events import (
    AdvertHeard,
    AdvertSent,
    Event,
    FitnessChanged,
    SendFailed,
    Started,
    StopRequested,
    TimePassed,
    Withdrawn,
)
from vrrp_compat.router.group import RouterGroup
from vrrp_compat.router.machine import VirtualRouter
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.states import State
from vrrp_compat.wire.advertisement import Advertisement

CARRIER_S = 0.005  # until a host sees that a cable was pulled, at most


class Member:
    """The group's foot on one segment; what stands in the kernel outlives the process."""

    def __init__(self, host: GroupHost, settings: RouterSettings, segment: Segment, clock: HostClock) -> None:
        self.settings, self.segment = settings, segment
        self.address = settings.address
        self.answering = Answering(clock)
        self.in_kernel = False
        self.fence_s: float | None = None
        self.is_mute = self.is_unplugged = False
        self._host = host

    @property
    def name(self) -> str:
        return self.settings.name

    def receive(self, advert: Advertisement, source: bytes) -> None:
        if not self.is_unplugged:
            self._host.tell(self.name, AdvertHeard(advert, source))


class GroupHost:
    """One vipkeeper host."""

    def __init__(
        self,
        timeline: Timeline,
        clock: HostClock,
        random: Random,
        places: list[tuple[RouterSettings, Segment]],
    ) -> None:
        self.members = {settings.name: Member(self, settings, segment, clock) for settings, segment in places}
        self.group: RouterGroup | None = None
        self._timeline, self._clock, self._random = timeline, clock, random
        self._todo: deque[Callable[[], None]] = deque()
        self._frozen = self._at_work = False
        self._ended: set[str] = set()
        self._wakes_at_s = 0.0

    @property
    def is_running(self) -> bool:
        return self.group is not None and not self._frozen

    @property
    def is_master(self) -> bool:
        group = self.group
        return group is not None and all(one.state is State.MASTER for one in group.members.values())

    def start(self) -> None:
        if self.group is not None:
            return
        routers = {name: VirtualRouter(member.settings) for name, member in self.members.items()}
        patience_s = max(member.settings.interval_cs for member in self.members.values()) / 100
        self.group = RouterGroup("lb", routers, patience_s)
        self._ended.clear()
        self.group.begin({}, self._reading_s())
        for name, member in self.members.items():
            if member.is_unplugged:
                self.tell(name, FitnessChanged(RouterReason.INTERFACE_DOWN))
        for name, member in self.members.items():
            self.tell(name, Started(member.fence_s if member.in_kernel else None))

    def kill(self) -> None:
        self.group, self._frozen = None, False
        self._todo.clear()

    def stop(self, *, keep: bool) -> None:
        for name in self.members:
            self.tell(name, StopRequested(keep))

    def freeze(self, length_s: float) -> None:
        if self.is_running:
            self._frozen = True
            self._timeline.after(length_s, self.thaw)

    def thaw(self) -> None:
        if self._frozen:
            self._frozen = False
            self._work()

    def tell_all(self, event: Event) -> None:
        for name in self.members:
            self.tell(name, event)

    def tell(self, name: str, event: Event) -> None:
        if self.group is not None:
            self._todo.append(lambda: self._step(name, event))
            self._work()

    def plug(self, name: str, *, plugged: bool) -> None:
        member = self.members[name]
        member.is_unplugged = not plugged
        told = FitnessChanged(None if plugged else RouterReason.INTERFACE_DOWN)
        self._timeline.after(CARRIER_S * self._random.random(), lambda: self.tell(name, told))

    def mend(self) -> None:
        self.thaw()
        for name, member in self.members.items():
            member.is_mute = False
            if member.is_unplugged:
                self.plug(name, plugged=True)
        self.start()

    def _work(self) -> None:
        if not self._at_work:
            self._at_work = True
            self._go_on()

    def _go_on(self) -> None:
        while self.group is not None and not self._frozen:
            if self._todo:
                self._todo.popleft()()
            elif not self._timer_due():
                break
            if self._random.random() < PAUSE_CHANCE:
                self._timeline.after(PAUSE_S * self._random.random(), self._go_on)
                return
        self._at_work = False

    def _timer_due(self) -> bool:
        group = self.group
        if group is None:
            return False
        deadlines = [(one.next_deadline(), name) for name, one in group.members.items()]
        first_s, name = min(
            ((at_s, name) for at_s, name in deadlines if at_s is not None), default=(None, "")
        )
        if first_s is None:
            return False
        due_s = self._clock.true_s(first_s)
        if due_s <= self._timeline.now_s + 1e-9:
            self._step(name, TimePassed())
            return True
        if due_s != self._wakes_at_s:
            self._wakes_at_s = due_s
            self._timeline.at(due_s, self._work)
        return False

    def _step(self, name: str, event: Event) -> None:
        if self.group is None:
            return
        effects = self.group.step(name, event, self._reading_s())
        self._bring_kernel_in_line()
        for whose, effect in effects:
            self._carry_out(whose, effect)

    def _carry_out(self, whose: str, effect: Effect) -> None:
        if isinstance(effect, SendAdvert):
            advert = effect.advertisement
            self._todo.append(lambda: self._send(whose, advert))
        elif isinstance(effect, Finished):
            self._ended.add(whose)
            if self._ended == self.members.keys():
                self._todo.append(self.kill)

    def _send(self, name: str, advert: Advertisement) -> None:
        member, sent_at_s = self.members[name], self._reading_s()
        if member.is_mute or member.is_unplugged:
            self._todo.appendleft(lambda: self._step(name, SendFailed("it does not leave")))
            return
        member.segment.send(member, advert)
        self._todo.appendleft(lambda: self._step(name, AdvertSent(advert, sent_at_s)))

    def _reading_s(self) -> float:
        return self._clock.reading_s(self._timeline.now_s + 1e-9)

    def _bring_kernel_in_line(self) -> None:
        if self.group is None:
            return
        for name, member in self.members.items():
            hold_until_s = self.group.members[name].hold_until_s
            if hold_until_s != member.fence_s:
                member.fence_s = hold_until_s
                member.answering.write(hold_until_s, self._timeline.now_s)
            if hold_until_s is not None:
                member.in_kernel = True
            elif member.in_kernel:
                delay_s = REMOVAL_S * self._random.random()
                self._timeline.after(delay_s, lambda name=name: self._removed(name))  # type: ignore[misc]

    def _removed(self, name: str) -> None:
        member = self.members[name]
        if self.is_running and member.in_kernel and member.fence_s is None:
            member.in_kernel = False
            self.tell(name, Withdrawn())
