"""Draws faults, one by one and as plots that belong together.

Rules of this file: faults crowd around the instants at which a wrong rule would show, which are a lease, an
attempt or a takeover after something else; what is drawn evenly is there to meet what nobody thought of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.simulation import faults
from tests.simulation.faults import Action, At, CommitKind, Fault, OnCommit, Phase, Shape
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


def draw_faults(random: Random, span: Span, mix: Mix, hosts: int, first_s: float) -> tuple[Fault, ...]:
    """Plots of a mix, one after the other or on top of each other."""
    drawn: list[Fault] = []
    time_s = first_s + random.random() * span.ttl_s
    for _ in range(random.randint(*mix.count)):
        drawn += random.choice(mix.plots)(random, span, time_s)
        step_s = random.choice((0.0, 0.002, 0.02, span.ttl_s / 4, span.ttl_s, _around(random, span)))
        time_s += step_s * random.random()
    return tuple(_on_hosts(fault, hosts) for fault in drawn)


def _on_hosts(fault: Fault, hosts: int) -> Fault:
    """With a host that exists; None only where a transaction tells whose."""
    what = fault.what
    if not isinstance(what, faults.OfHost) or (what.host is None and isinstance(fault.when, OnCommit)):
        return fault
    return Fault(fault.when, replace(what, host=(what.host or 0) % hosts))


def _around(random: Random, span: Span) -> float:
    """A length of time near one that decides something."""
    spread_s = random.choice((0.002, 0.02, span.ttl_s / 8, span.ttl_s / 2))
    return max(0.001, random.choice(span.pivots_s()) + random.uniform(-spread_s, spread_s))


def _brief(random: Random, span: Span) -> float:
    if random.random() < 0.5:
        return _around(random, span)
    return random.choice((0.01, span.ttl_s / 8, span.ttl_s / 2)) * random.random()


def _hold(random: Random, span: Span) -> float:
    """How long a message is held: mostly near a lease, at times for long."""
    return random.uniform(span.ttl_s, 10.0) if random.random() < 0.15 else _around(random, span)


def _host(random: Random) -> int | None:
    return random.choice((None, 0, 1, 0, 1, 2))


# Single actions


def _freeze(random: Random, span: Span) -> Action:
    return faults.Freeze(_host(random), _around(random, span), in_step=random.random() < 0.3)


def _kill(random: Random, span: Span) -> Action:
    return faults.Kill(_host(random), _brief(random, span))


def _reboot(random: Random, span: Span) -> Action:
    return faults.Reboot(_host(random), _brief(random, span), random.random() < 0.5)


def _stop(random: Random, span: Span) -> Action:
    return faults.Stop(_host(random), keep=random.random() < 0.3, restart_after_s=_brief(random, span))


def _cut(random: Random, span: Span) -> Action:
    return faults.Cut(_host(random), _around(random, span))


def _store_down(random: Random, span: Span) -> Action:
    return faults.StoreDown(_around(random, span))


def _hold_request(random: Random, span: Span) -> Action:
    return faults.HoldRequest(_hold(random, span))


def _hold_reply(random: Random, span: Span) -> Action:
    return faults.HoldReply(_hold(random, span))


def _lose_request(_random: Random, _span: Span) -> Action:
    return faults.LoseRequest()


def _lose_reply(_random: Random, _span: Span) -> Action:
    return faults.LoseReply()


def _break_watch(random: Random, span: Span) -> Action:
    return faults.BreakWatch(_host(random), _around(random, span))


def _stall_watch(random: Random, span: Span) -> Action:
    return faults.StallWatch(_host(random), _around(random, span))


def _unfit(random: Random, span: Span) -> Action:
    return faults.Unfit(_host(random), random.randrange(3), _brief(random, span))


def _reload(random: Random, span: Span) -> Action:
    change = faults.Reload(_host(random))
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


def _hear(random: Random, _span: Span) -> Action:
    return faults.Hear(_host(random), random.randrange(3))


def _delete_record(random: Random, _span: Span) -> Action:
    return faults.DeleteRecord(random.randrange(3), of_address=random.random() < 0.5)


def _wipe(_random: Random, _span: Span) -> Action:
    return faults.Wipe()


def _restore(random: Random, span: Span) -> Action:
    return faults.Restore(random.choice((0.0, 0.3, 1.0, 3.0, 100.0)), random.choice((0.01, 0.1, span.ttl_s)))


def _compact(_random: Random, _span: Span) -> Action:
    return faults.Compact()


# Plots

Plot = Callable[[Random, Span, float], tuple[Fault, ...]]

_KINDS = (CommitKind.RENEWAL, CommitKind.RENEWAL, CommitKind.CLAIM, CommitKind.RELEASE)


def _single(draw: Callable[[Random, Span], Action]) -> Plot:
    def plot(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
        what = draw(random, span)
        if isinstance(what, faults.OfMessage):
            return (Fault(OnCommit(time_s, random.choice(_KINDS), Phase.SENT), what),)
        if random.random() < 0.4:
            phase = random.choice(tuple(Phase))
            return (Fault(OnCommit(time_s, random.choice(_KINDS), phase), what),)
        return (Fault(At(time_s), what),)

    return plot


def _late_reply_then_silence(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """The last renewal that an owner gets through is answered late."""
    late_s = span.attempt_s * random.uniform(0.3, 0.98)
    silence_s = span.ttl_s * random.uniform(1.1, 3.0)
    return (
        Fault(OnCommit(time_s, CommitKind.RENEWAL, Phase.SENT), faults.HoldReply(late_s)),
        Fault(OnCommit(time_s, CommitKind.RENEWAL, Phase.ANSWERED), faults.Cut(None, silence_s)),
    )


def _held_while_frozen(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """An agent freezes with a request on its way, and finds the late answer when it thaws."""
    kind = random.choice(_KINDS)
    late_s = span.ttl_s * random.choice((random.uniform(0.7, 1.0), random.uniform(0.1, 2.0)))
    thaw_s = late_s + span.ttl_s * random.uniform(0.0, 0.1)
    held = random.choice((faults.HoldRequest, faults.HoldReply))(late_s)
    return (
        Fault(OnCommit(time_s, kind, Phase.SENT), held),
        Fault(OnCommit(time_s, kind, Phase.SENT), faults.Freeze(None, thaw_s)),
    )


def _other_lease(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """Another ttl is loaded; the last renewal before it, or the first with it, is late or unanswered."""
    host = random.randrange(2)
    silence_s = span.ttl_s * random.uniform(0.5, 3.0)
    silent = random.choice((faults.Freeze(host, silence_s), faults.Cut(host, silence_s)))
    if random.random() < 0.5:
        reply = random.choice((faults.LoseReply(), faults.HoldReply(span.ttl_s * random.random())))
        return (
            Fault(At(time_s), faults.Reload(host, ttl_s=max(0.2, span.ttl_s / 4))),
            Fault(OnCommit(time_s, CommitKind.RENEWAL, Phase.SENT, host), reply),
            Fault(OnCommit(time_s, CommitKind.RENEWAL, Phase.STORED, host), silent),
        )
    longer_s = time_s + 2 * span.ttl_s
    late_s = span.ttl_s * random.uniform(0.3, 1.5)
    return (
        Fault(At(time_s), faults.Reload(host, ttl_s=max(0.2, span.ttl_s / 4))),
        Fault(OnCommit(longer_s, CommitKind.RENEWAL, Phase.SENT, host), faults.HoldRequest(late_s)),
        Fault(At(longer_s + late_s / 3), faults.Reload(host, ttl_s=span.lease_max_s)),
        Fault(At(longer_s + late_s + 0.02), silent),
    )


def _late_release(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """A release is under way for long while its sender becomes fit again, or is started again."""
    unfit_s = span.ttl_s * random.uniform(0.0, 1.0)
    held = random.choice((faults.LoseReply(), faults.HoldRequest(_hold(random, span))))
    release = OnCommit(time_s, CommitKind.RELEASE, Phase.SENT)
    unfit = Fault(At(time_s), faults.Unfit(random.randrange(3), random.randrange(3), unfit_s))
    if random.random() < 0.5:
        return (unfit, Fault(release, held))
    again_s = span.ttl_s * random.choice((0.02, 0.3)) * random.random()
    return (unfit, Fault(release, held), Fault(release, faults.Kill(None, again_s)))


def _late_claim(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """The owner goes silent, and the claim that follows is under way for long, or just not too long."""
    host = random.randrange(3)
    silence_s = span.ttl_s * random.uniform(1.0, 4.0)
    late_s = random.choice((_hold(random, span), span.attempt_s * random.uniform(0.6, 1.0)))
    return (
        Fault(At(time_s), random.choice((faults.Freeze(host, silence_s), faults.Cut(host, silence_s)))),
        Fault(
            OnCommit(time_s, CommitKind.CLAIM, Phase.SENT),
            random.choice((faults.LoseReply(), faults.HoldRequest(late_s), faults.HoldRequest(late_s))),
        ),
    )


def _wiped_unseen(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """Everything is deleted while an owner serves that somebody has not heard of, or some time later."""
    wipe = faults.Wipe()
    if random.random() < 0.5:
        return (Fault(At(time_s), wipe), Fault(At(time_s), faults.Cut(random.randrange(3), span.ttl_s)))
    blind_s = random.uniform(0.3, longest_takeover_s(span.lease_max_s))
    return (
        Fault(At(blind_s), faults.StallWatch(random.randrange(3), 20.0)),
        Fault(OnCommit(blind_s, CommitKind.CLAIM, Phase.ANSWERED), wipe),
    )


def _deleted_under_an_owner(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """One record is deleted, soon or long after it was written."""
    old_s = random.choice((0.0, longest_takeover_s(span.lease_max_s) * random.uniform(0.8, 1.2)))
    return (Fault(At(time_s + old_s), _delete_record(random, span)),)


def _comes_back_as_a_stranger(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """A host reboots right after it wrote; its agent is back at once."""
    kind = random.choice(_KINDS)
    back_s = random.choice((0.0, 0.01, span.ttl_s / 4)) * random.random()
    return (
        Fault(OnCommit(time_s, kind, random.choice(tuple(Phase))), faults.Reboot(None, back_s, True)),
        Fault(OnCommit(time_s, kind, Phase.SENT), faults.HoldRequest(_hold(random, span))),
    )


def _reload_in_flight(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """Units are renamed or regrouped between a transaction and its answer."""
    host = random.randrange(3)
    silence_s = span.ttl_s * random.uniform(0.3, 2.0)
    silence = random.choice((faults.Cut(host, silence_s), faults.Freeze(host, silence_s)))
    reload = faults.Reload(None, shape=random.choice(tuple(Shape)), dropped=random.choice((None, 0, 1)))
    phase = random.choice(tuple(Phase))
    return (
        Fault(At(time_s), silence),
        Fault(OnCommit(time_s, random.choice(_KINDS), phase), reload),
    )


def _hears_the_next_owner(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """An owner that was silent hears another's announcement before it hears of the records."""
    host = random.randrange(3)
    silence_s = span.ttl_s * random.uniform(1.1, 3.0)
    silence = random.choice((faults.Cut(host, silence_s), faults.Freeze(host, silence_s)))
    heard_s = time_s + silence_s + span.ttl_s * random.choice((0.01, 0.3)) * random.random()
    return (
        Fault(At(time_s), silence),
        Fault(At(time_s), faults.StallWatch(host, silence_s + span.ttl_s * random.uniform(0.5, 3.0))),
        Fault(At(heard_s), faults.Hear(host, random.randrange(3))),
    )


