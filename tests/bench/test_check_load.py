"""TCP checks of thousands of real servers every 5 s, on one core."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from tests.bench.check_load import CheckLoad
from tests.bench.figures import Figures

pytestmark = [pytest.mark.bench, pytest.mark.timeout(120)]


def test_processor_time_of_2000_tcp_checks(figures: Figures) -> None:
    load = _measured(2000)
    figures.add(
        "2000 TCP checks every 5 s, share of a core",
        load.part * 100,
        "%",
        target=30.0,
        detail=(
            f"{load.us_each:.0f} us each, {load.checks} checks; the event loop was {load.longest_ms:.0f} ms "
            "late at most"
        ),
    )


def test_memory_of_4000_tcp_checks(figures: Figures) -> None:
    load = _measured(4000)
    figures.add(
        "4000 TCP checks every 5 s, memory beside none",
        load.used_mb,
        "MB",
        target=10.0,
        detail=f"{load.idle_mb:.1f} MB before the first ran",
    )


def _measured(count: int) -> CheckLoad:
    """Every server was well all the time, or it is no figure."""
    target = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.check_target"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert target.stdout is not None
        port = target.stdout.readline().strip()
        said = subprocess.run(
            [sys.executable, "-m", "tests.bench.check_load", str(count), port],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    finally:
        target.kill()
        target.communicate()
    load = msgspec.json.decode(said.stdout, type=CheckLoad)
    assert load.failed == 0
    return load
