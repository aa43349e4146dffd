"""Draws plots: faults that belong together, because one rule of the election is meant to withstand them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.simulation import draw_actions, faults
from tests.simulation.draw_actions import Span, held_s
from tests.simulation.faults import Action, At, CommitKind, Fault, OnCommit, Phase, Shape
from vipkeeper.config.timing_rules import longest_takeover_s

Plot = Callable[[Random, Span, float], tuple[Fault, ...]]

_KINDS = (CommitKind.RENEWAL, CommitKind.RENEWAL, CommitKind.CLAIM, CommitKind.RELEASE)


def single(draw: Callable[[Random, Span], Action]) -> Plot:
    """One action alone, at a time or at a moment in the life of a transaction."""

    def plot(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
        what = draw(random, span)
        if isinstance(what, faults.OfMessage):
            return (Fault(OnCommit(time_s, random.choice(_KINDS), Phase.SENT), what),)
        if random.random() < 0.4:
            phase = random.choice(tuple(Phase))
            return (Fault(OnCommit(time_s, random.choice(_KINDS), phase), what),)
        return (Fault(At(time_s), what),)

    return plot


def late_reply_then_silence(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """The last renewal that an owner gets through is answered late."""
    late_s = span.attempt_s * random.uniform(0.3, 0.98)
    silence_s = span.ttl_s * random.uniform(1.1, 3.0)
    return (
        Fault(OnCommit(time_s, CommitKind.RENEWAL, Phase.SENT), faults.HoldReply(late_s)),
        Fault(OnCommit(time_s, CommitKind.RENEWAL, Phase.ANSWERED), faults.Cut(None, silence_s)),
    )


def held_while_frozen(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """An agent freezes with a request on its way, and finds the late answer when it thaws.

    What the watch has to tell comes by another connection, and may come after that.
    """
    kind = random.choice((CommitKind.RENEWAL, *_KINDS))
    share = random.uniform(0.76, 0.98) if random.random() < 0.7 else random.uniform(0.1, 2.0)
    late_s = span.ttl_s * share
    thaw_s = late_s + span.ttl_s * random.choice((0.005, 0.1)) * random.random()
    held = random.choice((faults.HoldRequest, faults.HoldRequest, faults.HoldReply))(late_s)
    blind_s = random.choice((0.0, thaw_s + span.ttl_s / 4))
    return tuple(
        Fault(OnCommit(time_s, kind, Phase.SENT), what)
        for what in (held, faults.Freeze(None, thaw_s), faults.StallWatch(None, blind_s))
    )


def other_lease(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
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


def started_with_another_lease(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """The configured ttl changes while the agent is down; what it writes first may be its last word."""
    host = random.randrange(2)
    ttls_s = [max(0.2, span.ttl_s / 4), span.ttl_s, span.lease_max_s]
    silence_s = span.ttl_s * random.uniform(0.5, 3.0)
    last_word = random.choice(
        (faults.Freeze(host, silence_s), faults.Cut(host, silence_s), faults.Kill(host, silence_s))
    )
    down = random.choice((faults.Kill(host, 0.01), faults.Stop(host, keep=True, restart_after_s=0.01)))
    phase = random.choice((Phase.SENT, Phase.STORED, Phase.ANSWERED))
    reloads = [
        Fault(At(time_s + at_s), faults.Reload(host, ttl_s=random.choice(ttls_s)))
        for at_s in (0.0, span.ttl_s * random.choice((0.02, 0.3, 1.0)) * random.random())
    ]
    down_s = max(fault.when.time_s for fault in reloads if isinstance(fault.when, At)) + 0.002
    return (
        *reloads,
        Fault(At(down_s), down),
        Fault(At(down_s + 0.002), faults.Reload(host, ttl_s=random.choice(ttls_s))),
        Fault(OnCommit(down_s + 0.004, CommitKind.RENEWAL, phase, host), last_word),
    )


def late_release(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """A release is under way for long while its sender becomes fit again, or is started again."""
    unfit_s = span.ttl_s * random.uniform(0.0, 1.0)
    held = random.choice((faults.LoseReply(), faults.HoldRequest(held_s(random, span))))
    release = OnCommit(time_s, CommitKind.RELEASE, Phase.SENT)
    unfit = Fault(At(time_s), faults.Unfit(random.randrange(3), random.randrange(3), unfit_s))
    if random.random() < 0.5:
        return (unfit, Fault(release, held))
    again_s = span.ttl_s * random.choice((0.02, 0.3)) * random.random()
    return (unfit, Fault(release, held), Fault(release, faults.Kill(None, again_s)))


def late_claim(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """The owner goes silent, and the claim that follows is under way for long, or just not too long."""
    host = random.randrange(3)
    silence_s = span.ttl_s * random.uniform(1.0, 4.0)
    late_s = random.choice((held_s(random, span), span.attempt_s * random.uniform(0.6, 1.0)))
    return (
        Fault(At(time_s), random.choice((faults.Freeze(host, silence_s), faults.Cut(host, silence_s)))),
        Fault(
            OnCommit(time_s, CommitKind.CLAIM, Phase.SENT),
            random.choice((faults.LoseReply(), faults.HoldRequest(late_s), faults.HoldRequest(late_s))),
        ),
    )


def wiped_unseen(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """Everything is deleted while an owner serves that somebody has not heard of, or some time later."""
    wipe = faults.Wipe()
    if random.random() < 0.5:
        return (Fault(At(time_s), wipe), Fault(At(time_s), faults.Cut(random.randrange(3), span.ttl_s)))
    blind_s = random.uniform(0.3, longest_takeover_s(span.lease_max_s))
    return (
        Fault(At(blind_s), faults.StallWatch(random.randrange(3), 20.0)),
        Fault(OnCommit(blind_s, CommitKind.CLAIM, Phase.ANSWERED), wipe),
    )


def deleted_under_an_owner(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """One record is deleted, soon or long after it was written, and somebody does not hear of it at once."""
    old_s = random.choice((0.0, longest_takeover_s(span.lease_max_s) * random.uniform(0.8, 1.2)))
    deaf = faults.Cut(random.randrange(3), span.ttl_s)
    return (
        Fault(At(time_s + old_s), deaf),
        Fault(At(time_s + old_s), draw_actions.delete_record(random, span)),
    )


def comes_back_as_a_stranger(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """A host reboots right after it wrote; its agent is back at once."""
    kind = random.choice(_KINDS)
    back_s = random.choice((0.0, 0.01, span.ttl_s / 4)) * random.random()
    return (
        Fault(OnCommit(time_s, kind, random.choice(tuple(Phase))), faults.Reboot(None, back_s, True)),
        Fault(OnCommit(time_s, kind, Phase.SENT), faults.HoldRequest(held_s(random, span))),
    )


def reload_in_flight(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
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


def hears_the_next_owner(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
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


def slow_removal(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
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


def leaves_late_with_a_shorter_lease(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """One unit is slow to leave the kernel while a shorter lease is loaded for the others."""
    host = random.randrange(2)
    soon_s = time_s + span.ttl_s * 0.1 * random.random()
    silence_s = span.ttl_s * random.uniform(0.5, 3.0)
    return (
        Fault(At(time_s), faults.SlowRemoval(host, span.ttl_s * random.uniform(0.5, 1.5))),
        Fault(At(time_s), faults.Unfit(host, random.randrange(3), span.ttl_s)),
        Fault(At(soon_s), faults.Reload(host, ttl_s=max(0.2, span.ttl_s / 4))),
        Fault(OnCommit(soon_s, CommitKind.RENEWAL, Phase.STORED, host), faults.Freeze(host, silence_s)),
    )


def namesake_serves_beside(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """While an owner is cut off, a second user of its name comes into office and owns something else."""
    return (
        Fault(At(time_s), faults.Cut(0, span.ttl_s * random.uniform(0.8, 1.5))),
        Fault(At(time_s), faults.Kill(1, 0.01)),
        Fault(At(time_s + random.uniform(0.32, 0.7)), faults.Unfit(2, random.randrange(3), span.ttl_s)),
    )


def restored_to_an_earlier_owner(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """A VIP changes hands, and the store goes back to before that, or to the moment in between."""
    host = random.randrange(3)
    between_s = random.choice((0.0, 0.2))
    since_s = between_s + span.ttl_s * random.uniform(0.1, 1.0)
    return (
        Fault(At(time_s), faults.Unfit(host, random.randrange(3), span.ttl_s / 4)),
        Fault(OnCommit(time_s, CommitKind.CLAIM, Phase.SENT), faults.HoldRequest(between_s)),
        Fault(
            At(time_s + since_s),
            faults.Restore(since_s - random.choice((-0.1, between_s / 2, 0.02)), random.choice((0.01, 0.1))),
        ),
    )
