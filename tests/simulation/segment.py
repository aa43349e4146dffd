"""The way between the agents and the store: each message has a fate, drawn for it or forced on it by a fault.

Rules of this file:

- The store itself is the reference map; only the way to it and back is unreliable.
- A request that is late is carried out when it arrives, whoever has given it up or died meanwhile.
- While the way is barred a message is lost, or waits until the way is free, as retransmission makes it.
- A watch delivers in order, late perhaps, but never later than its heartbeat: then it breaks, and the agent
  hears so. Once broken it delivers nothing more.
- A restored store has been down: what was on its way has died with its connections.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from backends.memory import MemoryMap
from backends.store import Changed, Committed, Conflict, Snapshot, Transaction, WatchLost
from tests.simulation.faults import Phase
from tests.simulation.schedule import Weather
from tests.simulation.timeline import Timeline


@dataclass(slots=True)
class Fate:
    """What becomes of one request and its reply; None: lost."""

    request_s: float | None
    reply_s: float | None


# Sees every transaction at each phase of its life, and may change what is still to come.
Onlooker = Callable[[int, Transaction, Phase, Fate], None]


class Watch:
    """One host's watch."""

    def __init__(
        self, host: int, on_change: Callable[[Changed], None], on_lost: Callable[[str], None]
    ) -> None:
        self.host = host
        self.broken = False
        self.delivered_until_s = 0.0
        self.on_change = on_change
        self.on_lost = on_lost
        self._on_their_way: deque[Changed] = deque()

    def send(self, changed: Changed) -> None:
        """A change leaves the store."""
        self._on_their_way.append(changed)

    def arrive(self) -> None:
        """The oldest change that is on its way reaches the host."""
        if not self.broken and self._on_their_way:
            self.on_change(self._on_their_way.popleft())

    def deliver_all(self) -> None:
        """So do all of them."""
        while self._on_their_way:
            self.arrive()


