"""Rounds of the fault tests: VIPKEEPER_SOAK=N runs each fault N times in the same lab."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena

ROUNDS = int(os.environ.get("VIPKEEPER_SOAK", "1"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "settled" in metafunc.fixturenames and ROUNDS > 1:
        metafunc.fixturenames.append("soak_round")
        metafunc.parametrize("soak_round", range(ROUNDS))


@pytest.fixture
def settled(arena: Arena, request: pytest.FixtureRequest) -> Iterator[Arena]:
    """The module's arena, all nodes fit and one of them answering; the logs when the test failed."""
    arena.settle()
    failed_before = request.session.testsfailed
    yield arena
    if request.session.testsfailed > failed_before:
        print(arena.log_ends())
