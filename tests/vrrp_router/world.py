"""Routers on a segment, and what befalls them: all of it drawn from one seed.

Rules of this file: lengths are multiples of the advertisement interval, so that every schedule is as eventful
at 10 ms as at a second; most faults strike a master of ours, because that is where they hurt.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from msgspec.structs import replace

from tests.simulation.clocks import HostClock
from tests.simulation.timeline import Timeline
from tests.vrrp_router.neighbour import Neighbour
from tests.vrrp_router.our_host import OurHost
from tests.vrrp_router.segment import Segment
from vrrp_compat.router.events import FitnessChanged, Reconfigured, ReleaseAsked, WeightChanged
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.timers import master_down_s

FAULTS_END = 40  # intervals


class World:
    """One run."""

    def __init__(self, seed: int, *, lossless: bool | None = None) -> None:
        self.random = random = Random(seed)
        self.timeline = Timeline()
        self.version = random.choice((2, 3, 3))
        self.interval_cs = 100 if self.version == 2 else random.choice((1, 10, 100))
        self.interval_s = self.interval_cs / 100
        self.intervals_differ = False  # or did at some time
        self.lossless = random.random() < 0.6 if lossless is None else lossless
        delay_s = min(self.interval_s / 20, 0.002) * random.choice((0.1, 1.0))
        self.segment = Segment(self.timeline, random, delay_s)
        self.segment.duplication = random.choice((0.0, 0.2))
        if not self.lossless:
            self.segment.loss = random.choice((0.0, 0.02, 0.3))
        preempt, with_neighbours = random.random() < 0.7, random.random() < 0.3
        self.ours: list[OurHost] = []
        self.neighbours: list[Neighbour] = []
        for number in range(1, random.choice((2, 3, 3, 4)) + 1):
            settings = self._draw_settings(number, preempt=preempt)
            if with_neighbours and number % 2 == 0:
                self._add_neighbour(settings)
            else:
                self._add_host(settings)
        self.delay_s = max(host.settings.preempt_delay_s for host in self.ours)

    def _draw_settings(self, number: int, *, preempt: bool) -> RouterSettings:
        random = self.random
        return RouterSettings(
            name=f"r{number}",
            version=self.version,
            vrid=7,
            address=bytes((10, 0, 0, random.randrange(1, 25) * 10 + number)),
            addresses=(bytes((10, 0, 0, 1)),),
            priority=random.choice((50, 100, 100, 150, 254, 255)),
            interval_cs=self.interval_cs,
            preempt=preempt,
            preempt_delay_s=random.choice((0.0, 0.0, 2.5)) * self.interval_s,
        )

    def _add_host(self, settings: RouterSettings) -> None:
        clock = HostClock(0.0, self.random.uniform(0.0, 1e5), self.random.uniform(0.999, 1.001))
        host = OurHost(self.timeline, self.segment, clock, self.random, settings)
        self.ours.append(host)
        self.segment.stations.append(host)
        self.timeline.at(self.random.choice((0.0, self.random.random() * 5 * self.interval_s)), host.start)

    def _add_neighbour(self, settings: RouterSettings) -> None:
        asserts = self.random.random() < 0.5
        neighbour = Neighbour(self.timeline, self.segment, settings, asserts=asserts)
        self.neighbours.append(neighbour)
        self.segment.stations.append(neighbour)
        self.timeline.at(self.random.random() * 5 * self.interval_s, neighbour.start)

    @property
    def stations(self) -> list[OurHost | Neighbour]:
        return [*self.ours, *self.neighbours]

    @property
    def longest_down_s(self) -> float:
        """Anybody's Master_Down."""
        return max(master_down_s(self.version, 1, 2 * self.interval_cs), 4 * self.interval_s)

    def run_for(self, length_s: float) -> None:
        self.timeline.run_until(self.timeline.now_s + length_s)

    def mend(self) -> None:
        """The segment is whole again, and everybody runs."""
        self.segment.loss, self.segment.apart = 0.0, frozenset()
        for host in self.ours:
            host.mend()
        for neighbour in self.neighbours:
            neighbour.start()

    def plan_faults(self) -> None:
        """Three to eight faults, of all kinds."""
        acts = [*ACTS, *(() if self.lossless else LOSSY_ACTS)]
        for _ in range(self.random.randrange(3, 9)):
            at_s = self.random.uniform(2, FAULTS_END - 2) * self.interval_s
            act = self.random.choice(acts)
            self.timeline.at(at_s, lambda act=act: act(self))  # type: ignore[misc]

    def some_length_s(self) -> float:
        return self.random.choice((0.3, 2.0, 3.0, 5.0, 8.0)) * self.random.random() * self.interval_s

    def master(self) -> OurHost:
        """Where faults hurt: a master of ours if there is one."""
        masters = [host for host in self.ours if host.is_master and host.is_running]
        return self.random.choice(masters or self.ours)


