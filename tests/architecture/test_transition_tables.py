"""Each state machine's table can be left and reached everywhere, is enforced, and is what the docs draw."""

from __future__ import annotations

import enum
import itertools
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from vipkeeper.balancing import server_phases
from vipkeeper.balancing.server_phases import Drain, Health
from vipkeeper.election import unit_phases
from vipkeeper.election.unit_phases import Phase, UnitState
from vipkeeper.model.errors import ProgrammingError
from vipkeeper.model.vips import Unit
from vrrp_compat.router import group_states, states
from vrrp_compat.router.group_states import GroupState
from vrrp_compat.router.router_state import RouterState
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.states import State

ROOT = Path(__file__).resolve().parents[2]
DRAWINGS = ROOT / "docs" / "drawings.py"
STATES = ROOT / "docs" / "states.md"

Table = Mapping[Any, Mapping[Any, enum.Enum]]  # any keys, because a Mapping is invariant in them


@dataclass(frozen=True)
class Machine:
    """A table, and how to move what follows it: where that is afterwards, and what refused the move."""

    name: str
    states: type[enum.Enum]
    triggers: type[enum.Enum]
    starts: tuple[enum.Enum, ...]
    home: enum.Enum
    table: Table
    move: Callable[[enum.Enum, enum.Enum], tuple[enum.Enum, ProgrammingError | None]]


def move_unit(phase: enum.Enum, trigger: enum.Enum) -> tuple[enum.Enum, ProgrammingError | None]:
    unit = UnitState(Unit("web", (), priority=100), phase=Phase(phase))
    try:
        unit.move(unit_phases.Trigger(trigger))
    except ProgrammingError as refused:
        return unit.phase, refused
    return unit.phase, None


def move_router(state: enum.Enum, trigger: enum.Enum) -> tuple[enum.Enum, ProgrammingError | None]:
    router = RouterState(RouterSettings("web", 3, 1, bytes(4), ()), state=State(state))
    try:
        router.move(states.Trigger(trigger))
    except ProgrammingError as refused:
        return router.state, refused
    return router.state, None


def move_group(state: enum.Enum, trigger: enum.Enum) -> tuple[enum.Enum, ProgrammingError | None]:
    try:
        return group_states.follow("web", GroupState(state), group_states.GroupTrigger(trigger)), None
    except ProgrammingError as refused:
        return state, refused


def move_health(state: enum.Enum, trigger: enum.Enum) -> tuple[enum.Enum, ProgrammingError | None]:
    return _move_server(server_phases.HEALTH, state, trigger)


def move_drain(state: enum.Enum, trigger: enum.Enum) -> tuple[enum.Enum, ProgrammingError | None]:
    return _move_server(server_phases.DRAIN, state, trigger)


def _move_server(
    table: Table, state: enum.Enum, trigger: enum.Enum
) -> tuple[enum.Enum, ProgrammingError | None]:
    try:
        return server_phases.follow("web", table, state, trigger), None
    except ProgrammingError as refused:
        return state, refused


MACHINES = (
    Machine(
        "election",
        Phase,
        unit_phases.Trigger,
        (Phase.ADOPTING, Phase.STANDBY),
        Phase.STANDBY,
        unit_phases.TRANSITIONS,
        move_unit,
    ),
    Machine(
        "router",
        State,
        states.Trigger,
        (State.INITIALIZE,),
        State.INITIALIZE,
        states.TRANSITIONS,
        move_router,
    ),
    Machine(
        "group",
        GroupState,
        group_states.GroupTrigger,
        (GroupState.BACKUP,),
        GroupState.BACKUP,
        group_states.TRANSITIONS,
        move_group,
    ),
    Machine(
        "health of a real server",
        Health,
        server_phases.HealthTrigger,
        (Health.WAITING, Health.UP),
        Health.UP,
        server_phases.HEALTH,
        move_health,
    ),
    Machine(
        "drained real server",
        Drain,
        server_phases.DrainTrigger,
        (Drain.SERVING,),
        Drain.SERVING,
        server_phases.DRAIN,
        move_drain,
    ),
)
ELECTION = MACHINES[0]


def stranded(machine: Machine) -> list[str]:
    """States that nothing leads to, or from which the way home is lost; triggers that move nothing."""
    table = machine.table
    reached = _reach(table, machine.starts)
    found = [f"nothing leads to {state.value}" for state in machine.states if state not in reached]
    found += [
        f"{state.value} is a trap" for state in machine.states if machine.home not in _reach(table, (state,))
    ]
    used = {trigger for row in table.values() for trigger in row}
    found += [f"{trigger.value} moves nothing" for trigger in machine.triggers if trigger not in used]
    return found


def _reach(table: Table, starts: tuple[enum.Enum, ...]) -> set[enum.Enum]:
    reached = set(starts)
    waiting = list(starts)
    while waiting:
        for following in table.get(waiting.pop(), {}).values():
            if following not in reached:
                reached.add(following)
                waiting.append(following)
    return reached


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_can_be_reached_and_left(machine: Machine) -> None:
    assert stranded(machine) == []


def test_a_trap_an_orphan_and_an_idle_trigger_are_reported() -> None:
    table = {phase: dict(row) for phase, row in ELECTION.table.items()}
    table[Phase.RELEASING] = {unit_phases.Trigger.REFUSED: Phase.RELEASING}
    table[Phase.STANDBY].pop(unit_phases.Trigger.CLAIM_SENT)
    reports = stranded(replace(ELECTION, table=table))
    assert "releasing is a trap" in reports
    assert "nothing leads to claiming" in reports
    assert "claim sent moves nothing" in reports


@pytest.mark.parametrize(
    ("machine", "state", "trigger"),
    [
        (machine, *pair)
        for machine in MACHINES
        for pair in itertools.product(machine.states, machine.triggers)
    ],
)
def test_the_table_is_enforced(machine: Machine, state: enum.Enum, trigger: enum.Enum) -> None:
    following = machine.table[state].get(trigger)
    ended, refused = machine.move(state, trigger)
    if following is None:
        assert ended is state
        assert f"web: {trigger.value} cannot happen while {state.value}" in str(refused)
    else:
        assert ended is following
        assert refused is None


def check_drawing(page: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DRAWINGS), "--check", str(page)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_drawing_is_current() -> None:
    ended = check_drawing(STATES)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("arrow", "other"),
    [
        ("claiming --> holding: committed in time", "claiming --> holding: refused"),
        ("Backup --> Fault: cannot serve", "Backup --> Master: cannot serve"),
    ],
)
def test_a_drawing_of_another_table_is_reported(tmp_path: Path, arrow: str, other: str) -> None:
    drawn = STATES.read_text()
    assert arrow in drawn
    (tmp_path / "states.md").write_text(drawn.replace(arrow, other))
    ended = check_drawing(tmp_path / "states.md")
    assert ended.returncode == 1
    assert "is not current" in ended.stderr
