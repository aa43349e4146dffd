"""The way between the agents: datagrams that may be lost, late, doubled, or repeated by somebody much later.

Rules of this file: it carries messages whole or not at all; a host that is silenced neither sends nor hears.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.simulation.schedule import Weather
from tests.simulation.timeline import Timeline
from vipkeeper.model.messages import Message

Hear = Callable[[int, Message, str], None]  # to a host: a message, and where an answer goes


@dataclass(frozen=True, slots=True)
class Slow:
    """What a host sends until a time arrives so much later."""

    until_s: float
    by_s: float


def address_of(host: int) -> str:
    """Where a host is asked."""
    return f"host{host}:1"


class Datagrams:
    """Between all hosts of a world."""

    def __init__(self, timeline: Timeline, weather: Weather, random: Random, hear: Hear) -> None:
        self._timeline = timeline
        self._random = random
        self._hear = hear
        self._silent_until_s: dict[int, float] = {}
        self._slow: dict[int, Slow] = {}
        self.weather = weather

    def send(self, host: int, address: str, message: Message) -> None:
        """A datagram leaves a host."""
        to = int(address.removeprefix("host").removesuffix(":1"))
        slow = self._slow.get(host)
        late_s = slow.by_s if slow is not None and self._timeline.now_s < slow.until_s else 0.0
        for delay_s in self._draw_delays_s():
            self._timeline.after(delay_s + late_s, lambda: self._arrive(host, to, message))

    def silence(self, host: int, until_s: float) -> None:
        """Nothing passes to or from a host until then."""
        self._silent_until_s[host] = max(until_s, self._silent_until_s.get(host, 0.0))

    def slow_down(self, host: int, until_s: float, by_s: float) -> None:
        """What the host sends until then is late."""
        self._slow[host] = Slow(until_s, by_s)

    def calm(self, weather: Weather) -> None:
        """All ways are free from now on."""
        self.weather = weather
        self._silent_until_s.clear()
        self._slow.clear()

    def _arrive(self, sender: int, to: int, message: Message) -> None:
        silent = self._silent_until_s
        if silent and max(silent.get(sender, 0.0), silent.get(to, 0.0)) > self._timeline.now_s:
            return
        self._hear(to, message, address_of(sender))

    def _draw_delays_s(self) -> tuple[float, ...]:
        """When each copy arrives."""
        weather, random = self.weather, self._random
        if weather.loss_chance and random.random() < weather.loss_chance:
            return ()
        delay_s = random.random() * weather.delay_s
        if weather.spike_chance and random.random() < weather.spike_chance:
            delay_s = random.random() * weather.spike_s
        if weather.late_chance and random.random() < weather.late_chance:
            return (delay_s, delay_s + random.random() * weather.late_s)
        return (delay_s,)
