"""`python -m tests.simulation.replay --seed N [--verbose]`: runs one schedule and shows it."""

from __future__ import annotations

import argparse
import sys

from tests.simulation.draw_schedule import draw_schedule
from tests.simulation.mixes import mix_of_plot
from tests.simulation.schedule import Schedule
from tests.simulation.verdict import judge


def main(arguments: list[str]) -> int:
    """Exit code 1 when a rule broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.replay", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--verbose", action="store_true", help="every event, effect and change of the kernel")
    parser.add_argument("--plot", help="as in the hunt that found it")
    chosen = parser.parse_args(arguments)
    schedule = draw_schedule(chosen.seed, None if chosen.plot is None else mix_of_plot(chosen.plot))
    _describe(schedule)
    verdict = judge(schedule, print if chosen.verbose else None)
    print(f"seed {chosen.seed}: {verdict.broken or 'all rules kept'}")
    print(f"{verdict.detail}\n{verdict.steps} steps, {verdict.ended_s:.3f} s of true time")
    return 0 if verdict.broken is None else 1


def _describe(schedule: Schedule) -> None:
    for number, host in enumerate(schedule.hosts):
        print(f"host {number}: {host}")
    print(f"longest lease {schedule.lease_max_s} s, name challenge {schedule.name_challenge_s} s")
    print(schedule.weather)
    for fault in schedule.faults:
        print(f"fault: {fault}")
    print(f"faults end at {schedule.faults_end_s:.3f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
