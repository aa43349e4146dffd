"""The simulated world: hosts, a store, the way between them, and a schedule of faults that is carried out.

Rules of this file: a run depends on its schedule alone. It ends at the first broken rule.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import msgspec

from backends.memory import MemoryMap
from backends.store import Snapshot, Transaction
from tests.simulation.agent_process import AgentProcess, BrokenRule, Surroundings
from tests.simulation.answers import AnswerLog
from tests.simulation.datagrams import Datagrams
from tests.simulation.epochs import EpochLog
from tests.simulation.faults import CommitKind, Restore
from tests.simulation.host import KEYS, Host
from tests.simulation.schedule import Schedule, Weather
from tests.simulation.segment import Segment
from tests.simulation.timeline import Timeline
from tests.simulation.trace import Trace
from vipkeeper.election.effects import Finished
from vipkeeper.election.events import MessageHeard
from vipkeeper.model.messages import Message
from vipkeeper.model.records import VipRecord

# Backups are taken so often while a schedule has a Restore in it.
_BACKUP_EVERY_S = 0.05

FINE = Weather(
    delay_s=0.001,
    spike_chance=0.0,
    spike_s=0.01,
    loss_chance=0.0,
    late_chance=0.0,
    late_s=0.0,
    cpu_wait_s=0.0005,
    cpu_spike_chance=0.0,
    cpu_spike_s=0.0,
)


class World:
    """One run."""

    def __init__(self, schedule: Schedule, show: Callable[[str], None] | None = None) -> None:
        self.schedule = schedule
        self.timeline = Timeline()
        self.random = Random(schedule.seed)
        self.trace = Trace(self.timeline, show, KEYS.prefix)
        self.store = MemoryMap()
        self.answers = AnswerLog(self.timeline.halt)
        self.epochs = EpochLog(KEYS, self.timeline.halt)
        self.store.listen(self.epochs.hear)
        heartbeat_s = max(0.5, schedule.lease_max_s / 2)  # as agents have it for the longest lease
        self.segment = Segment(self.timeline, self.store, schedule.weather, heartbeat_s, self.random)
        self.datagrams = Datagrams(self.timeline, schedule.weather, self.random, self._hear_datagram)
        self.hosts = [
            Host(number, plan, schedule, self.answers, self.random)
            for number, plan in enumerate(schedule.hosts)
        ]
        self.processes: dict[int, AgentProcess] = {}
        self.held_late: list[str] = []
        self._steps = 0
        self.around = Surroundings(
            *(self.timeline, self.segment, self.datagrams, self.random, self.trace),
            *(self._on_finished, self.held_late),
        )
        self._stopping: dict[int, tuple[bool, float]] = {}  # host -> keep, when it is started again
        self._mended = False
        self._backups: list[tuple[float, Snapshot]] = []

    def begin(self) -> None:
        """Plan the starts."""
        for host in self.hosts:
            self.timeline.at(host.plan.starts_s, partial(self.start, host))
            if host.plan.leaves_s is not None:
                self.timeline.at(host.plan.leaves_s, partial(self.kill, host.number, None))
        if any(isinstance(fault.what, Restore) for fault in self.schedule.faults):
            self._take_backup()

    def run_until(self, time_s: float) -> None:
        """Let time pass, unless a rule breaks."""
        self.timeline.run_until(time_s)

    def process(self, host: int | None, sender: int) -> AgentProcess | None:
        """The agent that runs on a host; None for the host means the sender's."""
        return self.processes.get(sender if host is None else host)

    # What faults do

    def start(self, host: Host) -> None:
        """Start the host's agent, unless one runs or it has left for good."""
        gone = host.plan.leaves_s is not None and host.plan.leaves_s <= self.timeline.now_s
        if host.number not in self.processes and not gone:
            self.processes[host.number] = AgentProcess(host, self.around)

    def kill(self, number: int, restart_after_s: float | None) -> None:
        """SIGKILL."""
        self._end(number)
        if restart_after_s is not None:
            self.timeline.after(restart_after_s, lambda: self.start(self.hosts[number]))

    def reboot(self, number: int, down_s: float, *, keeps_run_directory: bool) -> None:
        """Power off and on."""
        self._end(number)
        self.hosts[number].reboot(self.timeline.now_s, keeps_run_directory=keeps_run_directory)
        self.timeline.after(down_s, lambda: self.start(self.hosts[number]))

    def stop(self, number: int, *, keep: bool, restart_after_s: float) -> None:
        """Ask the agent to end; start it again some time after it did, or after it was asked."""
        process = self.processes.get(number)
        if process is not None:
            kept, _ = self._stopping.get(number, (False, 0.0))
            self._stopping[number] = (keep or kept, restart_after_s)
            process.stop(keep=keep)

    def restore_backup(self, taken_s: float) -> None:
        """Restore the newest backup that was taken by then, or the oldest there is."""
        old_enough = [backup for at_s, backup in self._backups if at_s <= taken_s]
        backup = old_enough[-1] if old_enough else self._backups[0][1]
        self.trace.note("store", f"goes back from revision {self.store.revision} to {backup.revision}")
        self.store.restore(backup)

    def mend(self) -> None:
        """From now on all is well."""
        self.trace.note("world", "all faults end")
        self._mended = True
        self.segment.calm(FINE)
        self.datagrams.calm(FINE)
        for host in self.hosts:
            host.unfit.clear()
            incomplete = host.configure_all()
            process = self.processes.get(host.number)
            if host.plan.leaves_s is not None:
                self._end(host.number)
            elif process is None:
                self.start(host)
            else:
                process.thaw()
                if incomplete:
                    process.reload()
                else:
                    process.look_at_fitness()

    def kind_of(self, transaction: Transaction) -> CommitKind:
        """What a transaction is about."""
        for key, value in transaction.puts.items():
            if key.startswith(KEYS.vips):
                owner = msgspec.json.decode(value, type=VipRecord).owner
                return CommitKind.RELEASE if owner is None else CommitKind.CLAIM
        if any(key.endswith("/lease") for key in transaction.puts):
            return CommitKind.RENEWAL
        return CommitKind.OTHER

    def _hear_datagram(self, host: int, message: Message, address: str) -> None:
        process = self.processes.get(host)
        if process is not None:
            process.hear(MessageHeard(message, address))

    # Ends

    def _end(self, number: int) -> None:
        process = self.processes.pop(number, None)
        if process is not None:
            self._steps += process.steps
            if process.alive:
                process.kill()

    def _on_finished(self, host: Host, finished: Finished) -> None:
        keep, restart_after_s = self._stopping.pop(host.number, (True, 1.0))
        left = [a for unit in host.units for a in unit.addresses if host.kernel.stands(a)]
        if left and not keep:
            raise BrokenRule(f"host {host.number} ended its agent and left {left}")
        self._end(host.number)
        self.timeline.after(restart_after_s, lambda: self.start(host))

    @property
    def over(self) -> bool:
        """Whether a rule is broken."""
        return self.answers.double is not None or self.epochs.broken is not None

    def steps_taken(self) -> int:
        """By all processes so far."""
        return self._steps + sum(process.steps for process in self.processes.values())

    def _take_backup(self) -> None:
        self._backups.append((self.timeline.now_s, self.store.snapshot("")))
        if not self._mended:
            self.timeline.after(_BACKUP_EVERY_S, self._take_backup)
