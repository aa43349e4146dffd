"""Metrics of 1000 virtual servers: made by the director, handed on by an agent whose loop renews leases."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from tests.bench.figures import Figures
from tests.bench.server_metrics import MetricsLoad

pytestmark = [pytest.mark.bench, pytest.mark.timeout(180)]


def test_a_scrape_of_a_thousand_virtual_servers(figures: Figures) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.bench.server_metrics"], check=True, stdout=subprocess.PIPE
    )
    load = msgspec.json.decode(said.stdout, type=MetricsLoad)
    figures.add(
        "a scrape of 1000 virtual servers x 4 real servers, longest hold of the agent's loop",
        load.held_ms,
        "ms",
        target=20.0,
        detail=(
            f"of processor time; {load.megabytes:.1f} MB of text, which take the director "
            f"{load.director_ms:.0f} ms"
        ),
    )
