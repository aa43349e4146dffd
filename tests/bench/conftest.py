"""The table of figures at the end, and as JSON where VIPKEEPER_FIGURES says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.figures import Figures


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    collected = Figures()
    yield collected
    print(collected.table())
    path = os.environ.get("VIPKEEPER_FIGURES")
    if path:
        collected.write(Path(path))
        print(f"  written to {path}")
