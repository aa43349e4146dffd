"""Hosts with a sync group on two or three segments, and what befalls them: all of it drawn from one seed.

Two properties: once all is well, one host answers for every member and nobody else for any; and at no time
are the members split between hosts for longer than a hand-over takes, whatever is lost on one segment.
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable
from random import Random

from tests.simulation.clocks import HostClock
from tests.simulation.timeline import Timeline
from tests.vrrp_router.group_host import CARRIER_S, GroupHost
from tests.vrrp_router.our_host import PAUSE_S
from tests.vrrp_router.segment import Segment
from tests.vrrp_router.verdict import RAISED, UNSETTLED, Verdict
from vrrp_compat.router.events import ReleaseAsked, WeightChanged
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.timers import master_down_s

FAULTS_END = 40  # intervals
SPLIT = "split"


class GroupWorld:
    """One run."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.timeline = Timeline()
        self.interval_cs = random.choice((10, 100))
        self.interval_s = self.interval_cs / 100
        self.lossless = random.random() < 0.7
        count = random.choice((2, 2, 3))
        delay_s = min(self.interval_s / 20, 0.002) * random.choice((0.1, 1.0))
        self.segments = [Segment(self.timeline, random, delay_s) for _ in range(count)]
        for segment in self.segments:
            segment.duplication = random.choice((0.0, 0.2))
            if not self.lossless:
                segment.loss = random.choice((0.0, 0.02, 0.3))
        preempt = random.random() < 0.7
        self.hosts = [
            self._draw_host(number, preempt=preempt) for number in range(1, random.choice((2, 3)) + 1)
        ]

    def _draw_host(self, number: int, *, preempt: bool) -> GroupHost:
        random = self.random
        priority = random.choice((50, 100, 100, 150, 254))
        places = [
            (
                RouterSettings(
                    name=f"m{at}",
                    version=3,
                    vrid=7 + at,
                    address=bytes((10, at, 0, random.randrange(1, 25) * 10 + number)),
                    addresses=(bytes((10, at, 0, 1)),),
                    priority=priority,
                    interval_cs=self.interval_cs,
                    preempt=preempt,
                ),
                segment,
            )
            for at, segment in enumerate(self.segments)
        ]
        clock = HostClock(0.0, random.uniform(0.0, 1e5), random.uniform(0.999, 1.001))
        host = GroupHost(self.timeline, clock, random, places)
        for member in host.members.values():
            member.segment.stations.append(member)
        self.timeline.at(random.choice((0.0, random.random() * 5 * self.interval_s)), host.start)
        return host

    @property
    def longest_down_s(self) -> float:
        return master_down_s(3, 1, self.interval_cs)

    def run_for(self, length_s: float) -> None:
        self.timeline.run_until(self.timeline.now_s + length_s)

    def plan_faults(self) -> None:
        for _ in range(self.random.randrange(3, 9)):
            at_s = self.random.uniform(5, FAULTS_END - 2) * self.interval_s
            act = self.random.choice(ACTS if self.lossless else (*ACTS, *LOSSY_ACTS))
            self.timeline.at(at_s, lambda act=act: act(self))  # type: ignore[misc]

    def mend(self) -> None:
        for segment in self.segments:
            segment.loss, segment.apart = 0.0, frozenset()
        for host in self.hosts:
            host.mend()

    def master(self) -> GroupHost:
        masters = [host for host in self.hosts if host.is_master]
        return self.random.choice(masters or self.hosts)

    def some_length_s(self) -> float:
        return self.random.choice((0.3, 2.0, 5.0, 8.0)) * self.random.random() * self.interval_s


def kill(world: GroupWorld) -> None:
    host = world.master()
    host.kill()
    world.timeline.after(world.some_length_s(), host.start)


def freeze(world: GroupWorld) -> None:
    world.master().freeze(world.some_length_s())


