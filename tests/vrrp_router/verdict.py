"""Runs a schedule to its end and says which property broke, if any.

Two of ours may answer at the same time:
- between a take-over and the moment when the other one hears of it (HAND_OVER: a delay there and back),
  as long as both live;
- when an advertisement was lost, in the time in which somebody counts on it;
- when a router dies or freezes within a HAND_OVER of somebody's take-over: who takes over then has reason
  to believe that it yields;
- when a router of priority 255 starts or recovers, which waits for nobody, also for none who just died; and
  for as long as others count on its word, or on that of a neighbour of another make, that it is master now;
- when a router thaws and takes advertisements for fresh that waited for it;
- when a router that just began to listen has a shorter interval than a dead master that it never heard.
Nothing else may: not the death, not the freezing, not the return of anybody.
"""

from __future__ import annotations

import itertools
import traceback
from dataclasses import dataclass

from tests.vrrp_router.neighbour import Neighbour
from tests.vrrp_router.our_host import PAUSE_S, REMOVAL_S, OurHost
from tests.vrrp_router.spans import Span
from tests.vrrp_router.world import FAULTS_END, World
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.timers import skew_s
from vrrp_compat.wire.advertisement import PRIORITY_OWNER

DOUBLE_ANSWER = "two answer"
RAISED = "raised"
UNSETTLED = "unsettled"
WRONG_MASTER = "a better one waits"
SLOW = "slow hand-over"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended. `broken` is None or one of the names above."""

    broken: str | None
    detail: str = ""


def judge(seed: int, *, lossless: bool | None = None) -> Verdict:
    """Carry out the schedule of a seed."""
    world = World(seed, lossless=lossless)
    world.plan_faults()
    try:
        world.run_for(FAULTS_END * world.interval_s)
        double = find_double(world)
        world.mend()
        unsettled = settle(world)
        wrong = None if unsettled else find_better(world)
        slow = None if unsettled else leave(world)
    except Exception:  # noqa: BLE001  a router must never raise: whatever it raised is the finding
        return Verdict(RAISED, traceback.format_exc())
    if double is not None:
        return Verdict(DOUBLE_ANSWER, double)
    for broken, detail in ((UNSETTLED, unsettled), (WRONG_MASTER, wrong), (SLOW, slow)):
        if detail is not None:
            return Verdict(broken, detail)
    return Verdict(None)


def settle(world: World) -> str | None:
    """After the longest sensible time: one master, which answers, and nobody else."""
    # Somebody takes over; the best one waits for its preempt_delay, its Master_Down, and one advertisement.
    world.run_for(2 * world.longest_down_s + world.delay_s + 4 * world.interval_s + 0.1)
    for _ in range(4):
        world.run_for(world.interval_s)
        now_s = world.timeline.now_s
        masters = [station.settings.name for station in world.stations if station.is_master]
        answering = [h.settings.name for h in world.ours if h.answering.answers_at(now_s)]
        answering += [n.settings.name for n in world.neighbours if n.answers]
        if len(masters) != 1 or answering != masters:
            return f"at {now_s:.3f}: masters {masters}, answering {answering}"
    return None


def find_better(world: World) -> str | None:
    """Of ours, one that preempts and has a higher priority than the master, and was not asked to wait."""
    master = next((station for station in world.stations if station.is_master), None)
    if master is None:
        return None
    for host in world.ours:
        if host.router is None or host.router.reason is RouterReason.RELEASED:
            continue
        priority = host.router.status(world.timeline.now_s).priority
        if (host.settings.preempt or priority == PRIORITY_OWNER) and priority > _priority(world, master):
            return f"{host.settings.name} with {priority} leaves it to {master.settings.name}"
    return None


def _priority(world: World, station: OurHost | Neighbour) -> int:
    if isinstance(station, OurHost) and station.router is not None:
        return station.router.status(world.timeline.now_s).priority
    return station.settings.priority


def leave(world: World) -> str | None:
    """A master of ours that stops in good order is followed after the skew time."""
    master = next((host for host in world.ours if host.is_master), None)
    others = [station for station in world.stations if station is not master]
    if master is None or not others:
        return None
    patience_s, world.segment.delay_s = 3 * hand_over_s(world), 0.0  # so that it is the last one heard of it
    world.run_for(patience_s)
    if not master.is_master:
        return None
    master.stop(keep=False)
    worst = min(_priority(world, other) for other in others)
    skew = skew_s(world.version, worst, 2 * world.interval_cs)
    waited_s = REMOVAL_S + skew + patience_s
    world.run_for(waited_s)
    if any(other.is_master for other in others):
        return None
    return f"nobody followed {master.settings.name} within {waited_s:.4f} s"


def hand_over_s(world: World) -> float:
    """An advertisement there and one back, and what processes take to look at them."""
    return 2 * (world.segment.delay_s + 8 * PAUSE_S)


def find_double(world: World) -> str | None:
    """Two of ours that answered at once without an excuse."""
    for one, other in itertools.permutations(world.ours, 2):
        for earlier, later in itertools.product(one.answering.spans(), other.answering.spans()):
            end_s = min(earlier.end_s, later.end_s, world.timeline.now_s)
            if earlier.start_s <= later.start_s < end_s and not _excused(world, one, other, later, end_s):
                return (
                    f"{one.settings.name} {earlier.start_s:.4f}-{earlier.end_s:.4f}, "
                    f"{other.settings.name} {later.start_s:.4f}-{later.end_s:.4f}"
                )
    return None


def _excused(world: World, one: OurHost, other: OurHost, later: Span, end_s: float) -> bool:
    soon_s = hand_over_s(world)
    start_s, since_s = later.start_s, later.start_s - world.longest_down_s
    if any(since_s <= lost_s <= end_s for lost_s in world.segment.dropped_at_s):
        return True
    both_live = _down_before(one, start_s) is None and not _falls(one, start_s, end_s)
    if both_live and end_s - start_s <= soon_s:
        return True
    starts_s = [span.start_s for host in world.ours for span in host.answering.spans()]
    falls_s = [fall_s for host in world.ours for fall_s in host.down_at_s if since_s <= fall_s <= end_s]
    if any(abs(fall_s - begun_s) <= soon_s for fall_s in falls_s for begun_s in starts_s):
        return True
    if any(start_s - soon_s <= up_s <= start_s for up_s in other.up_at_s):
        return True
    unasked_s = [at_s for host in world.ours for at_s in host.straight_at_s]
    unasked_s += [at_s for neighbour in world.neighbours for at_s in neighbour.took_over_at_s]
    if any(since_s <= at_s <= end_s for at_s in unasked_s):
        return True
    never_heard = one.address not in other.knew.get(start_s, frozenset())
    return world.intervals_differ and never_heard


def _down_before(host: OurHost, time_s: float) -> float | None:
    """Since when the host is dead or frozen at that time."""
    fell_s = max((at_s for at_s in host.down_at_s if at_s <= time_s), default=None)
    if fell_s is None or any(fell_s < up_s <= time_s for up_s in host.up_at_s):
        return None
    return fell_s


def _falls(host: OurHost, start_s: float, end_s: float) -> bool:
    return any(start_s <= at_s <= end_s for at_s in host.down_at_s)
