"""Draws plots that try failsafe: the store falls silent for some or all, and who promised is struck."""

from __future__ import annotations

from random import Random

from tests.simulation import faults
from tests.simulation.draw_actions import Span, near_pivot_s
from tests.simulation.faults import Action, At, CommitKind, Fault, OnCommit, Phase

# Hosts in a schedule, at most; a fault of a host that is not there strikes another.
_HOSTS = range(4)


def _outage_s(random: Random, span: Span) -> float:
    return span.ttl_s * random.choice((1.2, 2.0, 3.0, 6.0)) * random.uniform(0.7, 1.3)


def _during_s(random: Random, span: Span, outage_s: float) -> float:
    """A moment at which promises are about to be given, or run."""
    return min(outage_s, span.ttl_s * random.choice((0.4, 0.6, 1.0, 2.0)) * random.uniform(0.5, 1.5))


def store_outage(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """The store answers nobody."""
    return (Fault(At(time_s), faults.StoreDown(_outage_s(random, span))),)


def outage_seen_by_some(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """Each host is cut off from the store for a time of its own; it may be none."""
    outage_s = _outage_s(random, span)
    return tuple(
        Fault(
            At(time_s + span.ttl_s * random.choice((0.0, 0.05, 0.5)) * random.random()),
            faults.Cut(host, outage_s * random.choice((0.0, 0.4, 0.7, 1.0)) + 0.001),
        )
        for host in _HOSTS
    )


def promiser_sees_the_store_again(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """All are cut off, and those that promised find the store again long before the owner does."""
    owner = random.randrange(2)
    early_s = span.ttl_s * random.uniform(0.8, 2.2)
    return tuple(
        Fault(At(time_s), faults.Cut(host, early_s + 4 * span.ttl_s if host == owner else early_s))
        for host in _HOSTS
    )


def promiser_struck(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """An agent is killed, frozen or rebooted while its promise counts, and the store is back for it alone."""
    outage = promiser_sees_the_store_again(random, span, time_s)
    struck_s = time_s + _during_s(random, span, 2 * span.ttl_s)
    host = random.choice(_HOSTS)
    down_s = random.choice((0.002, 0.02, span.ttl_s / 4)) * random.uniform(0.5, 1.5)
    strike: Action = random.choice(
        (
            faults.Kill(host, down_s),
            faults.Reboot(host, down_s, random.random() < 0.5),
            faults.Freeze(host, near_pivot_s(random, span), in_step=random.random() < 0.3),
            faults.Stop(host, keep=True, restart_after_s=down_s),
        )
    )
    return (*outage, Fault(At(struck_s), strike))


def late_promises(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """Questions or answers are late or lost while the store is silent, and then it is back for some."""
    slow = random.choice(_HOSTS)
    by_s = span.ttl_s * random.choice((0.1, 0.5, 0.9, 1.5)) * random.uniform(0.8, 1.2)
    way: Action = random.choice(
        (
            faults.SlowDatagrams(slow, 3 * span.ttl_s, by_s),
            faults.SlowDatagrams(slow, 3 * span.ttl_s, by_s),
            faults.Silence(slow, span.ttl_s * random.uniform(0.5, 3.0)),
        )
    )
    freeze: tuple[Fault, ...] = ()
    if random.random() < 0.4:
        at_s = time_s + _during_s(random, span, 2 * span.ttl_s)
        freeze = (Fault(At(at_s), faults.Freeze(random.choice(_HOSTS), near_pivot_s(random, span))),)
    return (Fault(At(time_s), way), *freeze, *promiser_sees_the_store_again(random, span, time_s))


def outsider_sees_the_store(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """A host was silent for so long that it left the electorate, and then is the one that has the store."""
    outsider = random.choice((1, 2, 3))
    gone_s = 6 * span.lease_max_s * random.uniform(1.0, 1.3)
    back_s = time_s + gone_s
    silence = (
        Fault(At(time_s), faults.Cut(outsider, gone_s)),
        Fault(At(time_s), faults.Silence(outsider, gone_s + span.ttl_s * random.choice((0.0, 5.0)))),
    )
    wiped = (Fault(At(back_s + 0.3), faults.Wipe()),) if random.random() < 0.4 else ()
    others = tuple(
        Fault(At(back_s - 0.01), faults.Cut(host, span.ttl_s * random.uniform(3.0, 12.0)))
        for host in _HOSTS
        if host != outsider
    )
    return (*silence, *others, *wiped)


def joiner_in_doubt(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """A host comes or comes back; whether the owner's write that names it took effect stays open."""
    owner, joiner = 0, random.choice((1, 1, 2))
    away_s = 6 * span.lease_max_s if random.random() < 0.8 else span.ttl_s
    here_s = time_s + away_s
    doubt: Action = random.choice((faults.LoseReply(), faults.HoldReply(2 * span.ttl_s)))
    blind = [
        Fault(
            OnCommit(here_s, CommitKind.OTHER, Phase.STORED, joiner), faults.Silence(joiner, 9 * span.ttl_s)
        ),
        Fault(OnCommit(here_s, CommitKind.RENEWAL, Phase.SENT, owner), doubt),
        Fault(OnCommit(here_s, CommitKind.RENEWAL, Phase.STORED, owner), faults.Cut(owner, 6 * span.ttl_s)),
    ]
    others = [
        Fault(OnCommit(here_s, CommitKind.RENEWAL, Phase.STORED, owner), faults.Cut(host, 6 * span.ttl_s))
        for host in _HOSTS
        if host not in (owner, joiner)
    ]
    left = [
        Fault(At(time_s), faults.Cut(joiner, away_s)),
        Fault(At(time_s), faults.Silence(joiner, away_s)),
    ]
    if random.random() < 0.3:
        left = [Fault(At(time_s), faults.Kill(joiner, away_s))]
    return (*left, *blind, *others)


def promised_then_restored(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """All hold on by promises; one that promised is started anew and finds an older store."""
    host = random.choice((1, 2))
    moved = Fault(At(time_s), faults.Unfit(0, random.randrange(3), span.ttl_s / 4))
    down_s = time_s + span.ttl_s * random.uniform(0.3, 1.0)
    silent_s = 8 * span.ttl_s
    cuts = tuple(Fault(At(down_s), faults.Cut(each, silent_s)) for each in _HOSTS if each != host)
    back_s = span.ttl_s * random.uniform(0.9, 1.8)
    return (
        moved,
        *cuts,
        Fault(At(down_s), faults.Cut(host, back_s)),
        Fault(At(down_s + back_s - 0.01), faults.Restore(down_s + back_s - time_s - 0.02, 0.001)),
        Fault(At(down_s + back_s - 0.005), faults.Kill(host, 0.001)),
    )


def gains_while_in_doubt(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """An owner claims another unit; the answer stays out while it asks for promises of what it had."""
    loser, late_s = random.randrange(3), span.ttl_s * random.uniform(0.5, 2.0)
    silent_s = 6 * span.ttl_s
    claim = OnCommit(time_s, CommitKind.CLAIM, Phase.STORED)
    return (
        Fault(OnCommit(time_s, CommitKind.CLAIM, Phase.SENT), faults.HoldReply(late_s)),
        Fault(At(time_s), faults.Unfit(loser, random.randrange(3), span.ttl_s)),
        Fault(claim, faults.StallWatch(None, 2 * span.ttl_s)),
        *(Fault(claim, faults.Cut(host, silent_s if host != 3 else late_s)) for host in _HOSTS),
    )
