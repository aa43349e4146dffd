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

from tests.simulation.verdict import DOUBLE_ANSWER, EPOCH, HELD_LATE, UNSETTLED

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Control:
    """A rule, where it stands, and the text without it."""

    name: str
    file: str
    old: str
    new: str
    plot: str | None = None  # the plot that aims at it; None: the whole mix
    breaks: str = DOUBLE_ANSWER
    schedules: int = 1000  # at most so many are tried
    times: int = 2  # in so many schedules the broken rule must show
    also: tuple[tuple[str, str, str], ...] = ()  # further texts that say the same rule: file, old, new


def break_rule(control: Control, into: Path) -> None:
    """Copy the packages, with one rule broken."""
    for package in ("vipkeeper", "backends", "tests/simulation"):
        shutil.copytree(ROOT / package, into / package, ignore=shutil.ignore_patterns("__pycache__"))
    (into / "tests/__init__.py").touch()
    for name, old, new in ((control.file, control.old, control.new), *control.also):
        file = into / name
        text = file.read_text()
        if text.count(old) != 1:
            raise AssertionError(f"{control.name}: the text occurs {text.count(old)} times: {old}")
        file.write_text(text.replace(old, new))


def find_breaches(control: Control, into: Path) -> list[int]:
    """The seeds whose schedules show the breach, as many as are asked for."""
    break_rule(control, into)
    hunted = subprocess.run(
        [
            sys.executable,
            *("-m", "tests.simulation.hunt"),
            *("--count", str(control.schedules)),
            *(("--plot", control.plot) if control.plot else ()),
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
        "            in_time = state.lease.renewed(job.write, now.boot_s)\n",
        "            in_time = state.lease.renewed(msgspec.structs.replace(job.write, sent_at_s=now.boot_s), "
        "now.boot_s)\n",
        plot="late_reply_then_silence",
        times=5,
    ),
    Control(
        "a claim does not compare the owner's lease record",
        _CLAIMS,
        "    key = view.keys.lease(owner)\n    guards = {key: view.version(key)}\n",
        "    key = view.keys.lease(owner)\n    guards: dict[str, int] = {}\n",
        plot="hears_the_next_owner",
        times=5,
    ),
    Control(
        "the deadline is not looked at after a freeze",
        _MACHINE,
        "        self._expire(now)\n",
        "",
        plot="held_while_frozen",
        times=5,
    ),
    Control(
        "a late renewal counts",
        _LANE,
        "            in_time = state.lease.renewed(job.write, now.boot_s)\n",
        "            in_time = state.lease.granted(job.write, now.boot_s)\n"
        "            for late in state.in_phase(Phase.LAPSED):\n"
        "                late.phase = Phase.HOLDING\n",
        plot="held_while_frozen",
        times=5,
    ),
)

