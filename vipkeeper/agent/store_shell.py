"""Carries the election's requests to the store, and the store's changes to the election.

Rules of this file: it decides nothing; each commit is one attempt with one answer; the feed reads all, then
watches from there, and starts over whenever the watch can no longer promise to be live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing

from backends.store import Advice, Changed, Snapshot, Store, Unknown, WatchLost
from vipkeeper.config.timing_rules import Timing
from vipkeeper.election.effects import Commit, Read
from vipkeeper.election.events import (
    CommitAnswered,
    Event,
    FeedLost,
    ReadFailed,
    RecordsChanged,
    SnapshotRead,
)

# A reading of everything may be a megabyte; a miss costs a retry, not the lease.
READ_TIMEOUT_S = 2.0
# Between readings of a store that does not answer. Short: a restart within the lease loses no packet only
# if the first reading succeeds soon.
READ_PAUSE_S = 0.1

# Nothing waits for the answer, and a slow one is no fault.
EXAMINE_TIMEOUT_S = 10.0


class StoreShell:
    """One store, one cluster prefix."""

    def __init__(
        self,
        store: Store,
        prefix: str,
        timing: Timing,
        *,
        revision: Callable[[], int],
        post: Callable[[Event], None],
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._revision = revision
        self._post = post
        self._tasks: set[asyncio.Task[None]] = set()
        self.timing = timing

    def commit(self, effect: Commit) -> None:
        """Send now; the answer is posted within the attempt time."""
        self._start(self._commit(effect))

    def read(self, effect: Read) -> None:
        """Read now; the reading or its failure is posted."""
        self._start(self._read(effect.prefix))

    async def follow(self) -> None:
        """Feed the election for ever."""
        while True:
            floor = self._revision()
            reading = await self._store.read(self._prefix, timeout_s=READ_TIMEOUT_S)
            if isinstance(reading, Unknown):
                self._post(FeedLost(reading.why))
                await asyncio.sleep(READ_PAUSE_S)
                continue
            self._post(SnapshotRead(reading, floor))
            await self._watch(reading)

    async def examine(self) -> tuple[Advice, ...] | Unknown:
        """What the store's operator should do."""
        return await self._store.examine(self._prefix, timeout_s=EXAMINE_TIMEOUT_S)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._store.close()

    async def _watch(self, reading: Snapshot) -> None:
        # A watch that is dead for half a lease could miss a release for as long.
        heartbeat_s = max(0.5, self.timing.ttl_s / 2)
        changes = self._store.watch(self._prefix, after_revision=reading.revision, heartbeat_s=heartbeat_s)
        async with aclosing(changes):
            async for item in changes:
                if isinstance(item, Changed):
                    self._post(RecordsChanged(item))
                elif isinstance(item, WatchLost):
                    self._post(FeedLost(item.why))

    async def _commit(self, effect: Commit) -> None:
        outcome = await self._store.commit(effect.transaction, timeout_s=self.timing.attempt_s)
        self._post(CommitAnswered(effect.id, outcome))

    async def _read(self, prefix: str) -> None:
        floor = self._revision()
        timeout_s = READ_TIMEOUT_S if prefix == self._prefix else self.timing.attempt_s
        reading = await self._store.read(prefix, timeout_s=timeout_s)
        if isinstance(reading, Unknown):
            self._post(ReadFailed(prefix))
        else:
            self._post(SnapshotRead(reading, floor))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
