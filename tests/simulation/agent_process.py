"""One run of an agent on a host: feeds the election, carries out what it asks for, and can be struck.

Rules of this file:

- Events are taken one by one, in the order in which they came in, each at a later instant than the last.
- After each step the kernel is made as the holdings say, then the effects are carried out.
- A frozen process takes no step; what reaches the host meanwhile waits, and timers ring at the thaw.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from tests.simulation.datagrams import Datagrams
from tests.simulation.host import Host
from tests.simulation.process_life import ProcessLife
from tests.simulation.segment import Segment
from tests.simulation.store_talk import StoreTalk
from tests.simulation.timeline import Timeline
from tests.simulation.trace import Trace
from vipkeeper.election.effects import (
    Commit,
    Effect,
    Finished,
    Holding,
    KeepPromises,
    PinCluster,
    Read,
    Tell,
)
from vipkeeper.election.events import (
    Event,
    FitnessChanged,
    KernelAdoptable,
    Now,
    Reconfigured,
    StopRequested,
    TimePassed,
    Withdrawn,
)
from vipkeeper.election.machine import Election
from vipkeeper.model.agent_report import Report
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.reasons import Reason

# Far more steps than any honest run needs: an election that asks to be woken at once, for ever.
STEPS_MAX = 20_000

# A reading of the kernel after a removal takes at most this long.
KERNEL_READING_S = 0.002

# Timers ring a little late, never early.
ALARM_LATE_S = 1e-6


class BrokenRule(Exception):
    """The election asked for something that its surface rules out."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every process is connected to."""

    timeline: Timeline
    segment: Segment
    datagrams: Datagrams
    random: Random
    trace: Trace
    finished: Callable[[Host, Finished], None]
    held_late: list[str]  # holdings whose deadline had passed when they were asked for