def kill(world: World) -> None:
    host = world.master()
    host.kill()
    world.timeline.after(world.some_length_s(), host.start)


def freeze(world: World) -> None:
    world.master().freeze(world.some_length_s())


def freeze_anybody(world: World) -> None:
    world.random.choice(world.ours).freeze(world.some_length_s())


def freeze_mid_send(world: World) -> None:
    world.master().freeze_mid_send_s = world.some_length_s()


def freeze_after_send_and_die(world: World) -> None:
    host = world.master()
    length_s = world.some_length_s()
    host.freeze_after_send_s = length_s
    world.timeline.after(2 * length_s + 5 * world.interval_s, host.start)


def stop(world: World) -> None:
    host = world.master()
    host.stop(keep=world.random.random() < 0.3)
    world.timeline.after(world.some_length_s() + 0.02, host.start)


def outage(world: World) -> None:
    host = world.master()
    host.tell(FitnessChanged(RouterReason.CHECK_FAILED))
    world.timeline.after(world.some_length_s(), lambda: host.tell(FitnessChanged(None)))


def weigh(world: World) -> None:
    host = world.random.choice(world.ours)
    host.tell(WeightChanged(world.random.choice((-60, -5, 0, 5, 60))))


def release(world: World) -> None:
    world.master().tell(ReleaseAsked())


def change_interval(world: World) -> None:
    """A reload everywhere, one host after the other. Version 2 would discard what differs meanwhile."""
    if world.version == 2 or world.neighbours:
        return
    interval_cs = world.random.choice((world.interval_cs, 2 * world.interval_cs))
    world.intervals_differ |= interval_cs != world.ours[0].settings.interval_cs
    for host in world.ours:
        host.settings = replace(host.settings, interval_cs=interval_cs)
        told = Reconfigured(host.settings)
        world.timeline.after(
            world.random.random() * world.interval_s,
            lambda host=host, told=told: host.tell(told),  # type: ignore[misc]
        )


def lose_a_neighbour(world: World) -> None:
    if world.neighbours:
        neighbour = world.random.choice(world.neighbours)
        world.random.choice((neighbour.kill, neighbour.stop))()
        world.timeline.after(world.some_length_s(), neighbour.start)


def part(world: World) -> None:
    addresses = [station.address for station in world.segment.stations]
    count = world.random.randrange(1, len(addresses))
    world.segment.apart = frozenset(world.random.sample(addresses, count))
    world.timeline.after(2 * world.some_length_s(), lambda: setattr(world.segment, "apart", frozenset()))


Act = Callable[[World], None]
ACTS: tuple[Act, ...] = (
    kill,
    freeze,
    freeze_anybody,
    freeze_mid_send,
    freeze_after_send_and_die,
    stop,
    outage,
    weigh,
    release,
    change_interval,
    lose_a_neighbour,
)
LOSSY_ACTS: tuple[Act, ...] = (part, part)
