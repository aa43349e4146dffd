"""Draws single faults, each by a function of its own.

Rules of this file: lengths crowd around the instants at which a wrong rule would show, which are a lease, an
attempt or a takeover after something else; what is drawn evenly is there to meet what nobody thought of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from tests.simulation import faults
from tests.simulation.faults import Action, Shape
from vipkeeper.config.timing_rules import derive_timing, longest_takeover_s, takeover_after_s
from vipkeeper.model.fences import FenceKind


@dataclass(frozen=True, slots=True)
class Span:
    """The lengths that matter in one schedule."""

    ttl_s: float
    lease_max_s: float

    @property
    def attempt_s(self) -> float:
        """How long an agent waits for an answer."""
        return derive_timing(self.ttl_s, self.lease_max_s, 10.0).attempt_s

    def pivots_s(self) -> tuple[float, ...]:
        """After these something is decided."""
        timing = derive_timing(self.ttl_s, self.lease_max_s, 10.0)
        return (
            *(self.ttl_s, self.ttl_s, self.ttl_s, 2 * self.ttl_s, self.ttl_s / 2),
            *(timing.attempt_s, timing.renew_every_s, timing.grace_s),
            takeover_after_s(self.ttl_s, FenceKind.BPF),
            takeover_after_s(self.ttl_s, FenceKind.LIFETIME),
            longest_takeover_s(self.lease_max_s),
        )


def near_pivot_s(random: Random, span: Span) -> float:
    """A length of time near one that decides something."""
    spread_s = random.choice((0.002, 0.02, span.ttl_s / 8, span.ttl_s / 2))
    return max(0.001, random.choice(span.pivots_s()) + random.uniform(-spread_s, spread_s))


def brief_s(random: Random, span: Span) -> float:
    if random.random() < 0.5:
        return near_pivot_s(random, span)
    return random.choice((0.01, span.ttl_s / 8, span.ttl_s / 2)) * random.random()


def held_s(random: Random, span: Span) -> float:
    """How long a message is held: mostly near a lease, at times for long."""
    return random.uniform(span.ttl_s, 10.0) if random.random() < 0.15 else near_pivot_s(random, span)


def some_host(random: Random) -> int | None:
    return random.choice((None, 0, 1, 0, 1, 2))


def freeze(random: Random, span: Span) -> Action:
    return faults.Freeze(some_host(random), near_pivot_s(random, span), in_step=random.random() < 0.3)


def kill(random: Random, span: Span) -> Action:
    return faults.Kill(some_host(random), brief_s(random, span))


def reboot(random: Random, span: Span) -> Action:
    return faults.Reboot(some_host(random), brief_s(random, span), random.random() < 0.5)


def stop(random: Random, span: Span) -> Action:
    return faults.Stop(some_host(random), keep=random.random() < 0.3, restart_after_s=brief_s(random, span))


def cut(random: Random, span: Span) -> Action:
    return faults.Cut(some_host(random), near_pivot_s(random, span))


def store_down(random: Random, span: Span) -> Action:
    return faults.StoreDown(near_pivot_s(random, span))


def hold_request(random: Random, span: Span) -> Action:
    return faults.HoldRequest(held_s(random, span))


def hold_reply(random: Random, span: Span) -> Action:
    return faults.HoldReply(held_s(random, span))


def lose_request(_random: Random, _span: Span) -> Action:
    return faults.LoseRequest()


def lose_reply(_random: Random, _span: Span) -> Action:
    return faults.LoseReply()


def break_watch(random: Random, span: Span) -> Action:
    return faults.BreakWatch(some_host(random), near_pivot_s(random, span))


def silence(random: Random, span: Span) -> Action:
    return faults.Silence(some_host(random), near_pivot_s(random, span))


def slow_datagrams(random: Random, span: Span) -> Action:
    return faults.SlowDatagrams(some_host(random), 4 * span.ttl_s, brief_s(random, span))


def stall_watch(random: Random, span: Span) -> Action:
    return faults.StallWatch(some_host(random), near_pivot_s(random, span))


def unfit(random: Random, span: Span) -> Action:
    return faults.Unfit(some_host(random), random.randrange(3), brief_s(random, span))


def reload(random: Random, span: Span) -> Action:
    change = faults.Reload(some_host(random))
    match random.randrange(6):
        case 0 | 1:
            ttl_s = random.choice((span.ttl_s / 2, span.lease_max_s, span.ttl_s / 4))
            return replace(change, ttl_s=max(0.2, ttl_s))
        case 2:
            return replace(change, priority=random.choice((50, 150, 200)))
        case 3:
            return replace(change, preempt=True, priority=random.choice((50, 150, 200)))
        case 4:
            return replace(change, dropped=random.randrange(3))
        case _:
            return replace(change, shape=random.choice(tuple(Shape)))


def hear(random: Random, _span: Span) -> Action:
    return faults.Hear(some_host(random), random.randrange(3))


def delete_record(random: Random, _span: Span) -> Action:
    return faults.DeleteRecord(random.randrange(3), of_address=random.random() < 0.5)


def wipe(_random: Random, _span: Span) -> Action:
    return faults.Wipe()


def restore(random: Random, span: Span) -> Action:
    return faults.Restore(random.choice((0.0, 0.3, 1.0, 3.0, 100.0)), random.choice((0.01, 0.1, span.ttl_s)))


def compact(_random: Random, _span: Span) -> Action:
    return faults.Compact()
