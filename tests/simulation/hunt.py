"""`python -m tests.simulation.hunt --from N --count M`: runs many schedules, prints what broke.

The last line is for programs: a JSON object with the broken rules, their seeds, and where vipkeeper was.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.simulation.draw_schedule import draw_schedule
from tests.simulation.mixes import mix_of_plot
from tests.simulation.verdict import Verdict, judge
from vipkeeper.election import machine


def hunt(first: int, count: int, plot: str | None = None) -> Iterator[tuple[int, Verdict]]:
    """The verdict of each seed, of the whole mix or of one plot."""
    only = None if plot is None else mix_of_plot(plot)
    gc.collect()
    gc.freeze()  # what is loaded by now need not be walked again: that takes a sixth of the time
    for seed in range(first, first + count):
        yield seed, judge(draw_schedule(seed, only))


def main(arguments: list[str]) -> int:
    """Exit code 1 when a rule broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.hunt", description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--plot", help="draw this plot alone: a function of plots.py")
    parser.add_argument("--enough", type=int, default=10, help="stop after so many broken rules of one kind")
    parser.add_argument("--only", help="look for this broken rule alone")
    chosen = parser.parse_args(arguments)
    found: dict[str, list[int]] = {}
    for seed, verdict in hunt(chosen.first, chosen.count, chosen.plot):
        if verdict.broken is None or chosen.only not in (None, verdict.broken):
            continue
        seeds = found.setdefault(verdict.broken, [])
        seeds.append(seed)
        last_line = verdict.detail.strip().splitlines()[-1]
        print(f"seed {seed}: {verdict.broken}: {last_line}", flush=True)
        if len(seeds) >= chosen.enough:
            break
    print(json.dumps({"found": found, "of": str(Path(machine.__file__).resolve())}))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
