"""A sync group of two on a clock that the test moves: `out` on one segment, `in` on another one."""

from __future__ import annotations

from msgspec.structs import replace

from tests.vrrp_router.driver import HIGH, SETTINGS, START_S
from vrrp_compat.router.effects import Decided, Effect, SendAdvert
from vrrp_compat.router.events import (
    AdvertHeard,
    AdvertSent,
    Event,
    FitnessChanged,
    SendFailed,
    Started,
    TimePassed,
    Withdrawn,
)
from vrrp_compat.router.group import RouterGroup
from vrrp_compat.router.machine import VirtualRouter
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State
from vrrp_compat.wire.advertisement import Advertisement

OUT, IN = "out", "in"
MEMBERS = (OUT, IN)


class GroupDriver:
    """Steps the group and keeps what its members asked for. Who is in `mute` cannot send."""

    def __init__(self, *, starts: tuple[str, ...] = MEMBERS, **changes: object) -> None:
        self.now_s = START_S
        self.mute: set[str] = set()
        self.said: list[tuple[float, str, Effect]] = []
        self.settings = {
            name: replace(SETTINGS, **{"name": name, "vrid": vrid, **changes})
            for vrid, name in enumerate(MEMBERS, start=7)
        }
        self.routers = {name: VirtualRouter(settings) for name, settings in self.settings.items()}
        self.group = RouterGroup("lb", self.routers, 1.0)
        self._keep(self.group.begin({}, self.now_s))
        for name in starts:
            self.step(name, Started())

    def step(self, name: str, event: Event) -> None:
        self._keep(self.group.step(name, event, self.now_s))

    def _keep(self, effects: list[tuple[str, Effect]]) -> None:
        self.said += [(self.now_s, name, effect) for name, effect in effects]
        for name, effect in effects:
            if isinstance(effect, SendAdvert):
                sent = AdvertSent(effect.advertisement, self.now_s)
                self.step(name, SendFailed("no buffer") if name in self.mute else sent)
        for name, router in self.routers.items():
            if router.hold_until_s is None and router.state is not State.MASTER:
                self._withdrawn(name)

    def _withdrawn(self, name: str) -> None:
        for effect in self.routers[name].step(Withdrawn(), self.now_s):
            self.said.append((self.now_s, name, effect))

    def hear(self, name: str, priority: int, source: bytes = HIGH) -> None:
        own = self.settings[name]
        advert = Advertisement(own.version, own.vrid, priority, own.interval_cs, own.addresses)
        self.step(name, AdvertHeard(advert, source))

    def unfit(self, name: str, reason: RouterReason | None) -> None:
        self.step(name, FitnessChanged(reason, "eth1" if reason else ""))

    def run(self, length_s: float) -> None:
        """Let the timers ring."""
        end_s = self.now_s + length_s
        while True:
            due = {name: self.routers[name].next_deadline() or float("inf") for name in MEMBERS}
            name = min(due, key=lambda each: due[each])
            if due[name] > end_s:
                break
            self.now_s = max(self.now_s, due[name])
            self.step(name, TimePassed())
        self.now_s = end_s

    def run_hearing(self, length_s: float, **priorities: int) -> None:
        """The same, while these members hear a master every half second."""
        for _ in range(round(length_s / 0.5)):
            for name, priority in priorities.items():
                self.hear({"out": OUT, "inside": IN}[name], priority)
            self.run(0.5)

    def states(self) -> tuple[State, State]:
        return self.routers[OUT].state, self.routers[IN].state

    def reason(self, name: str) -> RouterReason:
        return self.routers[name].reason

    def answers(self) -> tuple[bool, bool]:
        held = {name: router.hold_until_s for name, router in self.routers.items()}
        out, inside = ((until_s or 0.0) > self.now_s for until_s in (held[OUT], held[IN]))
        return out, inside

    def adverts(self, name: str) -> list[tuple[float, int]]:
        return [
            (round(at_s - START_S, 3), effect.advertisement.priority)
            for at_s, whose, effect in self.said
            if whose == name and isinstance(effect, SendAdvert)
        ]

    def decided(self, name: str) -> list[RouterReason]:
        return [
            effect.reason for _, whose, effect in self.said if whose == name and isinstance(effect, Decided)
        ]


def a_master_group(**changes: object) -> GroupDriver:
    """One that took over from nobody."""
    driver = GroupDriver(**changes)  # type: ignore[arg-type]
    driver.run(3.7)
    assert driver.answers() == (True, True)
    driver.said.clear()
    return driver
