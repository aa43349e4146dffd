"""Fixtures of the kernel's tests: a segment, and a bench for each host that fulfils the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.host_benches import HostBench, MemoryBench, NetlinkBench
from tests.kernel.prober import settle_neighbours
from tests.kernel_segment.segment import Segment, make_segment


@pytest.fixture
def segment() -> Iterator[Segment]:
    """Two machines on a cable. Ours knows the other's MAC, so that it never asks in a VIP's name."""
    with make_segment() as made:
        settle_neighbours(made)
        yield made


@pytest.fixture(params=["memory", pytest.param("netlink", marks=pytest.mark.root)])
def bench(request: pytest.FixtureRequest) -> Iterator[HostBench]:
    """The host under test."""
    made: HostBench
    if request.param == "memory":
        made = MemoryBench()
    else:
        segment: Segment = request.getfixturevalue("segment")
        made = NetlinkBench(segment.ours)
    yield made
    made.close()
