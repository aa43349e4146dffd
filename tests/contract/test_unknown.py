"""Unknown outcomes: a store that does not answer, or answers too late."""

from __future__ import annotations

import asyncio
import time

from backends.store import Transaction, Unknown
from tests.contract.benches import Bench
from tests.contract.calls import PATIENCE_S, commit, read, values
from tests.contract.event_loop import on_loop

# What this machine may add to a deadline when it is busy.
SLACK_S = 3.0


@on_loop
async def test_a_frozen_store_is_unknown_in_time(bench: Bench) -> None:
    async with bench.client() as connected, bench.client() as fresh:
        await commit(connected, puts={bench.prefix + "a": b"1"})
        bench.freeze()
        for store in (connected, fresh):
            for _ in range(2):
                began_s = time.monotonic()
                assert isinstance(await store.read(bench.prefix, timeout_s=0.1), Unknown)
                committed = await store.commit(Transaction(puts={bench.prefix + "b": b""}), timeout_s=0.1)
                assert isinstance(committed, Unknown)
                assert committed.why
                assert time.monotonic() - began_s < 0.2 + SLACK_S


@on_loop
async def test_the_store_is_used_again_after_a_freeze(bench: Bench) -> None:
    """Whether the unknown commit happened is open; that its outcome is final after a newer write is not."""
    key, other = bench.prefix + "key", bench.prefix + "other"
    async with bench.client() as store:
        version = (await commit(store, puts={key: b"before"})).versions[key]
        bench.freeze()
        late = Transaction({key: version}, {key: b"late"})
        assert isinstance(await store.commit(late, timeout_s=0.3), Unknown)
        bench.thaw()
        await commit(store, puts={other: b""})
        assert (await values(store, key))[key] in {b"before", b"late"}
        await commit(store, puts={key: b"after"})
        await asyncio.sleep(0.2)
        assert (await values(store, key))[key] == b"after"


@on_loop
async def test_a_caller_may_be_cancelled(bench: Bench) -> None:
    async with bench.client() as store:
        await read(store, bench.prefix)
        bench.freeze()
        for call in (
            store.read(bench.prefix, timeout_s=PATIENCE_S),
            store.commit(Transaction(puts={bench.prefix + "a": b""}), timeout_s=PATIENCE_S),
        ):
            calling = asyncio.ensure_future(call)
            await asyncio.sleep(0.05)
            began_s = time.monotonic()
            calling.cancel()
            await asyncio.wait({calling})
            assert calling.cancelled()
            assert time.monotonic() - began_s < PATIENCE_S / 2
        bench.thaw()
        await read(store, bench.prefix)


@on_loop
async def test_a_task_that_got_unknown_is_not_marked_as_cancelled(bench: Bench) -> None:
    """A count of cancellations left behind would make a later TaskGroup or timeout go wrong."""
    async with bench.client() as store:
        await read(store, bench.prefix)
        bench.freeze()
        calling = asyncio.ensure_future(store.read(bench.prefix, timeout_s=0.1))
        assert isinstance(await calling, Unknown)
        assert isinstance(await store.read(bench.prefix, timeout_s=0.1), Unknown)
        current = asyncio.current_task()
        assert current is not None
        assert current.cancelling() == 0
        assert calling.cancelling() == 0


@on_loop
async def test_describe_names_the_store(bench: Bench) -> None:
    async with bench.client() as store:
        assert store.describe()
