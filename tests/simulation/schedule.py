"""A schedule: a cluster, its weather, and the faults that befall it. Plain values; see draw_schedule.py."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.simulation.faults import Fault, Shape
from vipkeeper.model.fences import FenceKind


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """A unit as one host configures it."""

    name: str
    addresses: tuple[str, ...]
    priority: int
    preempt: bool


@dataclass(frozen=True, slots=True)
class HostPlan:
    """A host and its agent."""

    node: str
    clock_rate: float
    clock_shown_s: float  # at the start of the simulation
    starts_s: float
    fence: FenceKind
    ttl_s: float
    units: tuple[UnitPlan, ...]
    leaves_s: float | None = None  # stopped for good then: a second user of somebody's name
    failsafe: bool = False


@dataclass(frozen=True, slots=True)
class Weather:
    """How messages fare when no fault strikes them, and how soon a process gets a CPU."""

    delay_s: float  # each way, at most
    spike_chance: float
    spike_s: float  # at most
    loss_chance: float  # of a request, and of a reply
    late_chance: float  # of a request that arrives after its sender has given it up
    late_s: float  # how late, at most
    cpu_wait_s: float  # at most
    cpu_spike_chance: float
    cpu_spike_s: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that a run depends on; `seed` drives what is drawn for each message."""

    seed: int
    hosts: tuple[HostPlan, ...]
    lease_max_s: float
    name_challenge_s: float
    weather: Weather
    faults: tuple[Fault, ...]  # in the order of their times
    faults_end_s: float  # after this the weather is fine and every agent is well
    must_settle: bool  # whether to wait, after that, for one stable owner of every address
    outsiders_s: float = 0.0  # of every host with failsafe
    alone_s: float = 0.0


def shaped(units: tuple[UnitPlan, ...], shape: Shape) -> tuple[UnitPlan, ...]:
    """The same addresses, otherwise named or grouped."""
    if shape is Shape.PLANNED or (shape is Shape.WIDENED and len(units) == 1):
        return units
    first = units[0] if shape is Shape.WIDENED else replace(units[0], name="other")
    if len(units) == 1:
        return (first,)
    return (replace(first, addresses=first.addresses + units[1].addresses), *units[2:])
