"""Watches: order, resumption, and saying at once when they cannot promise to be live."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

from backends.store import WatchAlive, WatchLost
from tests.contract.benches import Bench, HistoryBench
from tests.contract.calls import PATIENCE_S, commit, established, lost, next_changes, read
from tests.contract.event_loop import on_loop

# For watches that must not be lost while this machine is busy.
CALM_HEARTBEAT_S = 20.0


@on_loop
async def test_changes_come_in_order_without_gaps_or_duplicates(history_bench: HistoryBench) -> None:
    keys = [f"{history_bench.prefix}{number}" for number in range(3)]
    async with history_bench.client() as store, history_bench.client() as writer:
        start = (await read(store, history_bench.prefix)).revision
        watch = store.watch(history_bench.prefix, after_revision=start, heartbeat_s=CALM_HEARTBEAT_S)
        async with aclosing(watch):
            await established(watch)
            revisions = []
            for number in range(30):
                revisions.append((await commit(writer, puts={keys[number % 3]: b"%d" % number})).revision)
                await commit(writer, puts={history_bench.prefix[:-1] + "elsewhere": b""})
            seen = await next_changes(watch, 30)
    assert [changed.revision for changed in seen] == revisions
    assert [changed.records[0].value for changed in seen] == [b"%d" % number for number in range(30)]
    assert all(len(changed.records) == 1 and not changed.deleted for changed in seen)


@on_loop
async def test_one_transaction_is_one_item(history_bench: HistoryBench) -> None:
    old = [f"{history_bench.prefix}old{number}" for number in range(5)]
    new = [f"{history_bench.prefix}new{number}" for number in range(5)]
    async with history_bench.client() as store:
        created = await commit(store, puts=dict.fromkeys(old, b"1"))
        watch = store.watch(
            history_bench.prefix, after_revision=created.revision - 1, heartbeat_s=CALM_HEARTBEAT_S
        )
        async with aclosing(watch):
            moved = await commit(store, puts=dict.fromkeys(new, b"2"), deletes=frozenset(old))
            first, second = await next_changes(watch, 2)
    assert first.revision == created.revision
    assert {record.key: record.version for record in first.records} == dict(created.versions)
    assert second.revision == moved.revision
    assert {record.key: record.version for record in second.records} == dict(moved.versions)
    assert second.deleted == dict.fromkeys(old, moved.revision)


@on_loop
async def test_a_watch_resumes_after_any_revision(history_bench: HistoryBench) -> None:
    key = history_bench.prefix + "key"
    async with history_bench.client() as store:
        revisions = [(await commit(store, puts={key: b"%d" % number})).revision for number in range(10)]
        for position, revision in enumerate(revisions[:-1]):
            watch = store.watch(key, after_revision=revision, heartbeat_s=CALM_HEARTBEAT_S)
            async with aclosing(watch):
                seen = await next_changes(watch, len(revisions) - position - 1)
            assert [changed.revision for changed in seen] == revisions[position + 1 :]


@on_loop
async def test_the_latest_state_of_each_key_comes_and_none_after_a_newer_one(bench: Bench) -> None:
    keys = [f"{bench.prefix}{number}" for number in range(3)]
    seen: dict[str, int] = {}
    told = 0
    async with bench.client() as store, bench.client() as writer:
        start = (await read(store, bench.prefix)).revision
        watch = store.watch(bench.prefix, after_revision=start, heartbeat_s=CALM_HEARTBEAT_S)
        async with aclosing(watch):
            await established(watch)
            for number in range(30):
                last = await commit(writer, puts={keys[number % 3]: b"%d" % number})
                await commit(writer, puts={bench.prefix[:-1] + "elsewhere": b""})
            while told < last.revision:
                (changed,) = await next_changes(watch, 1)
                assert told < changed.revision
                told = changed.revision
                for record in changed.records:
                    assert seen.get(record.key, 0) < record.revision <= told
                    seen[record.key] = record.revision
        assert seen == {found.key: found.revision for found in (await read(store, bench.prefix)).records}


@on_loop
async def test_a_transaction_is_never_seen_in_parts(bench: Bench) -> None:
    """Two keys are always written with one value, and a third is there only while that is even."""
    first, second, third = (bench.prefix + name for name in "abc")
    view: dict[str, bytes] = {}
    async with bench.client() as store, bench.client() as writer:
        start = (await read(store, bench.prefix)).revision
        watch = store.watch(bench.prefix, after_revision=start, heartbeat_s=CALM_HEARTBEAT_S)
        async with aclosing(watch):
            await established(watch)

            async def write() -> None:
                for number in range(100):
                    value = b"%d" % number
                    puts = {first: value, second: value} | ({} if number % 2 else {third: value})
                    await commit(writer, puts=puts, deletes=frozenset({third} if number % 2 else ()))

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(write())
                while view.get(first) != b"99":
                    (changed,) = await next_changes(watch, 1)
                    for key in changed.deleted:
                        del view[key]
                    view |= {record.key: record.value for record in changed.records}
                    value = view[first]
                    assert view == {first: value, second: value} | ({} if int(value) % 2 else {third: value})


@on_loop
async def test_a_watch_goes_on_where_a_reading_stands(bench: Bench) -> None:
    kept, gone = bench.prefix + "kept", bench.prefix + "gone"
    async with bench.client() as store, bench.client() as writer:
        await commit(writer, puts={kept: b"1", gone: b"1"})
        reading = await read(store, bench.prefix)
        await commit(writer, puts={kept: b"2"})
        last = await commit(writer, deletes=frozenset({gone}))
        told, view = 0, {record.key: record.value for record in reading.records}
        watch = store.watch(bench.prefix, after_revision=reading.revision, heartbeat_s=CALM_HEARTBEAT_S)
        async with aclosing(watch):
            while told < last.revision:
                (changed,) = await next_changes(watch, 1)
                told = changed.revision
                view |= {record.key: record.value for record in changed.records}
                for key, revision in changed.deleted.items():
                    assert revision >= last.revision
                    del view[key]
        assert view == {kept: b"2"}


@on_loop
async def test_a_quiet_watch_shows_that_it_is_alive(bench: Bench) -> None:
    async with bench.client() as store:
        start = (await read(store, bench.prefix)).revision
        watch = store.watch(bench.prefix, after_revision=start, heartbeat_s=2.0)
        began_s = time.monotonic()
        async with aclosing(watch), asyncio.timeout(PATIENCE_S):
            for _ in range(3):
                assert isinstance(await anext(watch), WatchAlive)
    assert time.monotonic() - began_s >= 1.0  # and not by telling so all the time


@on_loop
async def test_a_watch_of_compacted_changes_is_lost(history_bench: HistoryBench) -> None:
    key = history_bench.prefix + "key"
    async with history_bench.client() as store:
        revisions = [(await commit(store, puts={key: b"%d" % number})).revision for number in range(5)]
        history_bench.compact(revisions[-1])
        compacted = await lost(
            store.watch(history_bench.prefix, after_revision=revisions[0], heartbeat_s=CALM_HEARTBEAT_S)
        )
        assert "compacted" in compacted.why
        watch = store.watch(history_bench.prefix, after_revision=revisions[-1], heartbeat_s=CALM_HEARTBEAT_S)
        async with aclosing(watch):
            later = await commit(store, puts={key: b"later"})
            assert (await next_changes(watch, 1))[0].revision == later.revision


@on_loop
async def test_a_frozen_store_loses_the_watch(bench: Bench) -> None:
    async with bench.client() as store:
        start = (await read(store, bench.prefix)).revision
        watch = store.watch(bench.prefix, after_revision=start, heartbeat_s=0.6)
        async with aclosing(watch):
            await established(watch)
            bench.freeze()
            frozen_s = time.monotonic()
            assert "no sign of life" in (await lost(watch)).why
            assert time.monotonic() - frozen_s < 0.6 + 3.0


@on_loop
async def test_a_watch_begun_while_the_store_is_frozen_is_lost(bench: Bench) -> None:
    async with bench.client() as store:
        start = (await read(store, bench.prefix)).revision
        bench.freeze()
        await lost(store.watch(bench.prefix, after_revision=start, heartbeat_s=0.5))


@on_loop
async def test_a_watch_after_a_revision_to_come_is_lost(bench: Bench) -> None:
    """The store was restored from a backup: nothing that it says next is what the reader waits for."""
    async with bench.client() as store:
        start = (await read(store, bench.prefix)).revision
        behind = await lost(store.watch(bench.prefix, after_revision=start + 1000, heartbeat_s=1.0))
    assert "behind" in behind.why


@on_loop
async def test_a_watch_can_be_left_at_any_time(bench: Bench) -> None:
    async with bench.client() as store:
        start = (await read(store, bench.prefix)).revision
        for items in range(3):
            watch = store.watch(bench.prefix, after_revision=start, heartbeat_s=0.2)
            async with aclosing(watch):
                for _ in range(items):
                    await anext(watch)
        watch = store.watch(bench.prefix, after_revision=start, heartbeat_s=CALM_HEARTBEAT_S)
        async with aclosing(watch):
            await established(watch)
            waiting = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            began_s = time.monotonic()
            waiting.cancel()
            await asyncio.wait({waiting})
            assert waiting.cancelled()
        assert time.monotonic() - began_s < CALM_HEARTBEAT_S / 2


@on_loop
async def test_closing_the_store_ends_its_watches(bench: Bench) -> None:
    async with bench.client() as store:
        start = (await read(store, bench.prefix)).revision
        watch = store.watch(bench.prefix, after_revision=start, heartbeat_s=CALM_HEARTBEAT_S)
        async with aclosing(watch):
            await established(watch)
            ending = asyncio.ensure_future(lost(watch))
            await asyncio.sleep(0)
            await store.close()
            assert await ending == WatchLost("the store was closed")
