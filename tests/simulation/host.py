"""A simulated host: what outlives an agent. Kernel, clock, run directory, configuration, fitness."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import msgspec

from tests.simulation.answers import AnswerLog
from tests.simulation.clocks import HostClock
from tests.simulation.datagrams import address_of
from tests.simulation.faults import Reload, Shape
from tests.simulation.kernel import SimulatedKernel
from tests.simulation.schedule import HostPlan, Schedule, UnitPlan, shaped
from vipkeeper.config.timing_rules import derive_timing
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.model.incarnations import incarnation_text
from vipkeeper.model.messages import GivenPromise
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import Keys
from vipkeeper.model.vips import Unit, VipAddress

KEYS = Keys("simulated")


class Host:
    """One host and the configuration that lies on it."""

    def __init__(
        self, number: int, plan: HostPlan, schedule: Schedule, log: AnswerLog, random: Random
    ) -> None:
        self.number = number
        self.plan = plan
        self.clock = HostClock(0.0, plan.clock_shown_s, plan.clock_rate)
        self.kernel = SimulatedKernel(number, self.clock, plan.fence, log, random)
        self.pinned_cluster: str | None = None
        self.promises: tuple[GivenPromise, ...] = ()  # in the run directory
        self.unfit: dict[str, Reason] = {}
        self.boot = 0
        self._schedule = schedule
        self._processes = 0
        self._ttl_s = plan.ttl_s
        self._units = plan.units
        self._shape = Shape.PLANNED

    def reboot(self, now_s: float, *, keeps_run_directory: bool) -> None:
        """Kernel and clock begin anew."""
        self.boot += 1
        self.clock = HostClock(now_s, 1.0, self.plan.clock_rate)
        self.kernel.reboot(self.clock, now_s)
        self.promises = ()  # those of another boot mean nothing
        if not keeps_run_directory:
            self.pinned_cluster = None

    def reload(self, change: Reload) -> None:
        """Edit the configuration."""
        if change.ttl_s is not None:
            self._ttl_s = change.ttl_s
        self._shape = change.shape
        units = shaped(self.plan.units, change.shape)
        if change.dropped is not None and len(units) > 1:
            units = tuple(unit for at, unit in enumerate(units) if at != change.dropped % len(units))
        if change.priority is not None:
            units = tuple(replace(unit, priority=change.priority) for unit in units)
        if change.preempt is not None:
            units = tuple(replace(unit, preempt=change.preempt) for unit in units)
        self._units = units

    def configure_all(self) -> bool:
        """Put back units that a reload had dropped. Whether there were any."""
        incomplete = len(self._units) != len(shaped(self.plan.units, self._shape))
        if incomplete:
            self.reload(Reload(None))
        return incomplete

    def new_process(self) -> str:
        """The identity of the process that is about to start."""
        self._processes += 1
        return f"process-{self.number}-{self._processes}"

    def settings(self, process: str) -> ElectionSettings:
        """What the configuration says now."""
        schedule = self._schedule
        timing = derive_timing(
            self._ttl_s,
            schedule.lease_max_s,
            heartbeat_s=(1.5 if self.plan.failsafe else 4) * schedule.lease_max_s,
            outsiders_s=schedule.outsiders_s if self.plan.failsafe else 0.0,
            alone_s=schedule.alone_s,
        )
        return ElectionSettings(
            node=self.plan.node,
            host=f"host{self.number}",
            incarnation=incarnation_text(f"machine-{self.number}", f"boot-{self.number}-{self.boot}", "run"),
            process=process,
            keys=KEYS,
            timing=msgspec.structs.replace(timing, name_challenge_s=schedule.name_challenge_s),
            fence=self.plan.fence,
            units=tuple(_unit(unit) for unit in self._units),
            address=address_of(self.number) if self.plan.failsafe else "",
            secret=process if self.plan.failsafe else "",
            earlier_promises=self.promises,
            pinned_cluster=self.pinned_cluster,
        )

    @property
    def units(self) -> tuple[UnitPlan, ...]:
        """What is configured now."""
        return self._units

    def unit_name(self, index: int) -> str:
        """The name of a configured unit, whatever the index."""
        return self._units[index % len(self._units)].name


def _unit(plan: UnitPlan) -> Unit:
    addresses = tuple(VipAddress.parse(address, "eth0") for address in plan.addresses)
    return Unit(plan.name, addresses, plan.priority, plan.preempt)