class Segment:
    """Carries requests, replies and changes."""

    def __init__(
        self, timeline: Timeline, store: MemoryMap, weather: Weather, heartbeat_s: float, random: Random
    ) -> None:
        self._timeline = timeline
        self._store = store
        self._heartbeat_s = heartbeat_s
        self._random = random
        self._barred_until_s: dict[int | None, float] = {}  # None: everybody
        self._stalled_until_s: dict[int, float] = {}
        self._watches: list[Watch] = []
        self._connections = 0  # counts the times that all of them were cut
        self.weather = weather
        self.onlooker: Onlooker = _look_away
        store.listen(self._hear)

    def commit(
        self, host: int, transaction: Transaction, on_reply: Callable[[Committed | Conflict], None]
    ) -> None:
        """Send a transaction."""
        fate = Fate(self._draw_request_s(), self._draw_delay_s())
        self.onlooker(host, transaction, Phase.SENT, fate)

        def arrive() -> None:
            outcome = self._store.commit(transaction)
            self.onlooker(host, transaction, Phase.STORED, fate)

            def answer() -> None:
                self.onlooker(host, transaction, Phase.ANSWERED, fate)
                on_reply(outcome)

            self._travel(host, fate.reply_s, answer)

        self._travel(host, fate.request_s, arrive)

    def read(self, host: int, prefix: str, on_reply: Callable[[Snapshot], None]) -> None:
        """Ask for all records below a prefix."""
        reply_s = self._draw_delay_s()

        def arrive() -> None:
            snapshot = self._store.snapshot(prefix)
            self._travel(host, reply_s, lambda: on_reply(snapshot))

        self._travel(host, self._draw_delay_s(), arrive)

    def watch(self, watch: Watch, prefix: str, after_revision: int) -> None:
        """Begin a watch; it hears of every change after the revision, or that it is lost."""
        delay_s = self._draw_delay_s()
        if delay_s is None:
            self._timeline.after(self.weather.spike_s, lambda: watch.on_lost("no answer"))
            return

        def arrive() -> None:
            missed = self._store.changes_after(prefix, after_revision)
            if missed is None or self._store.revision < after_revision:
                self._travel(watch.host, self.weather.delay_s, lambda: watch.on_lost("compacted"))
                return
            self._watches.append(watch)
            for changed in missed:
                self._deliver(watch, changed)

        self._travel(watch.host, delay_s, arrive)

    def bar(self, host: int | None, until_s: float) -> None:
        """Nothing passes between a host (None: anyone) and the store until then."""
        self._barred_until_s[host] = max(until_s, self._barred_until_s.get(host, 0.0))

    def stall_watch(self, host: int, until_s: float) -> None:
        """Changes reach the host after that time only."""
        self._stalled_until_s[host] = until_s

    def break_watches(self, host: int | None, noticed_after_s: float) -> None:
        """Watches of a host (None: of all) deliver nothing more, and the agents hear so after a time."""
        for watch in tuple(self._watches):
            if host is None or watch.host == host:
                self._break(watch, min(noticed_after_s, self._heartbeat_s))

    def _break(self, watch: Watch, noticed_after_s: float) -> None:
        self.forget(watch)
        self._timeline.after(noticed_after_s, partial(watch.on_lost, "broken"))

    def shut(self, until_s: float) -> None:
        """The store goes down in good order until then: its last changes are delivered, all else dies."""
        for watch in tuple(self._watches):
            watch.deliver_all()
        self._connections += 1
        self.break_watches(None, self._random.random() * self.weather.delay_s)
        self.bar(None, until_s)

    def forget(self, watch: Watch) -> None:
        """End a watch without a word."""
        watch.broken = True
        if watch in self._watches:
            self._watches.remove(watch)

    def calm(self, weather: Weather) -> None:
        """All ways are free from now on."""
        self.weather = weather
        self._barred_until_s.clear()
        self._stalled_until_s.clear()

    def _travel(self, host: int, delay_s: float | None, arrive: Callable[[], None]) -> None:
        if delay_s is None:
            return
        timeline, connections = self._timeline, self._connections

        def at_the_door() -> None:
            if connections != self._connections:
                return
            barred = self._barred_until_s
            until_s = max(barred.get(host, 0.0), barred.get(None, 0.0)) if barred else 0.0
            if until_s <= timeline.now_s:
                arrive()
            elif self._random.random() < 0.5:
                timeline.at(until_s + self._random.random() * self.weather.delay_s, at_the_door)

        timeline.after(delay_s, at_the_door)

    def _draw_request_s(self) -> float | None:
        weather, random = self.weather, self._random
        if weather.late_chance and random.random() < weather.late_chance:
            return random.random() * weather.late_s
        return self._draw_delay_s()

    def _draw_delay_s(self) -> float | None:
        weather, random = self.weather, self._random
        chance = random.random()
        if chance < weather.loss_chance:
            return None
        if chance < weather.loss_chance + weather.spike_chance:
            return random.random() * weather.spike_s
        return random.random() * weather.delay_s

    def _hear(self, news: Changed | WatchLost) -> None:
        if isinstance(news, WatchLost):
            return  # its watches broke when it went down
        for watch in tuple(self._watches):
            self._deliver(watch, news)

    def _deliver(self, watch: Watch, changed: Changed) -> None:
        now_s = self._timeline.now_s
        barred = self._barred_until_s
        free_s = max(
            barred.get(watch.host, 0.0), barred.get(None, 0.0), self._stalled_until_s.get(watch.host, 0.0)
        )
        delay_s = self._draw_delay_s()
        if delay_s is None:  # retransmitted: a stream loses nothing, it is late
            delay_s = self.weather.spike_s
        watch.delivered_until_s = max(watch.delivered_until_s, max(now_s, free_s) + delay_s)
        if watch.delivered_until_s > now_s + self._heartbeat_s:
            self._break(watch, self._heartbeat_s)
            return
        watch.send(changed)
        self._timeline.at(watch.delivered_until_s, watch.arrive)


def _look_away(host: int, transaction: Transaction, phase: Phase, fate: Fate) -> None:
    """Nobody looks."""
