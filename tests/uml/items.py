"""Tests that run under another kernel, each with its own result here.

Rules of this file: an item of ours stands where the test was, with its name and its marks; the first one of a
file boots once for all selected tests of that file. A test that the inner pytest does not report has failed:
a kernel that died half-way must not look green.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.uml.machine import Ended, run_in_uml
from tests.uml.report_lines import VARIABLE, PhaseReport, read_reports

# For all tests of one file; each has the usual limit inside.
FILE_LIMIT_S = 900.0
_CONSOLE_LINES = 60
_REPOSITORY = Path(__file__).resolve().parents[2]
_PASSED_ON = ("CI", "VIPKEEPER_BENCH_ROUNDS")


@dataclass(frozen=True, slots=True)
class InnerRun:
    """One boot: how it ended, and what was reported, by test."""

    ended: Ended
    reports: dict[str, list[PhaseReport]]


class FailedInside(Exception):
    """Carries the inner traceback."""


_RUNS = pytest.StashKey[dict[Path, InnerRun]]()


class UmlItem(pytest.Item):
    """One test, carried out under User-Mode Linux."""

    @classmethod
    def in_place_of(cls, item: pytest.Item) -> UmlItem:
        assert item.parent is not None
        made: UmlItem = cls.from_parent(item.parent, name=item.name)
        made.own_markers.extend(item.own_markers)
        made.keywords.update(item.keywords)
        made.add_marker(pytest.mark.timeout(FILE_LIMIT_S + 60), append=False)
        return made

    def runtest(self) -> None:
        run = _run_of(self)
        reports = run.reports.get(self.nodeid, [])
        for report in reports:
            for title, text in report.sections:
                self.add_report_section(report.when, f"{title} (inside)", text)
        failed = [report.text for report in reports if report.outcome == "failed"]
        skipped = [report.text for report in reports if report.outcome == "skipped"]
        if failed:
            raise FailedInside("\n".join(failed))
        if skipped:
            pytest.skip(skipped[0].removeprefix("Skipped: "))
        if [report.when for report in reports] != ["setup", "call", "teardown"]:
            raise FailedInside(
                f"the inner pytest did not finish this test (status {run.ended.status}). The console's end:\n"
                + "\n".join(run.ended.output.splitlines()[-_CONSOLE_LINES:])
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        return str(excinfo.value) if excinfo.errisinstance(FailedInside) else str(excinfo.getrepr())

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


def send_inside(items: list[pytest.Item], marker: str) -> None:
    """Put items of ours in the place of those that carry the marker. Inside, they are left as they are."""
    if VARIABLE not in os.environ:
        items[:] = [UmlItem.in_place_of(item) if item.get_closest_marker(marker) else item for item in items]


def _run_of(item: UmlItem) -> InnerRun:
    runs = item.session.stash.setdefault(_RUNS, {})
    if item.path not in runs:
        chosen = [
            other.nodeid
            for other in item.session.items
            if isinstance(other, UmlItem) and other.path == item.path
        ]
        runs[item.path] = _run_inside(item.config.rootpath, chosen)
    return runs[item.path]


def _run_inside(root: Path, nodeids: list[str]) -> InnerRun:
    with tempfile.TemporaryDirectory(prefix="vipkeeper-inner-") as text:
        lines, chosen = Path(text) / "reports", Path(text) / "tests"
        chosen.write_text("\n".join(str(root / nodeid) for nodeid in nodeids) + "\n")
        options = [
            "--rootdir",
            str(root),
            "-p",
            "tests.uml.report_lines",
            "-p",
            "no:cacheprovider",
            "-q",
            "--color=no",
        ]
        ended = run_in_uml(
            [sys.executable, "-m", "pytest", *options, f"@{chosen}"],
            environment={
                VARIABLE: str(lines),
                "PYTHONPATH": str(_REPOSITORY),  # the plugin is in it
                **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            },
            timeout_s=FILE_LIMIT_S,
        )
        reports: dict[str, list[PhaseReport]] = {}
        for report in read_reports(lines):
            reports.setdefault(report.nodeid, []).append(report)
        return InnerRun(ended, reports)