def stop(world: GroupWorld) -> None:
    host = world.master()
    host.stop(keep=world.random.random() < 0.3)
    world.timeline.after(world.some_length_s() + 0.02, host.start)


def unplug(world: GroupWorld) -> None:
    host = world.random.choice((world.master(), world.random.choice(world.hosts)))
    name = world.random.choice(sorted(host.members))
    host.plug(name, plugged=False)
    world.timeline.after(CARRIER_S + world.some_length_s(), lambda: host.plug(name, plugged=True))


def mute(world: GroupWorld) -> None:
    member = world.random.choice(list(world.master().members.values()))
    member.is_mute = True
    world.timeline.after(2 * world.some_length_s(), lambda: setattr(member, "is_mute", False))


def weigh(world: GroupWorld) -> None:
    world.random.choice(world.hosts).tell_all(WeightChanged(world.random.choice((-60, -5, 0, 5, 60))))


def release(world: GroupWorld) -> None:
    host = world.master()
    host.tell(world.random.choice(sorted(host.members)), ReleaseAsked())


def part(world: GroupWorld) -> None:
    """One segment falls apart, and no interface shows it."""
    segment = world.random.choice(world.segments)
    addresses = [station.address for station in segment.stations]
    segment.apart = frozenset(world.random.sample(addresses, world.random.randrange(1, len(addresses))))
    world.timeline.after(2 * world.some_length_s(), lambda: setattr(segment, "apart", frozenset()))


Act = Callable[[GroupWorld], None]
ACTS: tuple[Act, ...] = (kill, freeze, stop, unplug, unplug, mute, weigh, release)
LOSSY_ACTS: tuple[Act, ...] = (part, part)


def judge_groups(seed: int) -> Verdict:
    """One schedule."""
    world = GroupWorld(seed)
    try:
        world.plan_faults()
        world.run_for(FAULTS_END * world.interval_s)
        split = find_split(world)
        world.mend()
        unsettled = settle(world)
    except Exception:  # noqa: BLE001  a group must never raise: whatever it raised is the finding
        return Verdict(RAISED, traceback.format_exc())
    if split is not None:
        return Verdict(SPLIT, split)
    return Verdict(UNSETTLED, unsettled) if unsettled is not None else Verdict(None)


def settle(world: GroupWorld) -> str | None:
    """After the longest sensible time: one host answers for every member, and nobody else."""
    world.run_for(3 * world.longest_down_s + 6 * world.interval_s + 0.1)
    for _ in range(4):
        world.run_for(world.interval_s)
        answering = [sorted(_answering(world, name, world.timeline.now_s)) for name in world.hosts[0].members]
        if any(each != answering[0] or len(each) != 1 for each in answering):
            return f"at {world.timeline.now_s:.3f}: {answering}"
    return None


def _answering(world: GroupWorld, name: str, at_s: float) -> set[int]:
    return {
        number for number, host in enumerate(world.hosts) if host.members[name].answering.answers_at(at_s)
    }


def find_split(world: GroupWorld) -> str | None:
    """The first time that members were answered for by different hosts for too long."""
    spans = [span for h in world.hosts for m in h.members.values() for span in m.answering.spans()]
    edges_s = sorted({edge for span in spans for edge in (span.start_s, span.end_s)})
    began_s: float | None = None
    for start_s, end_s in itertools.pairwise(edges_s):
        sets = [_answering(world, name, (start_s + end_s) / 2) for name in world.hosts[0].members]
        split = any(one and other and not one & other for one, other in itertools.combinations(sets, 2))
        began_s = (start_s if began_s is None else began_s) if split else None
        if began_s is not None and end_s - began_s > hand_over_s(world):
            return f"{began_s:.4f} to {end_s:.4f}: {sets}"
    return None


def hand_over_s(world: GroupWorld) -> float:
    """An advertisement there, and what processes take to look at it."""
    return 2 * (world.segments[0].delay_s + 8 * PAUSE_S) + CARRIER_S
