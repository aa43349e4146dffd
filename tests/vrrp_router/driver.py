"""One router on a clock that the test moves. What it sends leaves at once, unless `sends` is off."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from vrrp_compat.router.effects import Announce, Decided, Effect, Finished, Noticed, RouterStatus, SendAdvert
from vrrp_compat.router.events import AdvertHeard, AdvertSent, Event, SendFailed, Started, TimePassed
from vrrp_compat.router.machine import VirtualRouter
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.states import State
from vrrp_compat.wire.advertisement import Advertisement

LOW, OWN, HIGH = (bytes((10, 0, 0, n)) for n in (1, 100, 200))
SETTINGS = RouterSettings(
    name="web", version=3, vrid=7, address=OWN, addresses=(bytes((10, 0, 0, 50)),), priority=100
)
START_S = 1000.0


class Driver:
    """Steps a router and keeps what it asked for."""

    def __init__(self, settings: RouterSettings = SETTINGS, *, sends: bool = True) -> None:
        self.settings = settings
        self.router = VirtualRouter(settings)
        self.now_s = START_S
        self.sends = sends
        self.said: list[tuple[float, Effect]] = []

    def state(self) -> State:
        return self.router.state

    def reason(self) -> RouterReason:
        return self.router.reason

    def hold_until_s(self) -> float | None:
        return self.router.hold_until_s

    def next_deadline(self) -> float | None:
        return self.router.next_deadline()

    def status(self) -> RouterStatus:
        return self.router.status(self.now_s)

    def step(self, event: Event) -> list[Effect]:
        effects = self.router.step(event, self.now_s)
        self.said += [(self.now_s, effect) for effect in effects]
        for effect in effects:
            if isinstance(effect, SendAdvert):
                told = AdvertSent(effect.advertisement, self.now_s) if self.sends else SendFailed("no buffer")
                self.step(told)
        return effects

    def start(self, adopted_until_s: float | None = None) -> list[Effect]:
        return self.step(Started(adopted_until_s))

    def hear(self, priority: int, source: bytes = HIGH, interval_cs: int | None = None) -> list[Effect]:
        own = self.settings
        advert = Advertisement(own.version, own.vrid, priority, interval_cs or own.interval_cs, own.addresses)
        return self.step(AdvertHeard(advert, source))

    def run_until(self, time_s: float) -> None:
        """Let the timers ring."""
        while (due_s := self.router.next_deadline()) is not None and due_s <= time_s:
            self.now_s = max(due_s, self.now_s)
            self.step(TimePassed())
        self.now_s = time_s

    def run(self, length_s: float) -> None:
        self.run_until(self.now_s + length_s)

    def run_to_master(self) -> float:
        """Until it is master; how long that took."""
        since_s = self.now_s
        while self.state() is not State.MASTER:
            due_s = self.router.next_deadline()
            assert due_s is not None, "it waits for nothing"
            self.run_until(due_s)
        return self.now_s - since_s

    def adverts(self) -> list[tuple[float, int]]:
        """When it sent what priority, from the start on."""
        return [
            (round(at_s - START_S, 6), effect.advertisement.priority)
            for at_s, effect in self.said
            if isinstance(effect, SendAdvert)
        ]

    def decided(self) -> list[tuple[State, RouterReason]]:
        return [(e.state, e.reason) for _, e in self.said if isinstance(e, Decided)]

    def noticed(self) -> list[RouterReason]:
        return [e.reason for _, e in self.said if isinstance(e, Noticed)]

    def finished(self) -> Finished | None:
        return next((e for _, e in self.said if isinstance(e, Finished)), None)


def a_master(settings: RouterSettings = SETTINGS) -> Driver:
    """One that took over from nobody, and holds."""
    driver = Driver(settings)
    driver.start()
    driver.run_to_master()
    driver.said.clear()
    return driver


def a_backup(**changes: object) -> Driver:
    """One that has just been started."""
    driver = Driver(replace(SETTINGS, **changes))
    driver.start()
    return driver


def sends(effects: Sequence[Effect]) -> list[int]:
    """The priorities of the advertisements among these."""
    return [e.advertisement.priority for e in effects if isinstance(e, SendAdvert)]


def announces(effects: Sequence[Effect]) -> bool:
    return any(isinstance(e, Announce) for e in effects)