# What else the lease stands on, rule by rule.
OTHER_CONTROLS = (
    Control(
        "a transaction does not compare its sender's lease record",
        _TRANSACTIONS,
        "    return Batch(compares={key: view.version(key)})\n",
        "    return Batch()\n",
        plot="other_lease",
    ),
    Control(
        "a resume does not compare the VIP records",
        _TRANSACTIONS,
        "        keys.vip(unit): view.version(keys.vip(unit)),\n    }\n",
        "    }\n",
        plot="hears_the_next_owner",
    ),
    Control(
        "a claim does not compare the VIP record",
        _CLAIMS,
        "    key = view.keys.vip(name)\n    guards = {key: view.version(key)}\n",
        "    key = view.keys.vip(name)\n    guards: dict[str, int] = {}\n",
        breaks=EPOCH,
        plot="late_claim",
    ),
    Control(
        "a claim does not compare the address records",
        _CLAIMS,
        "        guards[key] = view.version(key)  # always",
        "        # always",
        plot="hears_the_next_owner",
    ),
    Control(
        "a claim does not compare the cluster record",
        _TRANSACTIONS,
        "    compares = {keys.cluster: view.version(keys.cluster), **guards}\n",
        "    compares = dict(guards)\n",
        plot="wiped_unseen",
    ),
    Control(
        "a release does not wait for the kernel",
        _RULES,
        "if unit.phase is Phase.WITHDRAWING and not unit.in_kernel and",
        "if unit.phase is Phase.WITHDRAWING and",
        plot="slow_removal",
    ),
    Control(
        "a deleted record is claimed at once",
        _CLAIMS,
        "        rule = Claimability(\n"
        "            _blank_until_s(view, settings, received_s, longest_s), Reason.NO_RECORD_YET,"
        " Reason.FIRST_CLAIM\n",
        "        rule = Claimability(\n            received_s, Reason.NO_RECORD_YET, Reason.FIRST_CLAIM\n",
        plot="deleted_under_an_owner",
    ),
    Control(
        "a deleted address record is claimed at once",
        _CLAIMS,
        "        if bound_to is None or view.vip(bound_to) is None:\n",
        "        if False:\n",
        plot="deleted_under_an_owner",
    ),
    Control(
        "a challenger counts from an older version of the lease",
        _VIEW,
        "Seen(record.version, record.revision, now_s, value, readable)",
        "Seen(record.version, record.revision, known.received_s if known else now_s, value, readable)",
        plot="late_claim",
    ),
    Control(
        "a lowered ttl does not lower the fence",
        _LEASE,
        "[self._ends_of(write).fence_deadline_s for write in self.writes]",
        "[self._ends_of(write).fence_deadline_s for write in self.writes[:1]]",
        plot="other_lease",
    ),
    Control(
        "a lease gets shorter while an address may be left by an earlier process",
        _STATE,
        "        return ttl_s if lease is None else max(ttl_s, lease.ttl_ms / 1000)\n",
        "        return ttl_s\n",
        plot="started_with_another_lease",
    ),
    Control(
        "a lease gets shorter while an address is still leaving the kernel",
        _STATE,
        "            return max(ttl_s, running.ttl_s)\n",
        "            return ttl_s\n",
        plot="leaves_late_with_a_shorter_lease",
    ),
    Control(
        "another boot of a node is the same",
        _STATE,
        "            and record.incarnation == self.settings.incarnation\n"
        "            and self.lease_is_ours()\n",
        "",
        plot="namesakes",
    ),
    Control(
        "there is no margin",
        _TIMING,
        "    return interval_s * DRIFT + FENCE_LATENCY_S[fence] * (1 + RHO)\n",
        "    return 0.0\n",
    ),
    Control(
        "an address lifetime counts as exact",
        _TIMING,
        "    if fence is FenceKind.LIFETIME:\n        return lifetime_s",
        "    if False:\n        return lifetime_s",
    ),
    Control(
        "a restored backup is claimed at once",
        _VIEW,
        "        self.went_back_at_s = now_s\n",
        "",
        plot="restored_to_an_earlier_owner",
    ),
    Control(
        "a restored backup is resumed at once",
        _LANE,
        "        if not wanted or now.boot_s < state.distrusted_until_s():\n",
        "        if not wanted:\n",
        plot="restored_to_an_earlier_owner",
    ),
    Control(
        "a unit is held with addresses that are not its own",
        _STATE,
        "        return all(self.view.binding(a.address) == unit.name for a in unit.unit.addresses)\n",
        "        return True\n",
        plot="reload_in_flight",
    ),
    Control(
        "a late answer to a claim or resume counts",
        _LEASE,
        "        if now_s < self._ends_of(write).deadline_s:\n",
        "        if True:\n",
        breaks=HELD_LATE,
        plot="held_while_frozen",
        schedules=3000,
        times=1,
    ),
    Control(
        "the epoch does not grow",
        _TRANSACTIONS,
        "        epoch=(former.epoch if former else 0) + 1,\n",
        "        epoch=former.epoch if former else 1,\n",
        breaks=EPOCH,
    ),
    Control(
        "a withdrawal is never believed",
        _MACHINE,
        "                    units[name].in_kernel = False\n",
        "                    units[name].in_kernel = True\n",
        plot="late_release",
        breaks=UNSETTLED,
    ),
)
