"""Draws a schedule from one number. The same number gives the same schedule in every process."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.simulation.draw_actions import Span
from tests.simulation.faults import At, Fault, Reboot, Reload, Shape, Wipe
from tests.simulation.mixes import RESTORES, Mix, draw_faults, draw_mix
from tests.simulation.schedule import HostPlan, Schedule, UnitPlan, Weather, shaped
from vipkeeper.config.timing_rules import RHO, longest_takeover_s
from vipkeeper.model.fences import FenceKind


def draw_schedule(seed: int, only: Mix | None = None) -> Schedule:
    """The schedule of a number; with `only`, of a number and a mix."""
    random = Random(seed)
    ttl_s = random.choice((0.3, 0.5, 0.5, 1.0))
    span = Span(ttl_s, ttl_s * random.choice((1.0, 1.0, 2.0)))
    mix = only or draw_mix(random)
    failsafe = random.random() < mix.failsafe
    hosts = _draw_hosts(random, span, mix, failsafe=failsafe)
    first_s = longest_takeover_s(span.lease_max_s) + 0.3
    if random.random() < 0.15 and mix is not RESTORES:
        first_s = random.random() * first_s
    drawn = draw_faults(random, span, mix, len(hosts), first_s)
    last_s = max([fault.when.time_s if isinstance(fault.when, At) else fault.when.after_s for fault in drawn])
    return Schedule(
        seed=seed,
        hosts=hosts,
        lease_max_s=span.lease_max_s,
        name_challenge_s=random.choice((0.3, 1.0, 3.0)),
        weather=_draw_weather(random, span, mix),
        faults=drawn,
        faults_end_s=last_s + span.lease_max_s * random.uniform(1.2, 2.0) + 0.3,
        must_settle=random.random() < 0.15 and _agree_on_addresses(hosts, drawn) and _one_cluster(drawn),
        outsiders_s=_draw_outsiders_s(random, span) if failsafe else 0.0,
        alone_s=span.lease_max_s * random.choice((0.0, 1.0, 2.0)),
    )


def _agree_on_addresses(hosts: tuple[HostPlan, ...], drawn: tuple[Fault, ...]) -> bool:
    """Whether a unit has the same addresses wherever its name is configured.

    Where it has not, an address may rightly stay with nobody: it is kept under a name whose owner lacks it.
    """
    if any(isinstance(fault.what, Reload) and fault.what.shape is Shape.WIDENED for fault in drawn):
        return False
    named = {(unit.name, unit.addresses) for host in hosts for unit in host.units}
    return len(named) == len({name for name, _ in named})


def _one_cluster(drawn: tuple[Fault, ...]) -> bool:
    """Whether every agent will be of one cluster.

    One that has lost its run directory may give a wiped store another identity, which the others refuse.
    """
    wiped = any(isinstance(fault.what, Wipe) for fault in drawn)
    return not wiped or not any(isinstance(fault.what, Reboot) for fault in drawn)


def _draw_outsiders_s(random: Random, span: Span) -> float:
    """Shorter or longer than what everybody waits who knows of no owner."""
    if random.random() < 0.3:
        return longest_takeover_s(span.lease_max_s) + random.uniform(1.0, 3.0)
    return span.lease_max_s * random.choice((1.0, 1.5, 3.0))


def _draw_hosts(random: Random, span: Span, mix: Mix, *, failsafe: bool) -> tuple[HostPlan, ...]:
    count = random.choice((2, 2, 2, 3, 3, 4))
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
        if random.random() < 0.1:
            mine = shaped(mine, random.choice((Shape.RENAMED, Shape.WIDENED)))
        node, leaves_s = _draw_name(random, span, mix, at)
        latest_s = 0.3 if mix is RESTORES else 4.0
        hosts.append(
            HostPlan(
                node=node,
                clock_rate=1 + RHO * random.choice((-0.99, 0.99, 0.0, random.uniform(-0.99, 0.99))),
                clock_shown_s=random.uniform(10.0, 1e6),
                starts_s=random.random() * random.choice((0.01, 0.3, latest_s)),
                fence=same_fence or random.choice(tuple(FenceKind)),
                ttl_s=span.ttl_s if random.random() < 0.8 else span.lease_max_s,
                units=mine,
                leaves_s=leaves_s,
                failsafe=failsafe and random.random() < 0.97,
            )
        )
    return tuple(hosts)


def _draw_name(random: Random, span: Span, mix: Mix, at: int) -> tuple[str, float | None]:
    """A node name, and when a second user of one leaves for good."""
    chance = 1.0 if mix.namesakes else 0.1 if mix.strangers else 0.0
    if not 1 <= at <= (1 if mix.namesakes else 9) or random.random() >= chance:
        return f"n{at}", None
    return "n0", longest_takeover_s(span.lease_max_s) * random.uniform(1.0, 2.5) + random.uniform(0.5, 5.0)


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
