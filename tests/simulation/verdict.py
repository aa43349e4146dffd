"""Runs a schedule to its end and says which rule broke, if any."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.fault_desk import FaultDesk
from tests.simulation.schedule import Schedule
from tests.simulation.world import World
from vipkeeper.config.timing_rules import longest_takeover_s

DOUBLE_ANSWER = "two answer"
EPOCH = "epoch"
HELD_LATE = "held past its deadline"
RAISED = "raised"
UNSETTLED = "unsettled"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended. `broken` is None or one of the names above."""

    broken: str | None
    detail: str
    steps: int
    ended_s: float


def judge(schedule: Schedule, show: Callable[[str], None] | None = None) -> Verdict:
    """Carry out a schedule."""
    world = World(schedule, show)
    try:
        detail = _run(world)
    except Exception:  # noqa: BLE001  the election must never raise: whatever it raised is the finding
        return _verdict(world, RAISED, traceback.format_exc())
    if world.answers.double is not None:
        return _verdict(world, DOUBLE_ANSWER, str(world.answers.double))
    if world.epochs.broken is not None:
        return _verdict(world, EPOCH, world.epochs.broken)
    if world.held_late:
        return _verdict(world, HELD_LATE, world.held_late[0])
    return _verdict(world, UNSETTLED if detail else None, detail or "")


def _verdict(world: World, broken: str | None, detail: str) -> Verdict:
    return Verdict(broken, detail, world.steps_taken(), world.timeline.now_s)


def _run(world: World) -> str | None:
    schedule = world.schedule
    desk = FaultDesk(world)
    desk.plan(schedule.faults)
    world.begin()
    world.run_until(schedule.faults_end_s)
    if world.over:
        return None
    desk.close()
    world.mend()
    if not schedule.must_settle:
        return None
    return _settle(world)


def _settle(world: World) -> str | None:
    """Wait for one owner of each address who stays; what is wrong after the longest sensible time."""
    schedule = world.schedule
    addresses = sorted({a for host in schedule.hosts for unit in host.units for a in unit.addresses})
    calm_s = max(2 * schedule.lease_max_s, 1.0)
    patience_s = 2 * longest_takeover_s(schedule.lease_max_s) + 3 * schedule.name_challenge_s + 5.0 + calm_s
    patience_s += 2 * longest_takeover_s(schedule.outsiders_s)
    give_up_s = world.timeline.now_s + patience_s
    while world.timeline.now_s < give_up_s:
        world.run_until(world.timeline.now_s + calm_s / 2)
        now_s = world.timeline.now_s
        if world.over or all(_calm_since(world, address) <= now_s - calm_s for address in addresses):
            return None
    return "; ".join(
        f"{address}: {_story(world, address)}"
        for address in addresses
        if _calm_since(world, address) > world.timeline.now_s - calm_s
    )


def _calm_since(world: World, address: str) -> float:
    """Since when the host that answers now has answered without a gap; now, when none does."""
    now_s = world.timeline.now_s
    running = world.answers.running(address, now_s)
    return running[0].start_s if running else now_s


def _story(world: World, address: str) -> str:
    since_s = world.schedule.faults_end_s
    spans = [s for s in world.answers.spans(address) if s.end_s >= since_s]
    return ", ".join(f"host {s.host} {s.start_s:.3f}-{s.end_s:.3f}" for s in spans[-5:]) or "nobody answers"