def _slow_removal(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """An address goes late from the kernel of an owner that gives it up."""
    host = random.randrange(3)
    slow = faults.SlowRemoval(host, span.ttl_s * random.choice((0.1, 0.5, 1.5)) * random.random())
    leave = random.choice(
        (
            faults.Unfit(host, random.randrange(3), span.ttl_s),
            faults.Stop(host, keep=False, restart_after_s=span.ttl_s),
            faults.Reload(host, dropped=0),
            faults.Reload(host, shape=Shape.RENAMED),
        )
    )
    return (Fault(At(time_s), slow), Fault(At(time_s), leave))


# Mixes


@dataclass(frozen=True, slots=True)
class Mix:
    """Which plots are drawn together, and how many."""

    plots: tuple[Plot, ...]
    count: tuple[int, int]
    quiet: float  # how often the weather is fine, so that only the faults matter


def _singles(*draws: Callable[[Random, Span], Action]) -> tuple[Plot, ...]:
    return tuple(_single(draw) for draw in draws)


_MESSAGES = _singles(_hold_request, _hold_reply, _lose_request, _lose_reply)
_PROCESSES = _singles(_freeze, _freeze, _kill, _stop, _reboot)
_LINKS = _singles(_cut, _store_down, _break_watch, _stall_watch)
_PLOTS = (
    *(_late_reply_then_silence, _held_while_frozen, _other_lease),
    *(_late_release, _late_claim, _comes_back_as_a_stranger),
    *(_reload_in_flight, _hears_the_next_owner, _slow_removal),
)

# Only what lets every agent notice: see Restore.
RESTORES = Mix(_singles(_restore, _hold_request, _lose_reply, _unfit), (1, 4), 1.0)

MIXES = (
    Mix(_singles(_freeze), (1, 3), 0.8),
    Mix(_PLOTS, (1, 2), 0.9),
    Mix(_PLOTS, (1, 2), 0.9),
    Mix((*_PLOTS, *_singles(_freeze, _cut)), (2, 4), 0.8),
    Mix((*_MESSAGES, *_singles(_freeze)), (2, 6), 0.5),
    Mix(_singles(_unfit, _hold_request, _hold_reply, _freeze, _stop), (2, 6), 0.7),
    Mix(_singles(_kill, _reboot, _stop, _hold_request, _lose_reply), (2, 5), 0.6),
    Mix((*_MESSAGES, *_singles(_reload, _reload, _freeze, _unfit)), (2, 6), 0.6),
    Mix((*_LINKS, *_singles(_freeze, _kill)), (2, 5), 0.4),
    Mix((_wiped_unseen, _deleted_under_an_owner), (1, 1), 1.0),
    Mix(_singles(_delete_record, _wipe, _freeze, _kill, _hold_request, _compact), (1, 4), 0.7),
    RESTORES,
    Mix(
        (*_MESSAGES, *_PROCESSES, *_LINKS, *_PLOTS, *_singles(_unfit, _reload, _hear, _compact)),
        (3, 8),
        0.3,
    ),
)
