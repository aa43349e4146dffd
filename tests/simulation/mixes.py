"""Which faults are drawn together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.simulation import draw_actions as one
from tests.simulation import failsafe_plots, faults, plots
from tests.simulation.draw_actions import Span, near_pivot_s
from tests.simulation.faults import Action, Fault, OnCommit
from tests.simulation.plots import Plot


@dataclass(frozen=True, slots=True)
class Mix:
    """Which plots are drawn together, and how many."""

    plots: tuple[Plot, ...]
    count: tuple[int, int]
    quiet: float  # how often the weather is fine, so that only the faults matter
    weight: int
    failsafe: float = 0.3  # how often it is on
    namesakes: bool = False  # the first two hosts use one node name
    strangers: bool = True  # some hosts may use another's name


def _singles(*draws: Callable[[Random, Span], Action]) -> tuple[Plot, ...]:
    return tuple(plots.single(draw) for draw in draws)


_MESSAGES = _singles(one.hold_request, one.hold_reply, one.lose_request, one.lose_reply)
_PROCESSES = _singles(one.freeze, one.freeze, one.kill, one.stop, one.reboot)
_LINKS = _singles(one.cut, one.store_down, one.break_watch, one.stall_watch)
_PLOTS = (
    *(plots.late_reply_then_silence, plots.held_while_frozen, plots.held_while_frozen, plots.other_lease),
    *(plots.late_release, plots.late_claim, plots.comes_back_as_a_stranger),
    *(plots.reload_in_flight, plots.hears_the_next_owner, plots.slow_removal),
    *(plots.started_with_another_lease, plots.leaves_late_with_a_shorter_lease),
)

# Only what lets every agent notice: see Restore.
RESTORES = Mix((plots.restored_to_an_earlier_owner, *_singles(one.restore)), (1, 2), 1.0, 2, strangers=False)
# Here the one that starts anew has promised, which a stranger has not.
RESTORED_UNDER_PROMISES = Mix(
    (failsafe_plots.promised_then_restored,), (1, 1), 1.0, 1, failsafe=1.0, strangers=False
)

# Two hosts use one node name, and one of them falls silent for about as long as the other asks.
NAMESAKES = Mix(
    (
        *(plots.namesake_serves_beside, plots.namesake_serves_beside),
        *_singles(one.freeze, one.cut, one.hold_request, one.hold_reply, one.kill),
    ),
    (1, 4),
    0.8,
    2,
    namesakes=True,
)
NAMESAKES_IN_AN_OUTAGE = Mix(
    (
        failsafe_plots.namesake_alone_with_the_store,
        failsafe_plots.outage_seen_by_some,
        failsafe_plots.promiser_sees_the_store_again,
    ),
    (1, 2),
    0.9,
    1,
    failsafe=1.0,
    namesakes=True,
)

_FAILSAFE = (
    *(failsafe_plots.store_outage, failsafe_plots.outage_seen_by_some),
    *(failsafe_plots.promiser_sees_the_store_again, failsafe_plots.promiser_struck),
    *(failsafe_plots.late_promises, failsafe_plots.outsider_sees_the_store),
    *(failsafe_plots.outsider_finds_the_store_wiped,),
    *(failsafe_plots.joiner_in_doubt, failsafe_plots.asked_while_claiming),
)

_EVERYTHING = (
    *(*_MESSAGES, *_PROCESSES, *_LINKS, *_PLOTS, *_FAILSAFE),
    *_singles(one.silence, one.slow_datagrams),
    *_singles(one.unfit, one.reload, one.hear, one.compact),
)

MIXES = (
    Mix(_PLOTS, (1, 2), 0.9, 14),
    Mix((*_PLOTS, *_singles(one.freeze, one.cut)), (2, 4), 0.8, 3),
    Mix(_singles(one.freeze), (1, 3), 0.8, 2),
    Mix((*_MESSAGES, *_singles(one.freeze)), (2, 6), 0.5, 3),
    Mix(_singles(one.unfit, one.hold_request, one.hold_reply, one.freeze, one.stop), (2, 6), 0.7, 2),
    Mix(_singles(one.kill, one.reboot, one.stop, one.hold_request, one.lose_reply), (2, 5), 0.6, 2),
    Mix((*_MESSAGES, *_singles(one.reload, one.reload, one.freeze, one.unfit)), (2, 6), 0.6, 2),
    Mix((*_LINKS, *_singles(one.freeze, one.kill)), (2, 5), 0.4, 2),
    Mix((plots.wiped_unseen, plots.deleted_under_an_owner), (1, 1), 1.0, 3),
    Mix(_singles(one.delete_record, one.wipe, one.freeze, one.kill, one.compact), (1, 4), 0.7, 2),
    RESTORES,
    NAMESAKES,
    NAMESAKES_IN_AN_OUTAGE,
    Mix(_FAILSAFE, (1, 1), 0.9, 10, 1.0),
    Mix((*_FAILSAFE, *_PROCESSES, *_singles(one.silence, one.slow_datagrams)), (2, 3), 0.7, 3, 1.0),
    Mix((*_FAILSAFE, *_PLOTS), (2, 3), 0.6, 2, 1.0),
    Mix(_EVERYTHING, (3, 7), 0.3, 2, 0.7),
)


def draw_mix(random: Random) -> Mix:
    """One of the mixes, by weight."""
    return random.choices(MIXES, [mix.weight for mix in MIXES])[0]


def mix_of_plot(name: str) -> Mix:
    """A single plot in fine weather, or one of the mixes that need a cluster of their own."""
    own = {
        "restored_to_an_earlier_owner": RESTORES,
        "namesakes": NAMESAKES,
        "promised_then_restored": RESTORED_UNDER_PROMISES,
        "namesake_alone_with_the_store": NAMESAKES_IN_AN_OUTAGE,
    }.get(name)
    if own is not None:
        return own
    if hasattr(failsafe_plots, name):
        return Mix((getattr(failsafe_plots, name),), (1, 2), 0.9, 1, 1.0)
    plot: Plot = getattr(plots, name)
    return Mix((plot,), (1, 2), 0.9, 1)


def draw_faults(random: Random, span: Span, mix: Mix, hosts: int, first_s: float) -> tuple[Fault, ...]:
    """Plots of a mix, one after the other or on top of each other."""
    drawn: list[Fault] = []
    time_s = first_s + random.random() * span.ttl_s
    for _ in range(random.randint(*mix.count)):
        drawn += random.choice(mix.plots)(random, span, time_s)
        step_s = random.choice((0.0, 0.002, 0.02, span.ttl_s / 4, span.ttl_s, near_pivot_s(random, span)))
        time_s += step_s * random.random()
    return tuple(_on_hosts(fault, hosts) for fault in drawn)


def _on_hosts(fault: Fault, hosts: int) -> Fault:
    """With a host that exists; None only where a transaction tells whose."""
    what = fault.what
    if not isinstance(what, faults.OfHost) or (what.host is None and isinstance(fault.when, OnCommit)):
        return fault
    return Fault(fault.when, replace(what, host=(what.host or 0) % hosts))
