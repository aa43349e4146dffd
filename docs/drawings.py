"""Draws docs/states.md from the election's transition table, so that the picture cannot drift from the code.

python docs/drawings.py            writes docs/states.md
python docs/drawings.py --check    changes nothing; ends with 1 when the file is not current
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vipkeeper.election.unit_phases import TRANSITIONS, Phase

STATES = Path(__file__).with_name("states.md")

# What each phase means to somebody who reads a log. A phase without a line here fails the drawing.
MEANINGS = {
    Phase.ADOPTING: "In the kernel at start, behind a fence that still runs; the store is not read yet.",
    Phase.STANDBY: "No record names this node.",
    Phase.CLAIMING: "This node's claim is on its way to the store.",
    Phase.HOLDING: "Committed, and the deadline runs. The only phase that moves the fence's deadline on.",
    Phase.LAPSED: "A record names this node, but no answer in time proves that it may serve.",
    Phase.RESUMING: "The confirmation of a record that names this node is on its way.",
    Phase.WITHDRAWING: "The kernel was asked to remove the addresses; a reading has not confirmed it yet.",
    Phase.RELEASING: "Gone from the kernel; the release is on its way, or is to be sent again.",
}

HEAD = """\
# The phases of a VIP on one node

Made from `vipkeeper/election/unit_phases.py` by `python docs/drawings.py`; edit that table, not this page.
What is not drawn cannot happen: the agent treats it as a defect of its own and stands the VIP down.
"""


def draw_states() -> str:
    """The whole page: a drawing, and the same as two tables."""
    lines = [HEAD, "```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {Phase.ADOPTING.value}: in the kernel at start"]
    lines += [f"    [*] --> {Phase.STANDBY.value}"]
    lines += [
        f"    {phase.value} --> {following.value}: {trigger.value}"
        for phase, row in TRANSITIONS.items()
        for trigger, following in row.items()
    ]
    lines += ["```", "", "| phase | meaning |", "|---|---|"]
    lines += [f"| {phase.value} | {MEANINGS[phase]} |" for phase in TRANSITIONS]
    lines += ["", "| from | when | to |", "|---|---|---|"]
    lines += [
        f"| {phase.value} | {trigger.value} | {following.value} |"
        for phase, row in TRANSITIONS.items()
        for trigger, following in row.items()
    ]
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
