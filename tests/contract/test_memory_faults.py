"""The memory store's own switches: each fault does what its name says, and nothing else."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from backends.memory import Faults, MemoryMap, MemoryStore
from backends.store import Changed, Committed, Transaction, Unknown, WatchLost
from tests.contract.calls import PATIENCE_S, commit, established, eventually, lost, next_changes, read, values
from tests.contract.event_loop import on_loop

WRITE = Transaction(puts={"/a": b"1"})


@on_loop
async def test_a_lost_request_never_happens() -> None:
    faults = Faults()
    store = MemoryStore(MemoryMap(), faults)
    faults.lose_requests = True
    assert isinstance(await store.commit(WRITE, timeout_s=0.05), Unknown)
    assert isinstance(await store.read("/", timeout_s=0.05), Unknown)
    faults.lose_requests = False
    faults.deliver()
    assert await values(store, "/") == {}


@on_loop
async def test_a_lost_reply_happened() -> None:
    faults = Faults()
    store = MemoryStore(MemoryMap(), faults)
    faults.lose_replies = True
    assert isinstance(await store.commit(WRITE, timeout_s=0.05), Unknown)
    faults.lose_replies = False
    assert await values(store, "/") == {"/a": b"1"}


@on_loop
async def test_a_held_commit_happens_when_it_is_delivered() -> None:
    faults = Faults()
    store = MemoryStore(MemoryMap(), faults)
    faults.hold_commits = True
    assert isinstance(await store.commit(WRITE, timeout_s=0.05), Unknown)
    assert await values(store, "/") == {}
    faults.deliver()
    assert await values(store, "/") == {"/a": b"1"}


@on_loop
async def test_a_held_commit_that_is_delivered_in_time_is_answered() -> None:
    faults = Faults()
    store = MemoryStore(MemoryMap(), faults)
    faults.hold_commits = True
    committing = asyncio.ensure_future(store.commit(WRITE, timeout_s=PATIENCE_S))
    await asyncio.sleep(0)
    faults.deliver()
    assert isinstance(await committing, Committed)


@on_loop
async def test_a_delay_beyond_the_time_out_is_a_late_commit() -> None:
    faults = Faults()
    store = MemoryStore(MemoryMap(), faults)
    faults.delay_s = 0.2
    assert isinstance(await store.commit(WRITE, timeout_s=0.01), Unknown)
    faults.delay_s = 0.0

    async def happened() -> bool:
        return await values(store, "/") == {"/a": b"1"}

    await eventually(happened)


@on_loop
async def test_a_freeze_carries_out_in_order_what_arrived_meanwhile() -> None:
    faults, shared = Faults(), MemoryMap()
    store, other = MemoryStore(shared, faults), MemoryStore(shared)
    faults.freeze()
    assert faults.frozen
    for value in (b"1", b"2", b"3"):
        assert isinstance(await store.commit(Transaction(puts={"/a": value}), timeout_s=0.02), Unknown)
    assert await values(other, "/") == {}  # a store with faults of its own
    faults.thaw()
    assert await values(store, "/") == {"/a": b"3"}
    assert shared.revision == 4


@on_loop
async def test_watches_can_be_broken() -> None:
    faults = Faults()
    store = MemoryStore(MemoryMap(), faults)
    watch = store.watch("/", after_revision=1, heartbeat_s=PATIENCE_S)
    async with aclosing(watch):
        await established(watch)
        faults.break_watches("cut off")
        assert await lost(watch) == WatchLost("cut off")


@on_loop
async def test_a_restored_backup_goes_back_and_ends_watches() -> None:
    shared = MemoryMap()
    store = MemoryStore(shared)
    await commit(store, puts={"/a": b"1"})
    backup = shared.snapshot("")
    await commit(store, puts={"/a": b"2", "/b": b"2"})
    watch = store.watch("/", after_revision=shared.revision, heartbeat_s=PATIENCE_S)
    async with aclosing(watch):
        await established(watch)
        shared.restore(backup)
        assert "backup" in (await lost(watch)).why
    assert await read(store, "") == backup
    assert shared.changes_after("", backup.revision - 1) is None
    again = await commit(store, puts={"/c": b"3"})
    assert again.revision == backup.revision + 1


@on_loop
async def test_a_wipe_is_one_change() -> None:
    shared = MemoryMap()
    store = MemoryStore(shared)
    await commit(store, puts={"/a/1": b"", "/a/2": b"", "/b": b""})
    watch = store.watch("/", after_revision=shared.revision, heartbeat_s=PATIENCE_S)
    async with aclosing(watch):
        shared.wipe("/a/")
        (wiped,) = await next_changes(watch, 1)
    assert wiped == Changed(3, (), {"/a/1": 3, "/a/2": 3})
    assert await values(store, "/") == {"/b": b""}


def test_listeners_hear_each_change_before_commit_returns() -> None:
    shared = MemoryMap()
    heard: list[object] = []
    end = shared.listen(heard.append)
    committed = shared.commit(WRITE)
    assert isinstance(committed, Committed)
    assert heard == [Changed(committed.revision, shared.snapshot("/a").records)]
    shared.commit(Transaction({"/a": 99}, {"/a": b"2"}))
    shared.commit(Transaction(deletes=frozenset({"/absent"})))
    assert len(heard) == 1
    end()
    end()
    shared.commit(WRITE)
    assert len(heard) == 1


@pytest.mark.parametrize("limit", [1, 3])
def test_only_the_newest_changes_are_kept(limit: int) -> None:
    shared = MemoryMap(history_limit=limit)
    for _ in range(10):
        shared.commit(WRITE)
    kept = shared.changes_after("/", shared.revision - limit)
    assert kept is not None
    assert [changed.revision for changed in kept] == list(range(12 - limit, 12))
    assert shared.changes_after("/", shared.revision - limit - 1) is None
