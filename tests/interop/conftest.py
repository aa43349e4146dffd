"""One lab for each file of tests: making one takes longer than most tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.segment import Segment, make_segment
from tests.interop.witness import Witness


@pytest.fixture(scope="module")
def segment() -> Iterator[Segment]:
    with make_segment() as made:
        yield made


@pytest.fixture
def witness() -> Iterator[Witness]:
    """In a directory that everybody reaches."""
    directory = Path(f"/run/vipkeeper-witness-{os.getpid()}")
    directory.mkdir()
    yield Witness(directory)
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()
