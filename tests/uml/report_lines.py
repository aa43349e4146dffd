"""What an inner pytest reports of each phase of each test, as lines of a file that the outer one reads.

A pytest plugin, loaded inside with `-p tests.uml.report_lines`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

# Where the lines go. Set inside and nowhere else.
VARIABLE = "VIPKEEPER_INNER_REPORTS"


class PhaseReport(msgspec.Struct, frozen=True):
    """Setup, call or teardown of one test."""

    nodeid: str
    when: str
    outcome: str  # passed, failed, skipped
    text: str  # the traceback, or why it was skipped
    sections: list[tuple[str, str]]  # what was captured: title, text


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    line = PhaseReport(report.nodeid, report.when, report.outcome, text, list(report.sections))
    with Path(os.environ[VARIABLE]).open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")


def read_reports(path: Path) -> Iterator[PhaseReport]:
    """All that were written; none when the inner pytest came to no test."""
    if path.exists():
        for line in path.read_bytes().splitlines():
            yield msgspec.json.decode(line, type=PhaseReport)
