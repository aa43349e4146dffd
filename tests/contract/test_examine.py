"""Asking a store what should be done about it: it takes nothing from the other requests."""

from __future__ import annotations

import time

from backends.store import Unknown
from tests.contract.benches import Bench
from tests.contract.calls import PATIENCE_S, commit
from tests.contract.event_loop import on_loop

# What this machine may add to a deadline when it is busy.
SLACK_S = 3.0


@on_loop
async def test_a_healthy_store_wants_nothing(bench: Bench) -> None:
    async with bench.client() as store:
        await commit(store, puts={bench.prefix + "a": b"1"})
        assert await store.examine(bench.prefix, timeout_s=PATIENCE_S) == ()


@on_loop
async def test_a_frozen_store_is_unknown_in_time_and_used_again_afterwards(bench: Bench) -> None:
    async with bench.client() as store:
        version = (await commit(store, puts={bench.prefix + "a": b"1"})).versions[bench.prefix + "a"]
        bench.freeze()
        began_s = time.monotonic()
        assert isinstance(await store.examine(bench.prefix, timeout_s=0.3), Unknown)
        assert time.monotonic() - began_s < 0.3 + SLACK_S
        bench.thaw()
        await commit(store, compares={bench.prefix + "a": version}, puts={bench.prefix + "a": b"2"})
