"""HTTP checks by the thousand: what they cost, in processor time and memory, and beside keepalived.

The server has a processor of its own where there are two, so that it does not slow down what is measured.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.bench.checks_beside_keepalived import running
from tests.bench.figures import Figures
from tests.uml.machine import run_in_uml

pytestmark = [pytest.mark.bench, pytest.mark.root, pytest.mark.timeout(600)]

COUNT, DELAY_LOOP_S, WINDOW_S = 2000, 5.0, 30.0
UML_COUNT, UML_WINDOW_S = 250, 20.0


@contextlib.contextmanager
def server() -> Iterator[int]:
    with running([*on_processor(1), sys.executable, "-m", "tests.bench.http_server", "0"]) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def on_processor(number: int) -> list[str]:
    usable = sorted(os.sched_getaffinity(0))
    return ["taskset", "--cpu-list", str(usable[number])] if len(usable) > 1 else []


def test_two_thousand_http_checks(figures: Figures) -> None:
    with server() as port:
        numbers = [str(number) for number in (port, COUNT, DELAY_LOOP_S, WINDOW_S)]
        done = subprocess.run(
            [*on_processor(0), sys.executable, "-m", "tests.bench.many_http_checks", *numbers],
            check=True,
            capture_output=True,
            text=True,
        )
    found = json.loads(done.stdout)
    assert (found["up"], found["failed"]) == (COUNT, 0)
    detail = f"{found['a_second']:.0f} a second came about, {found['ms_each']:.2f} ms each"
    name = f"{COUNT} HTTP checks every {DELAY_LOOP_S:g} s"
    # For the full rate: on a busy machine a round takes longer, which would make the share smaller.
    share = found["ms_each"] * COUNT / DELAY_LOOP_S / 10
    figures.add(f"{name}, share of a core", share, "%", target=30.0, detail=detail)
    more_mb = found["memory_mb"] - found["empty_mb"]
    figures.add(f"{name}, memory beside none", more_mb, "MB", detail=f"{found['memory_mb']:.0f} MB in all")


@pytest.mark.uml
def test_http_checks_beside_keepalived(figures: Figures) -> None:
    """In User-Mode Linux, whose system calls are slow: what counts is the ratio."""
    words = [str(UML_COUNT), str(DELAY_LOOP_S), str(UML_WINDOW_S)]
    ended = run_in_uml(
        [sys.executable, "-m", "tests.bench.checks_beside_keepalived", *words], timeout_s=300.0
    )
    assert ended.status == 0, ended.output
    found = json.loads(next(line for line in ended.output.splitlines() if line.startswith("{")))
    figures.add(
        "an HTTP check, processor time beside keepalived's",
        found["ours_ms"] / found["keepalived_ms"],
        "times",
        detail=f"{found['ours_ms']:.2f} ms beside {found['keepalived_ms']:.2f} ms, in User-Mode Linux",
    )
