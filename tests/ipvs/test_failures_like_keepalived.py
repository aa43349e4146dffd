"""A real keepalived and our machine: the same servers fail, and the same stands in the table and in the FIFO.

Each case is a virtual server of its own in one keepalived. Their steps go on side by side; before the next
one keepalived has logged what a step changed, so that it is never asked to catch up with two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ipvs.director import Director
from tests.ipvs.failing_servers import Case, Reload, Turn, cases
from tests.ipvs.keepalived_beside import CheckedServers, KeepalivedBeside
from vipkeeper.balancing.virtual_service import VirtualService
from vipkeeper.model.balancing import CheckPlan, CheckState, RealServerPlan, ServicePlan, Standing
from vipkeeper.model.ipvs import AddressKey, VirtualServer
from vipkeeper.model.server_changes import QuorumChange, ServerChange, ServerState

pytestmark = [pytest.mark.root, pytest.mark.ipvs]

_PATIENCE_S = 30.0


@dataclass(slots=True)
class Run:
    """One case under way: our machine, and the lines that keepalived's FIFO should have."""

    case: Case
    service: VirtualService
    lines: list[str]

    @property
    def plan(self) -> ServicePlan:
        return self.service.plan

    def says(self, server: int, check: str, to: bool | int) -> CheckPlan:
        """Our machine hears it at once. Returns the check."""
        real = self.server(server)
        (plan,) = [one for one in real.checks if one.name == check]
        self.service.checked(real.name, plan.label, _state(plan, to))
        self.lines += [_line(self.plan, change) for change in self.service.changes()]
        return plan

    def server(self, number: int) -> RealServerPlan:
        (real,) = [one for one in self.plan.real_servers if one.name == f"web{number}"]
        return real

    def reload(self, plan: ServicePlan, keepalived_adds: tuple[ServerChange, ...]) -> None:
        before = self.plan
        names = {server.name: server for server in (*before.real_servers, *plan.real_servers)}
        self.service.followed(plan)
        everybody = ServicePlan(plan.name, plan.keys, plan.service, tuple(names.values()))
        self.lines += [_line(everybody, change) for change in (*self.service.changes(), *keepalived_adds)]


def _state(plan: CheckPlan, to: bool | int) -> CheckState:
    if isinstance(to, bool):
        return CheckState(Standing.UP if to else Standing.DOWN)
    if to == 1:
        return CheckState(Standing.DOWN)
    return CheckState(Standing.UP, weight=to - 2 if to else None)


def _line(plan: ServicePlan, change: ServerChange) -> str:
    """As keepalived writes it. STOP is DOWN there."""
    virtual = _virtual(plan)
    state = "UP" if change.state is ServerState.UP else "DOWN"
    if isinstance(change, QuorumChange):
        return f"VS {virtual} {state}"
    (real,) = [one for one in plan.real_servers if one.name == change.real_server]
    transport = "tcp" if isinstance(plan.keys[0], AddressKey) else "none"
    return f"RS [{real.key.address}]:{transport}:{real.key.port} {virtual} {state}"


def _virtual(plan: ServicePlan) -> str:
    (key,) = plan.keys
    return f"[{key.address}]:tcp:{key.port}" if isinstance(key, AddressKey) else f"FWM {key.mark}"


class Beside:
    """All cases, keepalived, and what it checks."""

    def __init__(self, director: Director, directory: Path) -> None:
        self.keepalived = KeepalivedBeside(director, directory)
        self._servers = CheckedServers(director)
        self.runs: dict[str, Run] = {}
        for name, case in cases(directory).items():
            run = self.runs[name] = Run(case, VirtualService(case.plan), [])
            run.lines += [_line(case.plan, change) for change in run.service.changes()]
            self._open(run, case.plan.real_servers)
        self.keepalived.configure(run.plan for run in self.runs.values())

    def _open(self, run: Run, servers: Iterable[RealServerPlan]) -> None:
        """Their checks succeed from now on, or as the case says otherwise."""
        for real in servers:
            number = int(real.name.removeprefix("web"))
            for check in real.checks:
                to: bool | int = 0
                if check.reach is not None:
                    to = (number, check.name) not in run.case.closed
                if to is not False:
                    self._servers.turn(check, to)
                run.says(number, check.name, to)

    def step(self, number: int) -> None:
        """The same step of every case that has so many."""
        turned: list[tuple[RealServerPlan, int]] = []
        reloads = False
        for run in self.runs.values():
            if number >= len(run.case.steps):
                continue
            match run.case.steps[number]:
                case Turn(server, check, to):
                    real = run.server(server)
                    turned.append((real, self.keepalived.turned(real)))
                    self._servers.turn(run.says(server, check, to), to)
                case Reload(plan, keepalived_adds):
                    known = {real.key for real in run.plan.real_servers}
                    run.reload(plan, keepalived_adds)
                    self._open(run, [real for real in plan.real_servers if real.key not in known])
                    reloads = True
        for real, before in turned:
            self._wait_for_turn(real, before)
        if reloads:
            self.keepalived.configure(run.plan for run in self.runs.values())
            finished = self.keepalived.reloads()
            self.keepalived.reload()
            _wait(lambda: self.keepalived.reloads() > finished, self.keepalived.said)

    def _wait_for_turn(self, server: RealServerPlan, before: int) -> None:
        _wait(
            lambda: self.keepalived.turned(server) > before,
            lambda: f"{server.key}: nothing new in\n{self.keepalived.said()}",
        )

    def compare(self, when: str, *, at_the_start: bool = False) -> None:
        """Table and lines of each case. Chance says which check is the first at the start, so that the
        order of those lines is keepalived's; the order among cases is chance always."""

        def differing() -> list[str]:
            table, lines = self.keepalived.table(), self.keepalived.lines()
            found = []
            for name, run in self.runs.items():
                has, wants = table.get(run.plan.keys[0]), run.service.wanted().get(run.plan.keys[0])
                if has != wants:
                    found.append(f"{name}: keepalived has {_short(has)}, we {_short(wants)}")
                virtual = _virtual(run.plan)
                told = [line for line in lines if f" {virtual} " in line]
                if at_the_start and sorted(told) == sorted(run.lines):
                    run.lines = told
                if told != run.lines:
                    found.append(f"{name}: keepalived told {told}, we {run.lines}")
            return found

        _wait(lambda: not differing(), lambda: f"{when}:\n" + "\n".join(differing()))

    def close(self) -> None:
        self.keepalived.close()
        self._servers.close()


def _short(server: VirtualServer | None) -> str:
    if server is None:
        return "nothing"
    return str({str(key): how.weight for key, how in server.destinations.items()})


def _wait(true: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not true():
        assert time.monotonic() < until_s, otherwise()
        time.sleep(0.05)


@pytest.fixture
def beside(director: Director, tmp_path: Path) -> Iterator[Beside]:
    made = Beside(director, tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_the_same_failures_lead_to_the_same_table_and_the_same_lines(beside: Beside) -> None:
    beside.keepalived.start()
    beside.compare("at the start", at_the_start=True)
    for number in range(max(len(run.case.steps) for run in beside.runs.values())):
        beside.step(number)
        beside.compare(f"after step {number + 1}")
    for run in beside.runs.values():
        run.service.end()
        run.lines += [_line(run.plan, change) for change in run.service.changes()]
    beside.keepalived.stop()
    beside.compare("after the stop")
