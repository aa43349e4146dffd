"""Draws a schedule from one number. The same number gives the same schedule in every process.

Rules of this file: faults crowd around the instants at which a wrong rule would show, which are a lease, an
attempt or a takeover after something else; what is drawn evenly is there to meet what nobody thought of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.simulation import faults
from tests.simulation.faults import Action, At, CommitKind, Fault, OnCommit, Phase
from tests.simulation.schedule import HostPlan, Schedule, UnitPlan, Weather, other_names
from vipkeeper.config.timing_rules import RHO, derive_timing, longest_takeover_s, takeover_after_s
from vipkeeper.model.fences import FenceKind


@dataclass(frozen=True, slots=True)
class Span:
    """The lengths that matter in one schedule."""

    ttl_s: float
    lease_max_s: float


def draw_schedule(seed: int) -> Schedule:
    """The schedule of a number."""
    random = Random(seed)
    ttl_s = random.choice((0.3, 0.5, 0.5, 1.0))
    span = Span(ttl_s, ttl_s * random.choice((1.0, 1.0, 2.0)))
    hosts = _draw_hosts(random, span)
    first_s = longest_takeover_s(span.lease_max_s) + 0.3
    if random.random() < 0.15:
        first_s = random.random() * first_s
    mix = random.choice(MIXES)
    drawn = _draw_faults(random, span, mix, len(hosts), first_s)
    last_s = max([fault.when.time_s if isinstance(fault.when, At) else fault.when.after_s for fault in drawn])
    return Schedule(
        seed=seed,
        hosts=hosts,
        lease_max_s=span.lease_max_s,
        name_challenge_s=random.choice((0.3, 1.0, 3.0)),
        weather=_draw_weather(random, span, mix),
        faults=drawn,
        faults_end_s=last_s + span.lease_max_s * (1.5 + random.random()) + 0.3,
        must_settle=random.random() < 0.3,
    )


@dataclass(frozen=True, slots=True)
class Mix:
    """Which faults are drawn together, and how many."""

    actions: tuple[Callable[[Random, Span], Action], ...]
    count: tuple[int, int]
    quiet: float  # how often the weather is fine, so that only the faults matter


def _around(random: Random, span: Span) -> float:
    """A length of time near one that decides something."""
    ttl_s = span.ttl_s
    timing = derive_timing(ttl_s, span.lease_max_s, 10.0)
    pivot_s = random.choice(
        (
            ttl_s,
            ttl_s,
            ttl_s,
            takeover_after_s(ttl_s, FenceKind.BPF),
            takeover_after_s(ttl_s, FenceKind.LIFETIME),
            longest_takeover_s(span.lease_max_s),
            timing.attempt_s,
            timing.renew_every_s,
            timing.grace_s,
            2 * ttl_s,
            ttl_s / 2,
        )
    )
    spread_s = random.choice((0.002, 0.02, ttl_s / 8, ttl_s / 2))
    return max(0.001, pivot_s + random.uniform(-spread_s, spread_s))


def _short(random: Random, span: Span) -> float:
    return random.choice((0.01, span.ttl_s / 8, span.ttl_s / 2)) * random.random()


def _hold(random: Random, span: Span) -> float:
    """How long a message is held: mostly near a lease, at times for long."""
    return random.uniform(span.ttl_s, 10.0) if random.random() < 0.15 else _around(random, span)


def _host(random: Random) -> int | None:
    return random.choice((None, 0, 1, 0, 1, 2))


def _freeze(random: Random, span: Span) -> Action:
    return faults.Freeze(_host(random), _around(random, span), in_step=random.random() < 0.3)


def _kill(random: Random, span: Span) -> Action:
    return faults.Kill(_host(random), random.choice((_short, _around))(random, span))


def _reboot(random: Random, span: Span) -> Action:
    return faults.Reboot(_host(random), random.choice((_short, _around))(random, span), random.random() < 0.5)


def _stop(random: Random, span: Span) -> Action:
    restart_s = random.choice((_short, _around))(random, span)
    return faults.Stop(_host(random), keep=random.random() < 0.3, restart_after_s=restart_s)


def _cut(random: Random, span: Span) -> Action:
    return faults.Cut(_host(random), _around(random, span))


def _store_down(random: Random, span: Span) -> Action:
    return faults.StoreDown(_around(random, span))


def _hold_request(random: Random, span: Span) -> Action:
    return faults.HoldRequest(_hold(random, span))


def _hold_reply(random: Random, span: Span) -> Action:
    return faults.HoldReply(_hold(random, span))


def _lose_request(random: Random, span: Span) -> Action:
    return faults.LoseRequest()


def _lose_reply(random: Random, span: Span) -> Action:
    return faults.LoseReply()


def _break_watch(random: Random, span: Span) -> Action:
    return faults.BreakWatch(_host(random), _around(random, span))


def _stall_watch(random: Random, span: Span) -> Action:
    return faults.StallWatch(_host(random), _around(random, span))


def _unfit(random: Random, span: Span) -> Action:
    return faults.Unfit(_host(random), random.randrange(3), random.choice((_short, _around))(random, span))


def _reload(random: Random, span: Span) -> Action:
    change = faults.Reload(_host(random))
    kind = random.randrange(6)
    if kind <= 1:
        ttl_s = random.choice((span.ttl_s / 2, span.lease_max_s, max(0.2, span.ttl_s / 4)))
        return replace(change, ttl_s=max(0.2, ttl_s))
    if kind == 2:
        return replace(change, priority=random.choice((50, 150, 200)))
    if kind == 3:
        return replace(change, preempt=True, priority=random.choice((50, 150, 200)))
    if kind == 4:
        return replace(change, dropped=random.randrange(3))
    return replace(change, renamed=True)


def _hear(random: Random, span: Span) -> Action:
    return faults.Hear(_host(random), random.randrange(3))


def _delete_record(random: Random, span: Span) -> Action:
    return faults.DeleteRecord(random.randrange(3))


def _wipe(random: Random, span: Span) -> Action:
    return faults.Wipe()


def _restore(random: Random, span: Span) -> Action:
    return faults.Restore(random.choice((0.0, 0.3, 1.0, 3.0, 100.0)), random.choice((0.0, 0.1, span.ttl_s)))


def _compact(random: Random, span: Span) -> Action:
    return faults.Compact()


_MESSAGES = (_hold_request, _hold_reply, _lose_request, _lose_reply)
_KINDS = (CommitKind.RENEWAL, CommitKind.RENEWAL, CommitKind.CLAIM, CommitKind.RELEASE)
_PROCESSES = (_freeze, _freeze, _kill, _stop, _reboot)
_LINKS = (_cut, _store_down, _break_watch, _stall_watch)

MIXES = (
    Mix((_freeze,), (1, 3), 0.8),
    Mix((_freeze, *_MESSAGES), (2, 6), 0.5),
    Mix(_MESSAGES, (2, 6), 0.5),
    Mix((_unfit, _hold_request, _hold_reply, _freeze, _stop), (2, 6), 0.7),
    Mix((_kill, _reboot, _stop, _hold_request, _lose_reply), (2, 5), 0.6),
    Mix((_reload, _freeze, *_MESSAGES, _unfit), (2, 6), 0.6),
    Mix((*_LINKS, _freeze, _kill), (2, 5), 0.4),
    Mix((_delete_record, _wipe, _freeze, _kill, _hold_request, _compact), (1, 4), 0.7),
    Mix((_restore, _freeze, _hold_request, _stall_watch), (1, 4), 0.7),
    Mix((*_MESSAGES, *_PROCESSES, *_LINKS, _unfit, _reload, _hear, _compact), (3, 9), 0.3),
)


def _draw_faults(random: Random, span: Span, mix: Mix, hosts: int, first_s: float) -> tuple[Fault, ...]:
    drawn = []
    time_s = first_s + random.random() * span.ttl_s
    for _ in range(random.randint(*mix.count)):
        what = random.choice(mix.actions)(random, span)
        of_message = isinstance(what, faults.OfMessage)
        if of_message or random.random() < 0.4:
            phase = Phase.SENT if of_message else random.choice(tuple(Phase))
            drawn.append(Fault(OnCommit(time_s, random.choice(_KINDS), phase), what))
        else:
            drawn.append(Fault(At(time_s), what))
        step_s = random.choice((0.0, 0.002, 0.02, span.ttl_s / 4, span.ttl_s, _around(random, span)))
        time_s += step_s * random.random()
    return tuple(_on_hosts(fault, hosts) for fault in drawn)


def _on_hosts(fault: Fault, hosts: int) -> Fault:
    """With a host that exists; None only where a transaction tells whose."""
    what = fault.what
    if not isinstance(what, faults.OfHost) or (what.host is None and isinstance(fault.when, OnCommit)):
        return fault
    return Fault(fault.when, replace(what, host=(what.host or 0) % hosts))


def _draw_hosts(random: Random, span: Span) -> tuple[HostPlan, ...]:
    count = random.choice((2, 2, 3, 3, 4))
    units = tuple(
        UnitPlan(f"vip{at}", tuple(f"10.0.{at}.{n + 1}" for n in range(random.choice((1, 1, 2)))), 100, False)
        for at in range(random.choice((1, 1, 2, 3)))
    )
    preempt = random.random() < 0.2
    same_fence = random.choice((*FenceKind, FenceKind.BPF, FenceKind.BPF, None))
    hosts = []
    for at in range(count):
        priority = random.choice((100, 100, 50, 150))
        mine = tuple(replace(unit, priority=priority, preempt=preempt) for unit in units)
        if random.random() < 0.08:
            mine = other_names(mine)
        node = f"n{at}"
        leaves_s = None
        if at >= 1 and random.random() < 0.1:
            node, leaves_s = "n0", longest_takeover_s(span.lease_max_s) + random.uniform(0.5, 5.0)
        hosts.append(
            HostPlan(
                node=node,
                clock_rate=1 + RHO * random.choice((-0.99, 0.99, 0.0, random.uniform(-0.99, 0.99))),
                clock_shown_s=random.uniform(10.0, 1e6),
                starts_s=random.random() * random.choice((0.01, 0.3, span.ttl_s, 4.0)),
                fence=same_fence or random.choice(tuple(FenceKind)),
                ttl_s=span.ttl_s if random.random() < 0.8 else span.lease_max_s,
                units=mine,
                leaves_s=leaves_s,
            )
        )
    return tuple(hosts)


def _draw_weather(random: Random, span: Span, mix: Mix) -> Weather:
    quiet = random.random() < mix.quiet
    return Weather(
        delay_s=random.choice((0.0003, 0.0003, 0.002, 0.02)),
        spike_chance=0.0 if quiet else random.choice((0.0, 0.05, 0.2)),
        spike_s=span.ttl_s * random.choice((0.1, 0.5, 1.5)),
        loss_chance=0.0 if quiet else random.choice((0.0, 0.02, 0.2)),
        late_chance=0.0 if quiet else random.choice((0.0, 0.02, 0.1)),
        late_s=span.ttl_s * random.choice((1.5, 4.0, 20.0)),
        cpu_wait_s=random.choice((0.0001, 0.0001, 0.002)),
        cpu_spike_chance=0.0 if quiet else random.choice((0.0, 0.02)),
        cpu_spike_s=span.ttl_s * random.choice((0.2, 1.2)),
    )
