"""Thousands of random schedules: never two hosts that answer, and one that does once all is well again.

VIPKEEPER_SCHEDULES says how many, VIPKEEPER_FIRST_SEED where to begin. Every processor takes its part.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.hunt import hunt

SCHEDULES = int(os.environ.get("VIPKEEPER_SCHEDULES", "10000"))
FIRST_SEED = int(os.environ.get("VIPKEEPER_FIRST_SEED", "0"))
PART = 100


def first_breach(first: int, count: int) -> str | None:
    """What broke first among these seeds, and how to see it again."""
    for seed, verdict in hunt(first, count):
        if verdict.broken is not None:
            return (
                f"{verdict.broken}: {verdict.detail}\n"
                f"replay it with: python -m tests.simulation.replay --seed {seed} --verbose"
            )
    return None


@pytest.mark.timeout(SCHEDULES)  # a tenth of a second each is more than any machine needs
def test_no_rule_breaks() -> None:
    firsts = range(FIRST_SEED, FIRST_SEED + SCHEDULES, PART)
    counts = [min(PART, FIRST_SEED + SCHEDULES - first) for first in firsts]
    # Not forked: a copy of pytest's process would bring its threads' locks along.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        for breach in pool.map(first_breach, firsts, counts):
            if breach is not None:
                pool.shutdown(cancel_futures=True)
            assert breach is None, breach
