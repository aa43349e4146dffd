"""One segment for each test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel_segment.segment import Segment, make_segment


@pytest.fixture
def segment() -> Iterator[Segment]:
    with make_segment() as made:
        yield made
