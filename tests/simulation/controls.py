"""Negative controls: each breaks one rule of the election, and the simulation must find what follows.

Rules of this file: a control replaces one text that occurs exactly once; a control that is no longer found
means that either the rule or the schedules have become weak.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.verdict import DOUBLE_ANSWER

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Control:
    """A rule, where it stands, and the text without it."""

    name: str
    file: str
    old: str
    new: str
    breaks: str = DOUBLE_ANSWER
    schedules: int = 3000  # at most so many are tried
    times: int = 1  # in so many schedules the broken rule must show
    first_seed: int = 0


def break_rule(control: Control, into: Path) -> None:
    """Copy the packages, with one rule broken."""
    for package in ("vipkeeper", "backends", "tests/simulation"):
        shutil.copytree(ROOT / package, into / package, ignore=shutil.ignore_patterns("__pycache__"))
    (into / "tests/__init__.py").touch()
    file = into / control.file
    text = file.read_text()
    if text.count(control.old) != 1:
        raise AssertionError(
            f"{control.name}: the text occurs {text.count(control.old)} times: {control.old}"
        )
    file.write_text(text.replace(control.old, control.new))


def find_breaches(control: Control, into: Path) -> list[int]:
    """The seeds whose schedules show the breach, as many as are asked for."""
    break_rule(control, into)
    hunted = subprocess.run(
        [
            sys.executable,
            *("-m", "tests.simulation.hunt"),
            *("--from", str(control.first_seed)),
            *("--count", str(control.schedules)),
            *("--only", control.breaks),
            *("--enough", str(control.times)),
        ],
        cwd=into,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    if hunted.returncode not in (0, 1):
        raise AssertionError(hunted.stderr)
    report = json.loads(hunted.stdout.splitlines()[-1])
    if not Path(report["of"]).is_relative_to(into.resolve()):
        raise AssertionError(f"the simulation ran against {report['of']} instead of the copy")
    seeds: list[int] = report["found"].get(control.breaks, [])
    return seeds


_LANE = "vipkeeper/election/lease_lane.py"
_CLAIMS = "vipkeeper/election/claim_rules.py"
_LEASE = "vipkeeper/election/own_lease.py"
_MACHINE = "vipkeeper/election/machine.py"
_TIMING = "vipkeeper/config/timing_rules.py"
_RULES = "vipkeeper/election/record_rules.py"
_STATE = "vipkeeper/election/state.py"
_TRANSACTIONS = "vipkeeper/election/transactions.py"
_VIEW = "vipkeeper/election/view.py"

MAIN_CONTROLS = (
    Control(
        "the lease counts from the reply",
        _LANE,
        "in_time = count(job.write, now.boot_s)",
        "in_time = count(LeaseWrite(job.id, now.boot_s, job.write.ttl_s, job.write.fence), now.boot_s)",
        times=3,
    ),
    Control(
        "a claim does not compare the owner's lease record",
        _CLAIMS,
        "    key = view.keys.lease(owner)\n    guards = {key: view.version(key)}\n",
        "    key = view.keys.lease(owner)\n    guards: dict[str, int] = {}\n",
        times=3,
    ),
    Control(
        "the deadline is not looked at after a freeze",
        _MACHINE,
        "        self._expire(now)\n",
        "",
        times=3,
    ),
    Control(
        "a late renewal counts",
        _LANE,
        "        count = state.lease.renewed if job.kind is JobKind.RENEW else state.lease.granted\n",
        "        count = state.lease.granted\n"
        "        for late in state.in_phase(Phase.LAPSED):\n"
        "            late.phase = Phase.HOLDING\n",
        times=3,
    ),
)