class AgentProcess:
    """A process, from its start to its end."""

    def __init__(self, host: Host, around: Surroundings) -> None:
        self.host = host
        self.steps = 0
        self._around = around
        self._timeline = around.timeline
        self._life = ProcessLife(around.timeline)
        self._talk = StoreTalk(host, around.segment, around.random, self._life, self.hear)
        self._name = host.new_process()
        self._inbox: deque[Event] = deque()
        self._working = False
        self._freeze_in_step_s: float | None = None
        self._alarm_s: float | None = None  # on the host's clock
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._held: Mapping[str, Holding] = {}
        self._settings = host.settings(self._name)
        self._election = Election(self._settings, self._now())
        self._start()

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._life.alive

    def holds(self, unit: str) -> bool:
        """Whether the election wants the unit answered for."""
        holding = self._held.get(unit)
        return holding is not None and holding.deadline_s is not None

    def report(self) -> Report:
        """What it would tell who asks."""
        return self._election.report(self._now(), with_records=True)

    def hear(self, event: Event) -> None:
        """Something reaches the agent."""
        if self._life.alive:
            self._inbox.append(event)
            self._work_soon()

    def freeze(self, for_s: float, *, in_step: bool) -> None:
        """SIGSTOP now, or between the next decision and the kernel's hearing of it; SIGCONT after a time.

        Without a packet fence the kernel counts from the moment of writing, so there a step is atomic.
        """
        if in_step and self.host.plan.fence is FenceKind.BPF:
            self._freeze_in_step_s = for_s
        else:
            self._stop_running(for_s)

    def thaw(self) -> None:
        """SIGCONT."""
        if self._life.frozen and self._life.alive:
            self._note("thaws")
            self._life.thaw()
            self._talk.settle_attempts(self._inbox)
            self._shuffle_alarm()
            self._work_soon()

    def kill(self) -> None:
        """SIGKILL."""
        self._note("is gone")
        self._life.alive = False
        self._inbox.clear()
        self._talk.end()

    def stop(self, *, keep: bool) -> None:
        """SIGTERM, or the signal that keeps everything."""
        self.hear(StopRequested(keep))

    def reload(self) -> None:
        """SIGHUP: take over what the host's configuration says now."""
        self.hear(Reconfigured(self.host.settings(self._name)))
        self.look_at_fitness()

    def look_at_fitness(self) -> None:
        """Report each unit's fitness, those alike together."""
        alike: dict[Reason | None, set[str]] = {}
        for unit in self.host.units:
            alike.setdefault(self.host.unfit.get(unit.name), set()).add(unit.name)
        for reason, names in alike.items():
            self.hear(FitnessChanged(frozenset(names), reason))

    def _start(self) -> None:
        self._learn_addresses()
        kernel, now_s = self.host.kernel, self._timeline.now_s
        adoptable = frozenset(
            name
            for name, addresses in self._addresses.items()
            if all(kernel.answers(address, now_s) for address in addresses)
        )
        kernel.keep_only(frozenset(a for name in adoptable for a in self._addresses[name]), now_s)
        self._note(f"starts; adoptable: {sorted(adoptable)}")
        self.hear(KernelAdoptable(adoptable))
        self.look_at_fitness()
        self._talk.follow(lambda: self._election.revision, 2 * self._settings.timing.attempt_s)

    def _learn_addresses(self) -> None:
        for unit in self._settings.units:
            self._addresses[unit.name] = tuple(address.address for address in unit.addresses)

    def _work_soon(self) -> None:
        if self._inbox and not self._working and not self._life.frozen:
            self._working = True
            self._timeline.after(self._cpu_wait_s(), self._work)

    def _work(self) -> None:
        self._working = False
        if self._life.alive and not self._life.frozen and self._inbox:
            self._step(self._inbox.popleft())
            self._work_soon()

    def _step(self, event: Event) -> None:
        now = self._now()
        self.steps += 1
        election, trace = self._election, self._around.trace
        if self.steps > STEPS_MAX:
            raise BrokenRule(f"{STEPS_MAX} steps, and next to be woken at {election.next_deadline()}")
        if trace.wanted:
            self._note(f"[{now.boot_s:.6f}] <- {trace.event(event)}")
        if isinstance(event, Reconfigured):  # not before: until now the election means the former addresses
            self._settings = event.settings
            self._learn_addresses()
        effects = election.step(event, now)
        held = dict(election.holdings())
        for name, holding in held.items():
            if holding.deadline_s is not None and holding.deadline_s <= now.boot_s:
                self._around.held_late.append(f"{name} until {holding.deadline_s}, asked at {now.boot_s}")
        if self._freeze_in_step_s is None:
            self._carry_out(held, effects)
        else:
            self._stop_running(self._freeze_in_step_s)
            self._freeze_in_step_s = None
            self._life.when_running(lambda: self._carry_out(held, effects))

    def _carry_out(self, held: Mapping[str, Holding], effects: list[Effect]) -> None:
        trace = self._around.trace
        if trace.wanted and held != self._held:
            until = ", ".join(f"{name} until {holding.deadline_s}" for name, holding in held.items())
            self._note(f"   kernel: {until or 'nothing'}")
        gone = self._held.keys() - held.keys()
        self._held = held
        self.host.kernel.apply(held, self._addresses, self._timeline.now_s)
        if gone:
            self._look_for_withdrawn(gone)
        for effect in effects:
            if trace.wanted:
                self._note(f"   -> {trace.effect(effect)}")
            self._do(effect)
        if self._life.alive:
            self._set_alarm()

    def _do(self, effect: Effect) -> None:
        attempt_s = self._settings.timing.attempt_s
        match effect:
            case Commit():
                self._talk.commit(effect.id, effect.transaction, attempt_s)
            case Read():
                self._talk.read(effect.prefix, self._election.revision, attempt_s)
            case Tell():
                self._around.datagrams.send(self.host.number, effect.address, effect.message)
            case KeepPromises():
                self.host.promises = effect.promises
                self._do(effect.then)
            case PinCluster():
                self.host.pinned_cluster = effect.cluster_id
            case Finished():
                self.kill()
                self._around.finished(self.host, effect)
            case _:
                pass

    def _look_for_withdrawn(self, units: set[str]) -> None:
        """Read the kernel soon, and again until every address of these units is gone or wanted again."""

        def look() -> None:
            self.host.kernel.apply(self._held, self._addresses, self._timeline.now_s)
            standing = units & self.host.kernel.units()
            if standing != units:
                self.hear(Withdrawn(frozenset(units - standing)))
            if standing - self._held.keys():
                self._look_for_withdrawn(standing - self._held.keys())

        self._life.later(self._around.random.random() * KERNEL_READING_S, look)

    def _now(self) -> Now:
        return Now(self.host.clock.reading_s(self._timeline.now_s))

    def _cpu_wait_s(self) -> float:
        weather, random = self._around.segment.weather, self._around.random
        if random.random() < weather.cpu_spike_chance:
            return random.random() * weather.cpu_spike_s
        return 1e-6 + random.random() * weather.cpu_wait_s

    def _set_alarm(self) -> None:
        deadline_s = self._election.next_deadline()
        if deadline_s is not None and (self._alarm_s is None or deadline_s < self._alarm_s):
            self._alarm_s = deadline_s
            true_s = self.host.clock.true_s(deadline_s) + ALARM_LATE_S
            self._timeline.at(true_s, lambda: self._ring(deadline_s))

    def _ring(self, rung_s: float) -> None:
        if self._alarm_s != rung_s or not self._life.alive:
            return
        self._alarm_s = None
        deadline_s = self._election.next_deadline()
        if deadline_s is not None and deadline_s <= self._now().boot_s:
            self.hear(TimePassed())
        else:
            self._set_alarm()

    def _stop_running(self, for_s: float) -> None:
        self._note(f"freezes for {for_s:.3f} s")
        self._life.frozen = True
        self._timeline.after(for_s, self.thaw)

    def _shuffle_alarm(self) -> None:
        """After a thaw, timers may be looked at before or after everything else that waits."""
        random, inbox = self._around.random, self._inbox
        if TimePassed() in inbox and random.random() < 0.5:
            inbox.remove(TimePassed())
            if random.random() < 0.5:
                inbox.append(TimePassed())
            else:
                inbox.appendleft(TimePassed())

    def _note(self, what: str) -> None:
        trace = self._around.trace
        if trace.wanted:
            trace.note(f"{self.host.plan.node}@{self.host.number}", what)
