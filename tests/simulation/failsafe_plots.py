"""Draws plots that try failsafe: the store falls silent for some or all, and who promised is struck."""

from __future__ import annotations

from random import Random

from tests.simulation import faults
from tests.simulation.draw_actions import Span, near_pivot_s
from tests.simulation.faults import Action, At, CommitKind, Fault, OnCommit, Phase
from vipkeeper.config.timing_rules import longest_takeover_s

# Hosts in a schedule, at most; a fault of a host that is not there strikes another.
_HOSTS = range(4)


def _outage_s(random: Random, span: Span) -> float:
    return span.ttl_s * random.choice((1.2, 1.5, 2.0, 4.0)) * random.uniform(0.7, 1.3)


def _unseen_s(span: Span) -> float:
    """After so long without a sign of life a host leaves the electorate: 2.5 heartbeats, and a renewal."""
    return 2.5 * 1.5 * span.lease_max_s + span.ttl_s / 2


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
    gone_s = _unseen_s(span) * random.uniform(1.0, 1.3)
    back_s = time_s + gone_s
    silence = (
        Fault(At(time_s), faults.Cut(outsider, gone_s)),
        Fault(At(time_s), faults.Silence(outsider, gone_s + span.ttl_s * random.choice((0.0, 5.0)))),
    )
    others = tuple(
        Fault(At(back_s - 0.01), faults.Cut(host, span.ttl_s * random.uniform(3.0, 8.0)))
        for host in _HOSTS
        if host != outsider
    )
    return (*silence, *others)


def outsider_finds_the_store_wiped(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """The same, and all is deleted once it has read who the owner was; the others stay away for long."""
    told = outsider_sees_the_store(random, span, time_s)
    back_s = max(fault.when.time_s for fault in told if isinstance(fault.when, At))
    away_s = longest_takeover_s(span.lease_max_s) + random.uniform(0.5, 2.0)
    return (
        *told,
        *(Fault(At(back_s), faults.Cut(host, away_s)) for host in _HOSTS if host != _outsider(told)),
        Fault(At(back_s + 0.3), faults.Wipe()),
        Fault(At(back_s + away_s), faults.Compact()),  # harmless: the schedule lasts until then
    )


def _outsider(told: tuple[Fault, ...]) -> int | None:
    """The host that the first fault of `outsider_sees_the_store` strikes."""
    return told[0].what.host if isinstance(told[0].what, faults.Cut) else None


def joiner_in_doubt(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """A host comes or comes back; whether the owner's write that names it took effect stays open."""
    owner, joiner = 0, random.choice((1, 1, 2))
    away_s = 1.2 * _unseen_s(span) if random.random() < 0.8 else span.ttl_s
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
    """All hold on by promises; one that promised starts anew and finds a store from between two owners."""
    host = random.choice((1, 2))
    between_s = 0.3
    down_s = time_s + between_s + span.ttl_s * random.uniform(0.3, 1.0)
    back_s = down_s + span.ttl_s * random.uniform(0.7, 1.6)
    released_s = time_s + random.uniform(0.06, 0.25)
    return (
        Fault(At(time_s), faults.Unfit(0, random.randrange(3), span.ttl_s / 4)),
        Fault(OnCommit(time_s, CommitKind.CLAIM, Phase.SENT), faults.HoldRequest(between_s)),
        *(Fault(At(down_s), faults.Cut(each, 8 * span.ttl_s)) for each in _HOSTS if each != host),
        Fault(At(down_s), faults.Cut(host, back_s - down_s)),
        Fault(At(back_s - 0.01), faults.Restore(back_s - 0.01 - released_s, 0.001)),
        Fault(At(back_s - 0.005), faults.Kill(host, 0.001)),
    )


def asked_while_claiming(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """The first question arrives when a claim is under way, and the answer when the owner's time is over.

    The lengths follow from that: a question leaves at 3/8 of the lease, a claim at all of it.
    """
    owner, claimer = random.choice(((0, 1), (1, 0)))
    ttl_s = span.ttl_s
    frozen_s, thawed_s = ttl_s * random.uniform(0.7, 0.97), ttl_s * random.uniform(1.05, 1.4)
    return (
        *(Fault(At(time_s), faults.Cut(each, 5 * ttl_s)) for each in _HOSTS if each != claimer),
        Fault(At(time_s), faults.Cut(claimer, ttl_s * random.uniform(1.1, 1.4))),
        Fault(At(time_s), faults.SlowDatagrams(owner, 3 * ttl_s, ttl_s * random.uniform(0.64, 0.74))),
        Fault(At(time_s + frozen_s), faults.Freeze(owner, thawed_s - frozen_s)),
    )


def namesake_alone_with_the_store(random: Random, span: Span, time_s: float) -> tuple[Fault, ...]:
    """A second user of a node name finds the store when the others, who hold on by promises, lost it."""
    lost_s = time_s - 0.01
    return (
        Fault(At(0.0), faults.Cut(1, time_s + span.ttl_s * random.random())),
        *(Fault(At(lost_s), faults.Cut(each, random.uniform(2.0, 8.0))) for each in (0, 2, 3)),
    )
