"""Calls that a test expects to succeed, and waiting for what a watch has to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from backends.store import (
    Changed,
    Committed,
    Record,
    Snapshot,
    Store,
    Transaction,
    WatchAlive,
    WatchLost,
)

# For calls that must succeed: only a stuck machine takes so long.
PATIENCE_S = 20.0

Watch = AsyncGenerator[Changed | WatchAlive | WatchLost, None]


async def read(store: Store, prefix: str) -> Snapshot:
    """A read that must succeed."""
    snapshot = await store.read(prefix, timeout_s=PATIENCE_S)
    assert isinstance(snapshot, Snapshot), snapshot
    return snapshot


async def values(store: Store, prefix: str) -> dict[str, bytes]:
    """What a read finds."""
    return {record.key: record.value for record in (await read(store, prefix)).records}


async def record(store: Store, key: str) -> Record:
    """One key that must be there."""
    found = {record.key: record for record in (await read(store, key)).records}
    return found[key]


async def commit(
    store: Store,
    *,
    compares: dict[str, int] | None = None,
    puts: dict[str, bytes] | None = None,
    deletes: frozenset[str] = frozenset(),
) -> Committed:
    """A commit that must succeed."""
    transaction = Transaction(compares or {}, puts or {}, deletes)
    committed = await store.commit(transaction, timeout_s=PATIENCE_S)
    assert isinstance(committed, Committed), committed
    return committed


async def next_changes(watch: Watch, revisions: int) -> list[Changed]:
    """The next so many changes; a lost watch fails the test."""
    seen: list[Changed] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(seen) < revisions:
            item = await anext(watch)
            assert not isinstance(item, WatchLost), item
            if isinstance(item, Changed):
                seen.append(item)
    return seen


async def established(watch: Watch) -> None:
    """Wait for the first sign of life."""
    async with asyncio.timeout(PATIENCE_S):
        assert isinstance(await anext(watch), WatchAlive)


async def lost(watch: Watch) -> WatchLost:
    """Run it until it is lost, which must be its last item."""
    async with asyncio.timeout(PATIENCE_S):
        items = [item async for item in watch]
    assert isinstance(items[-1], WatchLost), items
    assert not any(isinstance(item, WatchLost) for item in items[:-1]), items
    return items[-1]


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.005)
