"""A bench for each segment that fulfils the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.vrrp_sockets.segment_benches import MemoryBench, RawBench, SegmentBench, make_raw_bench


@pytest.fixture(params=["memory", pytest.param("raw", marks=pytest.mark.root)])
def bench(request: pytest.FixtureRequest) -> Iterator[SegmentBench]:
    """The segment under test."""
    if request.param == "memory":
        yield MemoryBench()
    else:
        with make_raw_bench() as made:
            yield made


@pytest.fixture
def raw_bench() -> Iterator[RawBench]:
    with make_raw_bench() as made:
        yield made
