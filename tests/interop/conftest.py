"""One lab for each file of tests: making one takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.segment import Segment, make_segment


@pytest.fixture(scope="module")
def segment() -> Iterator[Segment]:
    with make_segment() as made:
        yield made
