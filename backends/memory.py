"""The reference store: a linearizable map in this process, and the `Store` over it with fault switches.

Rules of this file:

- `MemoryMap` is synchronous and deterministic: no clock, no tasks. The simulation calls it directly.
- A commit that writes something makes exactly one revision; versions are revisions, as in etcd.
- A fault never changes what the map promises. It decides when a request arrives, and whether its sender
  hears of the result.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from bisect import bisect_left, insort
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import TypeVar

from backends.store import (
    Advice,
    Changed,
    Committed,
    Conflict,
    Record,
    Snapshot,
    Transaction,
    Unknown,
    WatchAlive,
    WatchLost,
)

# Called with each change right after its commit, and with WatchLost when a backup was restored.
Listener = Callable[[Changed | WatchLost], None]

# A long simulation must not keep its whole history; older changes count as compacted.
HISTORY_LIMIT = 10_000

_CONFLICT = Conflict()
_Reply = TypeVar("_Reply")
_Callback = TypeVar("_Callback")


class MemoryMap:
    """Keys, values and their history. Every call is atomic."""

    def __init__(self, history_limit: int = HISTORY_LIMIT) -> None:
        self._records: dict[str, Record] = {}
        self._keys: list[str] = []  # sorted
        self._revision = 1  # an empty etcd starts there as well
        self._compacted = 1
        self._history: deque[Changed] = deque(maxlen=history_limit)  # the changes after `_compacted`
        self._listeners: dict[object, Listener] = {}

    @property
    def revision(self) -> int:
        """The revision of the last change."""
        return self._revision

    def commit(self, transaction: Transaction) -> Committed | Conflict:
        """Compare, then write all or nothing. Listeners have been called when this returns."""
        records = self._records
        for key, version in transaction.compares.items():
            record = records.get(key)
            if (0 if record is None else record.version) != version:
                return _CONFLICT
        deletes = [key for key in transaction.deletes if key in records]
        return self._write(transaction.puts, deletes)

    def snapshot(self, prefix: str) -> Snapshot:
        """All records below a prefix, sorted by key."""
        return Snapshot(prefix, self._revision, tuple(map(self._records.__getitem__, self._below(prefix))))

    def changes_after(self, prefix: str, revision: int) -> tuple[Changed, ...] | None:
        """The changes below a prefix after a revision, in order; None when some of them were compacted."""
        if revision < self._compacted:
            return None
        missed: list[Changed] = []
        for changed in reversed(self._history):
            if changed.revision <= revision:
                break
            part = _below_prefix(changed, prefix)
            if part is not None:
                missed.append(part)
        return tuple(reversed(missed))

    def compact(self, revision: int) -> None:
        """Forget the changes up to a revision."""
        self._compacted = max(self._compacted, min(revision, self._revision))
        while self._history and self._history[0].revision <= self._compacted:
            self._history.popleft()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after each change from now on; what is returned ends that."""
        ticket = object()
        self._listeners[ticket] = listener
        return functools.partial(_forget, self._listeners, ticket)

    def restore(self, backup: Snapshot) -> None:
        """Hold exactly the records of an earlier snapshot: the revision goes back, history is lost."""
        self._records = {record.key: record for record in backup.records}
        self._keys = sorted(self._records)
        self._revision = self._compacted = backup.revision
        self._history.clear()
        self._tell(WatchLost("a backup was restored"))

    def wipe(self, prefix: str) -> None:
        """Delete everything below a prefix in one change, as an operator may."""
        self._write({}, self._below(prefix))

    def _write(self, puts: Mapping[str, bytes], deletes: Iterable[str]) -> Committed:
        revision = self._revision + 1
        deleted = dict.fromkeys(deletes, revision)
        if not puts and not deleted:
            return Committed(self._revision, {})
        for key in deleted:
            del self._records[key]
            del self._keys[bisect_left(self._keys, key)]
        written = tuple([Record(key, value, revision, revision) for key, value in puts.items()])
        for record in written:
            if record.key not in self._records:
                insort(self._keys, record.key)
            self._records[record.key] = record
        self._revision = revision
        if len(self._history) == self._history.maxlen:
            self._compacted = self._history[0].revision
        changed = Changed(revision, written, deleted)
        self._history.append(changed)
        if self._listeners:
            self._tell(changed)
        return Committed(revision, dict.fromkeys(puts, revision))

    def _below(self, prefix: str) -> list[str]:
        keys = self._keys
        start = end = bisect_left(keys, prefix)
        while end < len(keys) and keys[end].startswith(prefix):
            end += 1
        return keys[start:end]

    def _tell(self, news: Changed | WatchLost) -> None:
        for listener in tuple(self._listeners.values()):
            listener(news)


