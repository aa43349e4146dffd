"""One keepalived.conf, a real keepalived and our machine: as servers fail, the same stands in the table.

So does what is told in the FIFO. The machine is told of each failure; checks of ours are tested elsewhere.

Each case is a virtual server of its own in one keepalived. Their steps go on side by side; before the next
one keepalived has logged what a step changed, so that it is never asked to catch up with two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ipvs.director import Director
from tests.ipvs.failing_servers import Case, Reload, Turn, cases
from tests.ipvs.keepalived_beside import CheckedServers, KeepalivedBeside
from vipkeeper.balancing.virtual_service import VirtualService
from vipkeeper.config.flags import Flags
from vipkeeper.config.reader import load_config
from vipkeeper.config.virtual_servers import balancing_plan
from vipkeeper.model.balancing import CheckPlan, CheckState, RealServerPlan, ServicePlan, Standing
from vipkeeper.model.ipvs import AddressKey, DestinationKey, ServiceKey, VirtualServer
from vipkeeper.model.server_changes import QuorumChange, ServerChange, ServerState

pytestmark = [pytest.mark.root, pytest.mark.ipvs]

_PATIENCE_S = 60.0


@dataclass(slots=True)
class Run:
    """One case under way: as it is described, our machine, and the lines that keepalived's FIFO should have.

    The machine has what keepalived.conf comes to, where servers and checks have names of their own.
    """

    case: Case
    plan: ServicePlan
    service: VirtualService
    lines: list[str]

    @property
    def key(self) -> ServiceKey:
        (key,) = self.plan.keys
        return key

    def server(self, number: int) -> RealServerPlan:
        (real,) = [one for one in self.plan.real_servers if one.name == f"web{number}"]
        return real

    def says(self, server: int, check: str, to: bool | int) -> CheckPlan:
        """Our machine hears it at once. Returns the check."""
        real = self.server(server)
        (described,) = [one for one in real.checks if one.name == check]
        (ours,) = [one for one in self.service.plan.real_servers if one.key == real.key]
        (label,) = [one.label for one in ours.checks if _port(one) == _port(described)]
        self.service.checked(ours.name, label, _state(to))
        self.write_down(self.service.plan.real_servers)
        return described

    def reload(self, plan: ServicePlan) -> None:
        before = self.service.plan.real_servers
        self.service.followed(plan)
        self.write_down((*before, *plan.real_servers))

    def end(self) -> None:
        added = [self.server(number).key for number in self.case.we_add_at_the_end]
        before = len(self.lines)
        self.service.end()
        self.write_down(self.service.plan.real_servers)
        ours = [f"RS [{key.address}]:tcp:{key.port} {_virtual(self.key)} DOWN" for key in added]
        assert [line for line in self.lines[before:] if line in ours] == ours
        self.lines[before:] = [line for line in self.lines[before:] if line not in ours]

    def write_down(self, servers: Iterable[RealServerPlan], *more: ServerChange) -> None:
        """What our machine has to tell of these."""
        names = {real.name: real.key for real in servers}
        self.lines += [_line(self.key, names, change) for change in (*self.service.changes(), *more)]


def _port(check: CheckPlan) -> int | None:
    return check.reach.port if check.reach is not None else None


def _state(to: bool | int) -> CheckState:
    if isinstance(to, bool):
        return CheckState(Standing.UP if to else Standing.DOWN)
    if to == 1:
        return CheckState(Standing.DOWN)
    return CheckState(Standing.UP, weight=to - 2 if to else None)


def _line(key: ServiceKey, names: Mapping[str, DestinationKey], change: ServerChange) -> str:
    """As keepalived writes it. STOP is DOWN there."""
    state = "UP" if change.state is ServerState.UP else "DOWN"
    if isinstance(change, QuorumChange):
        return f"VS {_virtual(key)} {state}"
    real, transport = names[change.real_server], "tcp" if isinstance(key, AddressKey) else "none"
    return f"RS [{real.address}]:{transport}:{real.port} {_virtual(key)} {state}"


def _virtual(key: ServiceKey) -> str:
    return f"[{key.address}]:tcp:{key.port}" if isinstance(key, AddressKey) else f"FWM {key.mark}"


class Beside:
    """All cases, keepalived, and what it checks."""

    def __init__(self, director: Director, directory: Path) -> None:
        self.keepalived = KeepalivedBeside(director, directory)
        self._servers = CheckedServers(director)
        described = cases(directory)
        plans = self._configure(case.plan for case in described.values())
        self.runs = {
            name: Run(case, case.plan, VirtualService(plans[case.plan.keys[0]]), [])
            for name, case in described.items()
        }
        for run in self.runs.values():
            run.write_down(run.service.plan.real_servers)
            self._open(run, run.plan.real_servers)

    def _configure(self, plans: Iterable[ServicePlan]) -> dict[ServiceKey, ServicePlan]:
        """Write the file for both. Returns what it comes to with us."""
        self.keepalived.configure(plans)
        read = balancing_plan(load_config(str(self.keepalived.config), Flags(node="director")))
        return {plan.keys[0]: plan for plan in read.services}

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
        reloads: list[tuple[Run, tuple[ServerChange, ...]]] = []
        new: list[tuple[Run, RealServerPlan]] = []
        for run in self.runs.values():
            if number >= len(run.case.steps):
                continue
            match run.case.steps[number]:
                case Turn(server, check, to):
                    real = run.server(server)
                    turned.append((real, self.keepalived.turned(real)))
                    self._servers.turn(run.says(server, check, to), to)
                case Reload(plan, keepalived_adds):
                    reloads.append((run, keepalived_adds))
                    run.plan, known = plan, {real.key for real in run.plan.real_servers}
                    new += [(run, real) for real in plan.real_servers if real.key not in known]
        for real, before in turned:
            self._wait_for_turn(real, before)
        if reloads:
            plans = self._configure(run.plan for run in self.runs.values())
            for run in self.runs.values():
                run.reload(plans[run.key])
            for run, keepalived_adds in reloads:
                run.write_down((), *keepalived_adds)
            for run, real in new:
                self._open(run, [real])
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
                has, wants = table.get(run.key), run.service.wanted().get(run.key)
                if has != wants:
                    found.append(f"{name}: keepalived has {_short(has)}, we {_short(wants)}")
                told = [line for line in lines if f" {_virtual(run.key)} " in line]
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
        run.end()
    beside.keepalived.stop()
    beside.compare("after the stop")
