"""Draws docs/states.md from the transition tables, so that the pictures cannot drift from the code.

python docs/drawings.py            writes docs/states.md
python docs/drawings.py --check    changes nothing; ends with 1 when the file is not current
"""

from __future__ import annotations

import argparse
import enum
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vipkeeper.balancing import server_phases
from vipkeeper.balancing.server_phases import Drain, Health
from vipkeeper.election import unit_phases
from vipkeeper.election.unit_phases import Phase
from vrrp_compat.router import group_states, states
from vrrp_compat.router.group_states import GroupState
from vrrp_compat.router.states import State

STATES = Path(__file__).with_name("states.md")


@dataclass(frozen=True, slots=True)
class Drawing:
    """One table, and what is said of it. A state without a meaning fails the drawing."""

    head: str
    noun: str
    starts: tuple[str, ...]  # as mermaid writes them
    table: Mapping[Any, Mapping[Any, enum.Enum]]  # any keys, because a Mapping is invariant in them
    meanings: Mapping[Any, str]


# What each means to somebody who reads a log.
PHASES = {
    Phase.ADOPTING: "In the kernel at start, behind a fence that still runs; the store is not read yet.",
    Phase.STANDBY: "No record names this node.",
    Phase.CLAIMING: "This node's claim is on its way to the store.",
    Phase.HOLDING: "Committed, and the deadline runs. The only phase that moves the fence's deadline on.",
    Phase.LAPSED: "A record names this node, but no answer in time proves that it may serve.",
    Phase.RESUMING: "The confirmation of a record that names this node is on its way.",
    Phase.WITHDRAWING: "The kernel was asked to remove the addresses; a reading has not confirmed it yet.",
    Phase.RELEASING: "Gone from the kernel; the release is on its way, or is to be sent again.",
}
ROUTER_STATES = {
    State.INITIALIZE: "Not started yet, or stopped.",
    State.BACKUP: "Another router is master, or none was heard for less than Master_Down.",
    State.MASTER: "Advertises. Answers while peers that heard the last advertisement are sure to wait.",
    State.FAULT: "This host cannot serve: the interface, the kernel or a check says so.",
}
GROUP_STATES = {
    GroupState.BACKUP: "Not every member is master. Those that could be wait for the others.",
    GroupState.MASTER: "Every member is master here.",
    GroupState.FAULT: "A member cannot serve, so that none of them does.",
}
HEALTHS = {
    Health.WAITING: "Out, and nothing was told yet: a check has to succeed first (`alpha`).",
    Health.UP: "No check counts as failed. One that has not spoken counts as failed only with `alpha`.",
    Health.DOWN: "A check failed. Out of the table, or there with weight 0 (`inhibit_on_failure`).",
}
DRAINS = {
    Drain.SERVING: "It serves if it is up.",
    Drain.DRAINING: "In the table with weight 0, for the connections that it has.",
    Drain.DRAINED: "Out of the table; its checks go on.",
}

UNIT = Drawing(
    head="""\
# The phases of a VIP on one node

Made from `vipkeeper/election/unit_phases.py` by `python docs/drawings.py`; edit that table, not this page.
What is not drawn cannot happen: the agent treats it as a defect of its own and stands the VIP down.
""",
    noun="phase",
    starts=(f"{Phase.ADOPTING.value}: in the kernel at start", Phase.STANDBY.value),
    table=unit_phases.TRANSITIONS,
    meanings=PHASES,
)

ROUTER = Drawing(
    head="""\
## The states of a virtual router

Made from `vrrp_compat/router/states.py` in the same way. A master answers for its addresses only from its
first advertisement on, and until its peers may take over.
""",
    noun="state",
    starts=(State.INITIALIZE.value,),
    table=states.TRANSITIONS,
    meanings=ROUTER_STATES,
)

GROUP = Drawing(
    head="""\
## The states of a sync group without a store

Made from `vrrp_compat/router/group_states.py` in the same way. Each member is a virtual router with its own
state; the group says when they become master, and when they cease to be it.
""",
    noun="state",
    starts=(GroupState.BACKUP.value,),
    table=group_states.TRANSITIONS,
    meanings=GROUP_STATES,
)

HEALTH = Drawing(
    head="""\
## The health of a real server

Made from `vipkeeper/balancing/server_phases.py` in the same way. A director that goes on from an earlier one
starts with what stands in the kernel's table.
""",
    noun="health",
    starts=(
        f"{Health.WAITING.value}: a check has alpha",
        Health.UP.value,
        f"{Health.DOWN.value}: an earlier director had it out",
    ),
    table=server_phases.HEALTH,
    meanings=HEALTHS,
)

DRAIN = Drawing(
    head="""\
## A drained real server

Made from `vipkeeper/balancing/server_phases.py` in the same way. It is apart from health: a server that is
taken back serves only if it is up.
""",
    noun="state",
    starts=(Drain.SERVING.value,),
    table=server_phases.DRAIN,
    meanings=DRAINS,
)


def draw_states() -> str:
    """The whole page."""
    return "\n".join(_draw(drawing) for drawing in (UNIT, ROUTER, GROUP, HEALTH, DRAIN))


def _draw(drawing: Drawing) -> str:
    """A drawing, and the same as two tables."""
    arrows = [
        (origin.value, trigger.value, following.value)
        for origin, row in drawing.table.items()
        for trigger, following in row.items()
    ]
    lines = [drawing.head, "```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {start}" for start in drawing.starts]
    lines += [f"    {origin} --> {following}: {trigger}" for origin, trigger, following in arrows]
    lines += ["```", "", f"| {drawing.noun} | meaning |", "|---|---|"]
    lines += [f"| {origin.value} | {drawing.meanings[origin]} |" for origin in drawing.table]
    lines += ["", "| from | when | to |", "|---|---|---|"]
    lines += [f"| {origin} | {trigger} | {following} |" for origin, trigger, following in arrows]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("file", nargs="?", type=Path, default=STATES)
    arguments = parser.parse_args()
    drawn = draw_states()
    if arguments.check:
        if arguments.file.read_text() == drawn:
            return 0
        sys.stderr.write(f"{arguments.file} is not current: run python docs/drawings.py\n")
        return 1
    arguments.file.write_text(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main())