def _below_prefix(changed: Changed, prefix: str) -> Changed | None:
    records = tuple([record for record in changed.records if record.key.startswith(prefix)])
    deleted = {key: revision for key, revision in changed.deleted.items() if key.startswith(prefix)}
    return Changed(changed.revision, records, deleted) if records or deleted else None


def _forget(listeners: dict[object, _Callback], ticket: object) -> None:
    listeners.pop(ticket, None)


class Faults:
    """Switches for what goes wrong between a `MemoryStore` and its map; several stores may share one.

    Set the attributes at any time; they hold for the requests sent from then on.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0  # a request arrives so late; later than its time-out makes it a late commit
        self.lose_requests = False
        self.lose_replies = False  # Unknown, though it did happen
        self.hold_commits = False  # Unknown, and it happens at `deliver`
        self._frozen = False
        self._held: list[Callable[[], None]] = []
        self._watches: dict[object, Callable[[WatchLost | None], None]] = {}

    @property
    def frozen(self) -> bool:
        """Whether the store is frozen."""
        return self._frozen

    def freeze(self) -> None:
        """Like SIGSTOP to every server: requests wait, watches are silent."""
        self._frozen = True

    def thaw(self) -> None:
        """Like SIGCONT: what arrived meanwhile is carried out, in order."""
        self._frozen = False
        self.deliver()
        for wake in tuple(self._watches.values()):
            wake(None)

    def deliver(self) -> None:
        """Carry out the requests that were held back."""
        held, self._held = self._held, []
        for request in held:
            request()

    def break_watches(self, why: str) -> None:
        """End every running watch."""
        for wake in tuple(self._watches.values()):
            wake(WatchLost(why))

    def hold(self, request: Callable[[], None]) -> None:
        """Keep a request for `deliver`."""
        self._held.append(request)

    def follow(self, wake: Callable[[WatchLost | None], None]) -> Callable[[], None]:
        """Register a watch; what is returned ends that."""
        ticket = object()
        self._watches[ticket] = wake
        return functools.partial(_forget, self._watches, ticket)


class MemoryStore:
    """The `Store` over a `MemoryMap`. Stores that share a map are clients of one store."""

    def __init__(self, shared: MemoryMap, faults: Faults | None = None) -> None:
        self._map = shared
        self._faults = Faults() if faults is None else faults
        self._watches: set[_MemoryWatch] = set()

    async def read(self, prefix: str, *, timeout_s: float) -> Snapshot | Unknown:
        """See `Store.read`."""
        return await self._request(lambda: self._map.snapshot(prefix), timeout_s, holdable=False)

    async def commit(self, transaction: Transaction, *, timeout_s: float) -> Committed | Conflict | Unknown:
        """See `Store.commit`."""
        return await self._request(lambda: self._map.commit(transaction), timeout_s, holdable=True)

    async def watch(
        self, prefix: str, *, after_revision: int, heartbeat_s: float
    ) -> AsyncGenerator[Changed | WatchAlive | WatchLost, None]:
        """See `Store.watch`."""
        watch = _MemoryWatch(self._map, self._faults, prefix, after_revision)
        self._watches.add(watch)
        try:
            while True:
                item = await watch.next(heartbeat_s)
                yield item
                if isinstance(item, WatchLost):
                    return
        finally:
            self._watches.discard(watch)
            watch.close()

    async def examine(self, prefix: str, *, timeout_s: float) -> tuple[Advice, ...] | Unknown:
        """See `Store.examine`. There is nothing that anybody would have to look after."""
        return await self._request(tuple, timeout_s, holdable=False)

    def describe(self) -> str:
        """See `Store.describe`."""
        return "memory"

    async def close(self) -> None:
        """See `Store.close`."""
        for watch in self._watches:
            watch.ring(WatchLost("the store was closed"))

    async def _request(
        self, act: Callable[[], _Reply], timeout_s: float, *, holdable: bool
    ) -> _Reply | Unknown:
        faults = self._faults
        reply: asyncio.Future[_Reply] = asyncio.get_running_loop().create_future()
        silent = faults.lose_replies

        def arrive() -> None:
            if faults.frozen:
                faults.hold(arrive)
                return
            result = act()
            if not silent and not reply.done():
                reply.set_result(result)

        if faults.hold_commits and holdable:
            faults.hold(arrive)
        elif not faults.lose_requests:
            asyncio.get_running_loop().call_later(faults.delay_s, arrive)
        try:
            async with asyncio.timeout(timeout_s):
                return await reply
        except TimeoutError:
            return Unknown(f"memory: no answer within {timeout_s:g} s")


class _MemoryWatch:
    """One watch: a place in the map's history, and a bell that rings when there may be more."""

    def __init__(self, shared: MemoryMap, faults: Faults, prefix: str, after_revision: int) -> None:
        self._map = shared
        self._faults = faults
        self._prefix = prefix
        self._after = after_revision
        self._bell = asyncio.Event()
        self._lost: WatchLost | None = None
        self._alive_s = asyncio.get_running_loop().time()
        self._greeted = False
        self._caught_up: deque[Changed] = deque()
        self._end_listening = shared.listen(self._hear)
        self._end_following = faults.follow(self.ring)

    async def next(self, heartbeat_s: float) -> Changed | WatchAlive | WatchLost:
        """The next item; waits for it."""
        loop = asyncio.get_running_loop()
        while self._lost is None:
            frozen = self._faults.frozen
            if not frozen and not self._greeted:
                self._greeted = True
                return WatchAlive()
            if not frozen and (item := self._next_change()) is not None:
                self._alive_s = loop.time()
                return item
            patience_s = heartbeat_s if frozen else heartbeat_s / 2
            if loop.time() >= self._alive_s + patience_s:
                if frozen:
                    return WatchLost(f"memory: no sign of life for {heartbeat_s:g} s")
                self._alive_s = loop.time()
                return WatchAlive() if self._map.revision >= self._after else self._behind()
            self._bell.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._alive_s + patience_s):
                    await self._bell.wait()
        return self._lost

    def ring(self, lost: WatchLost | None) -> None:
        """Look again; with `lost`, end."""
        self._lost = self._lost or lost
        self._bell.set()

    def close(self) -> None:
        """Hear no more."""
        self._end_listening()
        self._end_following()

    def _behind(self) -> WatchLost:
        return WatchLost(f"memory: the store is at revision {self._map.revision}, behind {self._after}")

    def _hear(self, news: Changed | WatchLost) -> None:
        self.ring(news if isinstance(news, WatchLost) else None)

    def _next_change(self) -> Changed | WatchLost | None:
        if not self._caught_up:
            missed = self._map.changes_after(self._prefix, self._after)
            if missed is None:
                return WatchLost(f"memory: changes after revision {self._after} were compacted")
            self._after = max(self._after, self._map.revision)
            self._caught_up.extend(missed)
        return self._caught_up.popleft() if self._caught_up else None
