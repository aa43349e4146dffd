"""A small world in fine weather for tests that are written by hand: equal hosts, one VIP, chosen faults."""

from __future__ import annotations

import msgspec

from tests.simulation.agent_process import AgentProcess
from tests.simulation.answers import Span
from tests.simulation.fault_desk import FaultDesk
from tests.simulation.faults import Action, At, CommitKind, Fault, OnCommit, Phase
from tests.simulation.host import KEYS
from tests.simulation.schedule import HostPlan, Schedule, UnitPlan
from tests.simulation.world import FINE, World
from vipkeeper.config.timing_rules import longest_takeover_s
from vipkeeper.model.agent_report import Report
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.records import LeaseRecord, VipRecord

ADDRESS = "10.0.0.1"
VIP = "vip"
TTL_S = 1.0
LEASE_MAX_S = 2.0
OUTSIDERS_S = 30.0  # with failsafe
ALONE_S = 6.0


class Stage:
    """Hosts 0, 1, ... with nodes n0, n1, ...; host 0 is preferred and owns the VIP when `opened` returns.

    After each advance, no two hosts have answered at once, epochs have grown, and nothing was held late.
    """

    def __init__(self, hosts: int = 2, names: tuple[str, ...] = (), *, failsafe: bool = False) -> None:
        plans = tuple(
            self._plan(number, names[number] if names else VIP, failsafe=failsafe) for number in range(hosts)
        )
        self.world = World(
            Schedule(
                seed=1,
                hosts=plans,
                lease_max_s=LEASE_MAX_S,
                name_challenge_s=0.5,
                weather=FINE,
                faults=(),
                faults_end_s=float("inf"),
                must_settle=False,
                outsiders_s=OUTSIDERS_S,
                alone_s=ALONE_S,
            )
        )
        self._desk = FaultDesk(self.world)
        self.world.begin()

    @classmethod
    def opened(cls, hosts: int = 2, names: tuple[str, ...] = (), *, failsafe: bool = False) -> Stage:
        """A stage on which host 0 owns the VIP."""
        stage = cls(hosts, names, failsafe=failsafe)
        stage.advance(longest_takeover_s(LEASE_MAX_S) + 1.0)
        assert stage.who_answers() == 0
        return stage

    @staticmethod
    def _plan(number: int, name: str, *, failsafe: bool) -> HostPlan:
        unit = UnitPlan(name, (ADDRESS,), priority=200 - number, preempt=False)
        return HostPlan(
            node=f"n{number}",
            clock_rate=1.0,
            clock_shown_s=1000.0 * (number + 1),
            starts_s=0.01 * number,
            fence=FenceKind.BPF,
            ttl_s=TTL_S,
            units=(unit,),
            failsafe=failsafe,
        )

    @property
    def now_s(self) -> float:
        """True time."""
        return self.world.timeline.now_s

    def advance(self, for_s: float) -> None:
        """Let time pass, and check what must always hold."""
        self.world.run_until(self.now_s + for_s)
        assert self.world.answers.double is None
        assert self.world.epochs.broken is None
        assert not self.world.held_late

    def strike(self, *actions: Action) -> None:
        """These happen now."""
        self._desk.plan(tuple(Fault(At(self.now_s), action) for action in actions))

    def ambush(self, kind: CommitKind, phase: Phase, host: int, *actions: Action) -> None:
        """These happen at the next such moment."""
        self._desk.plan(tuple(Fault(OnCommit(self.now_s, kind, phase, host), a) for a in actions))

    def add_process(self, host: int) -> AgentProcess:
        """A second agent in the same run directory, which the lock rules out in reality."""
        return AgentProcess(self.world.hosts[host], self.world.around)

    def report(self, host: int) -> Report:
        """What the agent of a host knows and does."""
        return self.world.processes[host].report()

    def who_answers(self) -> int | None:
        """The host that answers now."""
        running = self.world.answers.running(ADDRESS, self.now_s)
        return running[0].host if running else None

    def spans(self) -> list[Span]:
        """Who answered so far, in order."""
        return self.world.answers.spans(ADDRESS)

    def record(self, name: str = VIP) -> VipRecord:
        """The ownership record."""
        (record,) = self.world.store.snapshot(KEYS.vip(name)).records
        return msgspec.json.decode(record.value, type=VipRecord)

    def lease(self, host: int) -> LeaseRecord:
        """A host's lease record."""
        (record,) = self.world.store.snapshot(KEYS.lease(f"n{host}")).records
        return msgspec.json.decode(record.value, type=LeaseRecord)

    def revision(self, key: str) -> int:
        """When a key was written."""
        (record,) = self.world.store.snapshot(key).records
        return record.revision
