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

from backends.memory import MemoryMap
from backends.store import Changed, Committed, Conflict, Snapshot, Transaction, Unknown
from tests.simulation.host import KEYS, Host
from tests.simulation.segment import Segment, Watch
from tests.simulation.timeline import Timeline
from tests.simulation.trace import Trace
from vipkeeper.election.effects import Commit, Effect, Finished, Holding, PinCluster, Read
from vipkeeper.election.events import (
    CommitAnswered,
    Event,
    FeedLost,
    FitnessChanged,
    KernelAdoptable,
    Now,
    ReadFailed,
    Reconfigured,
    RecordsChanged,
    SnapshotRead,
    StopRequested,
    TimePassed,
    Withdrawn,
)
from vipkeeper.election.machine import Election

# Far more steps than any honest run needs: an election that asks to be woken at once, for ever.
STEPS_MAX = 20_000

# A reading of the kernel after a removal takes at most this long.
_KERNEL_READING_S = 0.002


class BrokenRule(Exception):
    """The election asked for something that its surface rules out."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every process is connected to."""

    timeline: Timeline
    segment: Segment
    store: MemoryMap
    random: Random
    trace: Trace
    finished: Callable[[Host, Finished], None]


class AgentProcess:
    """A process, from its start to its end."""

    def __init__(self, host: Host, around: Surroundings) -> None:
        self.host = host
        self.alive = True
        self.steps = 0
        self._around = around
        self._name = host.new_process()
        self._inbox: deque[Event] = deque()
        self._working = False
        self._frozen = False
        self._freeze_in_step_s: float | None = None
        self._at_thaw: list[Callable[[], None]] = []
        self._attempts: dict[int, float] = {}  # commit id -> when its attempt ends, on the host's clock
        self._answered_late: dict[int, float] = {}  # answered while frozen, attempt's end as above
        self._alarm_s: float | None = None  # on the host's clock
        self._watch: Watch | None = None
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._held: Mapping[str, Holding] = {}
        self._settings = host.settings(self._name)
        self._election = Election(self._settings, self._now())
        self._start()

    # What befalls it

    def freeze(self, for_s: float, *, in_step: bool) -> None:
        """SIGSTOP now, or between the next decision and the kernel's hearing of it; SIGCONT after a time."""
        if in_step and self.host.plan.fence.value != "lifetime":
            self._freeze_in_step_s = for_s
            return
        self._stop_running(for_s)

    def thaw(self) -> None:
        """SIGCONT."""
        if not self._frozen or not self.alive:
            return
        self._note("thaws")
        self._frozen = False
        self._settle_attempts()
        deeds, self._at_thaw = self._at_thaw, []
        for deed in deeds:
            deed()
        self._shuffle_alarm()
        self._work_soon()

    def kill(self) -> None:
        """SIGKILL."""
        self._note("is gone")
        self.alive = False
        self._inbox.clear()
        if self._watch is not None:
            self._around.segment.forget(self._watch)

    def stop(self, *, keep: bool) -> None:
        """SIGTERM, or the signal that keeps everything."""
        self._post(StopRequested(keep))

    def reload(self) -> None:
        """SIGHUP: take over what the host's configuration says now."""
        self._settings = self.host.settings(self._name)
        self._learn_addresses()
        self._post(Reconfigured(self._settings))
        self.look_at_fitness()

    def look_at_fitness(self) -> None:
        """Report each unit's fitness."""
        for unit in self._settings.units:
            self._post(FitnessChanged(unit.name, self.host.unfit.get(unit.name)))

    def hear(self, event: Event) -> None:
        """Something else reaches the agent."""
        self._post(event)

    # The shell's duties

    def _start(self) -> None:
        self._learn_addresses()
        kernel, now_s = self.host.kernel, self._around.timeline.now_s
        adoptable = frozenset(
            name for name, addresses in self._addresses.items() if all(kernel.answers(a, now_s) for a in addresses)
        )
        kernel.keep_only(frozenset(a for name in adoptable for a in self._addresses[name]), now_s)
        self._note(f"starts; adoptable: {sorted(adoptable)}")
        self._post(KernelAdoptable(adoptable))
        self.look_at_fitness()
        self._read_whole()

    def _learn_addresses(self) -> None:
        for unit in self._settings.units:
            self._addresses[unit.name] = tuple(address.address for address in unit.addresses)

    def _post(self, event: Event) -> None:
        if self.alive:
            self._inbox.append(event)
            self._work_soon()

    def _work_soon(self) -> None:
        if self._inbox and not self._working and not self._frozen:
            self._working = True
            self._around.timeline.after(self._cpu_wait_s(), self._work)

    def _work(self) -> None:
        self._working = False
        if self.alive and not self._frozen and self._inbox:
            self._step(self._inbox.popleft())
            self._work_soon()

    def _step(self, event: Event) -> None:
        now = self._now()
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise BrokenRule(f"{STEPS_MAX} steps, and next to be woken at {self._election.next_deadline()}")
        election, trace = self._election, self._around.trace
        if trace.wanted:
            self._note(f"[{now.boot_s:.6f}] <- {trace.event(event)}")
        effects = election.step(event, now)
        held = dict(election.holdings())
        for name, holding in held.items():
            if holding.deadline_s is not None and holding.deadline_s <= now.boot_s:
                raise BrokenRule(f"{name} is to be held until {holding.deadline_s}, and it is {now.boot_s}")
        if self._freeze_in_step_s is None:
            self._carry_out(held, effects)
        else:
            self._at_thaw.append(lambda: self._carry_out(held, effects))
            self._stop_running(self._freeze_in_step_s)
            self._freeze_in_step_s = None

    def _carry_out(self, held: Mapping[str, Holding], effects: list[Effect]) -> None:
        around, trace = self._around, self._around.trace
        if trace.wanted and held != self._held:
            self._note("   kernel: " + (", ".join(f"{u} until {h.deadline_s}" for u, h in held.items()) or "nothing"))
        gone = self._held.keys() - held.keys()
        self._held = held
        self.host.kernel.apply(held, self._addresses, around.timeline.now_s)
        if gone:
            self._later(around.random.random() * _KERNEL_READING_S, lambda: self._report_withdrawn(gone))
        for effect in effects:
            if trace.wanted:
                self._note(f"   -> {trace.effect(effect)}")
            self._do(effect)
        self._set_alarm()

    def _do(self, effect: Effect) -> None:
        match effect:
            case Commit():
                self._commit(effect.id, effect.transaction)
            case Read():
                self._read(effect.prefix)
            case PinCluster():
                self.host.pinned_cluster = effect.cluster_id
            case Finished():
                self.kill()
                self._around.finished(self.host, effect)
            case _:
                pass

    def _report_withdrawn(self, units: set[str]) -> None:
        kernel = self.host.kernel
        gone = frozenset(unit for unit in units if not any(kernel.stands(a) for a in self._addresses[unit]))
        if gone:
            self._post(Withdrawn(gone))

    def _commit(self, number: int, transaction: Transaction) -> None:
        ends_s = self._now().boot_s + self._settings.timing.attempt_s
        self._attempts[number] = ends_s

        def answered(outcome: Committed | Conflict) -> None:
            if self._attempts.pop(number, None) is not None:
                if self._frozen:
                    self._answered_late[number] = ends_s
                self._post(CommitAnswered(number, outcome))

        self._around.segment.commit(self.host.number, transaction, answered)
        self._around.timeline.at(self.host.clock.true_s(ends_s), lambda: self._attempt_over(number))

    def _attempt_over(self, number: int) -> None:
        if not self._frozen and self._attempts.pop(number, None) is not None:
            self._post(CommitAnswered(number, Unknown("no answer")))

    def _settle_attempts(self) -> None:
        """At the thaw, both the answer and the end of its attempt may be there: either may be seen first."""
        now_s = self._now().boot_s
        events = []
        for event in self._inbox:
            if isinstance(event, CommitAnswered) and self._answered_late.get(event.id, now_s) < now_s:
                if self._around.random.random() < 0.3:
                    events.append(CommitAnswered(event.id, Unknown("no answer in time")))
                    continue
            events.append(event)
        self._inbox = deque(events)
        self._answered_late.clear()
        for number in [number for number, ends_s in self._attempts.items() if ends_s <= now_s]:
            del self._attempts[number]
            self._inbox.append(CommitAnswered(number, Unknown("no answer")))

    def _read(self, prefix: str) -> None:
        done = False
        floor = self._election.revision

        def answered(snapshot: Snapshot) -> None:
            nonlocal done
            if not done:
                done = True
                self._post(SnapshotRead(snapshot, floor))

        def over() -> None:
            nonlocal done
            if not done:
                done = True
                self._post(ReadFailed(prefix))

        self._around.segment.read(self.host.number, prefix, answered)
        self._around.timeline.after(self._settings.timing.attempt_s, over)

    def _read_whole(self) -> None:
        """Read everything and watch from there; again and again until it succeeds."""
        done = False
        floor = self._election.revision

        def answered(snapshot: Snapshot) -> None:
            nonlocal done
            if not done and self.alive:
                done = True
                self._post(SnapshotRead(snapshot, floor))
                self._unless_frozen(lambda: self._begin_watch(snapshot.revision))

        def over() -> None:
            nonlocal done
            if not done and self.alive:
                done = True
                self._unless_frozen(self._read_whole)

        self._around.segment.read(self.host.number, KEYS.prefix, answered)
        self._around.timeline.after(2 * self._settings.timing.attempt_s, over)

    def _begin_watch(self, after_revision: int) -> None:
        def changed(changed: Changed) -> None:
            self._post(RecordsChanged(changed))

        def lost(why: str) -> None:
            if self.alive and self._watch is watch:
                self._watch = None
                self._post(FeedLost(why))
                self._unless_frozen(self._read_whole)

        watch = self._watch = Watch(self.host.number, changed, lost)
        self._around.segment.watch(watch, KEYS.prefix, after_revision)

    # Its time

    def _now(self) -> Now:
        return Now(self.host.clock.reading_s(self._around.timeline.now_s), "")

    def _cpu_wait_s(self) -> float:
        weather, random = self._around.segment.weather, self._around.random
        if random.random() < weather.cpu_spike_chance:
            return random.random() * weather.cpu_spike_s
        return 1e-6 + random.random() * weather.cpu_wait_s

    def _set_alarm(self) -> None:
        deadline_s = self._election.next_deadline()
        if deadline_s is not None and (self._alarm_s is None or deadline_s < self._alarm_s):
            self._alarm_s = deadline_s
            self._around.timeline.at(
                self.host.clock.true_s(deadline_s) + 1e-6, lambda: self._ring(deadline_s)
            )

    def _ring(self, rung_s: float) -> None:
        if self._alarm_s != rung_s or not self.alive:
            return
        self._alarm_s = None
        deadline_s = self._election.next_deadline()
        if deadline_s is None:
            return
        if deadline_s <= self._now().boot_s:
            self._post(TimePassed())
        else:
            self._set_alarm()

    def _stop_running(self, for_s: float) -> None:
        self._note(f"freezes for {for_s:.3f} s")
        self._frozen = True
        self._around.timeline.after(for_s, self.thaw)

    def _shuffle_alarm(self) -> None:
        """After a thaw, timers may be looked at before or after everything else that waits."""
        random, inbox = self._around.random, self._inbox
        if TimePassed() in inbox and random.random() < 0.5:
            inbox.remove(TimePassed())
            if random.random() < 0.5:
                inbox.append(TimePassed())
            else:
                inbox.appendleft(TimePassed())

    def _later(self, delay_s: float, deed: Callable[[], None]) -> None:
        self._around.timeline.after(delay_s, lambda: self._unless_frozen(deed))

    def _unless_frozen(self, deed: Callable[[], None]) -> None:
        if self._frozen:
            self._at_thaw.append(deed)
        elif self.alive:
            deed()

    def _note(self, what: str) -> None:
        trace = self._around.trace
        if trace.wanted:
            trace.note(f"{self.host.plan.node}@{self.host.number}", what)
