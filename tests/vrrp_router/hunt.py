"""`python -m tests.vrrp_router.hunt --from N --count M`: runs many schedules, prints what broke.

The last line is for programs: a JSON object with the broken properties, their seeds, and the router's file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.vrrp_router.group_world import judge_groups
from tests.vrrp_router.verdict import Verdict, judge
from vrrp_compat.router import machine


def hunt(first: int, count: int, *, groups: bool = False) -> Iterator[tuple[int, Verdict]]:
    """The verdict of each seed: of single routers, or of sync groups."""
    for seed in range(first, first + count):
        yield seed, judge_groups(seed) if groups else judge(seed)


def main(arguments: list[str]) -> int:
    """Exit code 1 when a property broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.vrrp_router.hunt", description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--enough", type=int, default=10, help="stop after so many of one kind")
    parser.add_argument("--only", help="look for this broken property alone")
    parser.add_argument("--groups", action="store_true", help="sync groups instead of single routers")
    chosen = parser.parse_args(arguments)
    found: dict[str, list[int]] = {}
    for seed, verdict in hunt(chosen.first, chosen.count, groups=chosen.groups):
        if verdict.broken is None or chosen.only not in (None, verdict.broken):
            continue
        seeds = found.setdefault(verdict.broken, [])
        seeds.append(seed)
        print(f"seed {seed}: {verdict.broken}: {verdict.detail.strip().splitlines()[-1]}", flush=True)
        if len(seeds) >= chosen.enough:
            break
    print(json.dumps({"found": found, "of": str(Path(machine.__file__).resolve())}))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
