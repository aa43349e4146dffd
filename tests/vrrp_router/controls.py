"""Negative controls: each breaks one rule of the router, and the simulation must find what follows.

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

from tests.vrrp_router.group_world import SPLIT
from tests.vrrp_router.verdict import DOUBLE_ANSWER, SLOW, UNSETTLED, WRONG_MASTER

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Control:
    """A rule, where it stands, and the text without it."""

    name: str
    file: str
    old: str
    new: str
    breaks: str = DOUBLE_ANSWER
    groups: bool = False


def find_breaches(control: Control, into: Path, schedules: int) -> list[int]:
    """The first seed whose schedule shows the breach, if any does."""
    for package in ("vrrp_compat", "vipkeeper/model", "tests/vrrp_router"):
        shutil.copytree(ROOT / package, into / package, ignore=shutil.ignore_patterns("__pycache__"))
    (into / "tests/simulation").mkdir()
    for name in ("clocks.py", "timeline.py"):
        shutil.copy(ROOT / "tests/simulation" / name, into / "tests/simulation")
    file = into / "vrrp_compat/router" / control.file
    text = file.read_text()
    if text.count(control.old) != 1:
        raise AssertionError(f"{control.name}: the text occurs {text.count(control.old)} times")
    file.write_text(text.replace(control.old, control.new))
    hunted = subprocess.run(
        [
            *(sys.executable, "-m", "tests.vrrp_router.hunt"),
            *("--count", str(schedules), "--only", control.breaks, "--enough", "1"),
            *(("--groups",) if control.groups else ()),
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


CONTROLS = (
    Control(
        "the hold counts from when the process looked again",
        "master_rules.py",
        "    until_s = event.sent_at_s + hold_s(",
        "    until_s = now_s + hold_s(",
    ),
    Control(
        "the hold is an interval longer",
        "timers.py",
        "    length_s = adverts * interval_cs / 100\n",
        "    length_s = (adverts + 1) * interval_cs / 100\n",
    ),
    Control(
        "a master that yields answers on",
        "changeover.py",
        "    state.hold_until_s = None\n",
        "",
    ),
    Control(
        "priority 0 does not shorten the wait",
        "backup_rules.py",
        "        return _hear_leaving(state, source, now_s)\n",
        "        return []\n",
        breaks=SLOW,
    ),
    Control(
        "who preempts does not wait for an advertisement",
        "router_state.py",
        "        return silent_s if heard is None else max(silent_s, heard.alive_until_s)\n",
        "        return self.down_at_s\n",
    ),
    Control(
        "equals are not told apart",
        "master_rules.py",
        "        if source > own:\n",
        "        if False:\n",
        breaks=UNSETTLED,
    ),
    Control(
        "nobody yields to a higher priority",
        "master_rules.py",
        "    if advert.priority > state.priority:\n",
        "    if False:\n",
        breaks=UNSETTLED,
    ),
    Control(
        "a lower priority restarts the timer of one that preempts",
        "backup_rules.py",
        "            return become_master(state, Trigger.TOOK_OVER, reason, detail, now_s)\n    else:\n",
        "            return become_master(state, Trigger.TOOK_OVER, reason, detail, now_s)\n    if True:\n",
        breaks=WRONG_MASTER,
    ),
    Control(
        "who lost one member keeps the others",
        "group.py",
        "            if better:\n",
        "            if False:\n",
        breaks=SPLIT,
        groups=True,
    ),
)
