"""A mirror of all records below one directory, kept current by a recursive watch of one connection.

Rules of this file:

- It runs in stream order: what it knows at an answer is what the server had told before that answer.
- An event only says which record changed. Those are read again in rounds; each round ends with a mark, a
  request whose answer names the store's last change. A round that ends without a new event is a consistent
  cut: exactly the state at the mark. Only cuts are shown, so no transaction is ever seen in parts.
- A record's id is never used twice: once it is deleted it stays so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from kazoo.protocol.serialization import Exists, GetChildren, GetData

from backends.store import Changed, Record, WatchLost
from backends.zookeeper_channel import Answer, Connection
from backends.zookeeper_failures import CONNECTION_LOST, NO_NODE, OK, CallFailed
from backends.zookeeper_messages import AddRecursiveWatch
from backends.zookeeper_paths import RecordId, Tree, parts_of, version_of

_DELETED = 2  # the kind of an event
_GONE = 7  # the server has removed the watch itself

# More deletions than anybody deletes between a reading and the watch that follows it.
_MOST_DELETIONS = 10_000

# Under way at a time: a commit over the same connection waits behind them. Thousands would take a second.
_MOST_REQUESTS = 50

_DOING = "reading"

# Called with each cut that differs from the one before, and at the end with what was lost.
Subscriber = Callable[[Changed | WatchLost], None]


class Mirror:
    """The records below `directory`. Nothing is known before the first cut."""

    def __init__(self, connection: Connection, tree: Tree, directory: str) -> None:
        self.directory = directory
        self.since = 0  # the first cut: changes before it are not known
        self.revision = 0  # the last cut
        self._connection = connection
        self._tree = tree
        self._records: dict[str, Record] = {}
        self._deleted: dict[str, int] = {}  # key -> a revision at which it was absent again
        self._touched: set[str] = set()  # paths to read again
        self._removed: set[str] = set()  # paths that were deleted since the last cut
        self._found: dict[str, Record] = {}  # path -> what was read since the last cut
        self._queued: deque[tuple[Any, Callable[[Answer], None]]] = deque()  # requests still to be sent
        self._unanswered = 0  # requests of this round, the queued ones too
        self._waiting: list[Callable[[CallFailed | None], None]] = []
        self._subscribers: list[Subscriber] = []
        self._failed: CallFailed | None = None
        connection.listeners.append(self)
        self._request(AddRecursiveWatch(directory), self._watch_is_set)

    @property
    def works(self) -> bool:
        """Whether it has not failed for good."""
        return self._failed is None

    def covers(self, directory: str) -> bool:
        """Whether everything below that directory is in this mirror."""
        return self.works and is_below(directory, self.directory)

    def when_settled(self, then: Callable[[CallFailed | None], None]) -> None:
        """Call it at the next moment when all events received so far are part of a cut: perhaps now."""
        if self._failed is not None or self._is_settled():
            then(self._failed)
        else:
            self._waiting.append(then)

    def records(self, prefix: str) -> tuple[Record, ...]:
        """Those whose key begins so, by key."""
        found = [record for key, record in self._records.items() if key.startswith(prefix)]
        return tuple(sorted(found, key=lambda record: record.key))

    def id_of(self, key: str) -> RecordId | None:
        """The id of a record as of the last cut."""
        record = self._records.get(key)
        return None if record is None else parts_of(record.version)[0]

    def advance(self, revision: int) -> None:
        """The server has shown that nothing here changed up to this revision."""
        if self._is_settled():
            self.revision = max(self.revision, revision)

    def changes_after(self, revision: int) -> Changed | None:
        """The latest state of all that changed after a revision; None if the mirror is too young for that."""
        if revision < self.since:
            return None
        records = [record for record in self._records.values() if record.revision > revision]
        deleted = {key: gone for key, gone in self._deleted.items() if gone > revision}
        return Changed(self.revision, _in_order(records), deleted)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Tell of each cut from now on; what is returned ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def changed(self, kind: int, path: str) -> None:
        """See `Listener`."""
        if not is_below(path, self.directory):
            return
        if kind == _GONE:
            self.lost("the server removed the watch")
        elif kind == _DELETED:
            if self._tree.key_of(path) is not None:
                self._removed.add(path)
                self._touched.discard(path)
        elif self._tree.key_of(path) is not None:
            self._touched.add(path)
        if not self._unanswered and not self._is_settled():
            self._begin_round()

    def lost(self, why: str) -> None:
        """See `Listener`."""
        self._fail(self._connection.failure(Answer(0, CONNECTION_LOST, why), _DOING))

    def _is_settled(self) -> bool:
        return bool(self.since) and not (self._unanswered or self._touched or self._removed)

    def _watch_is_set(self, _: Answer) -> None:
        # What is listed from here on may only be older than the events that are still to come.
        self._list(self.directory)

    def _list(self, path: str) -> None:
        def listed(answer: Answer) -> None:
            for name in answer.value or ():
                below = f"{path.rstrip('/')}/{name}"
                if self._tree.key_of(below) is not None:
                    self._touched.add(below)
                elif not self._tree.is_holder(path):
                    self._list(below)

        self._request(GetChildren(path, False), listed)

    def _begin_round(self) -> None:
        touched, self._touched = self._touched - self._removed, set()
        for path in touched:
            self._read(path)
        self._request(Exists(self._tree.root, False), self._end_round)

    def _read(self, path: str) -> None:
        def read(answer: Answer) -> None:
            if answer.value is not None:
                data, stat = answer.value
                known = self._tree.key_of(path)
                assert known is not None  # noqa: S101 - only records are read
                key, record_id = known
                version = version_of(record_id, stat.version)
                self._found[path] = Record(key, data or b"", version, stat.mzxid)

        self._request(GetData(path, False), read)

    def _end_round(self, answer: Answer) -> None:
        if not self._touched:
            self._cut(answer.zxid)

    def _cut(self, revision: int) -> None:
        deleted = self._take_removed(revision)
        found = [record for path, record in self._found.items() if path not in self._removed]
        self._found.clear()
        self._removed.clear()
        for record in found:
            self._records[record.key] = record
            self._deleted.pop(record.key, None)
            deleted.pop(record.key, None)
        self._deleted |= deleted
        first, self.since = not self.since, self.since or revision
        self.revision = revision
        if len(self._deleted) > _MOST_DELETIONS:
            self._deleted.clear()
            self.since = revision
        if not first and (found or deleted):
            self._tell(Changed(revision, _in_order(found), deleted))

    def _take_removed(self, revision: int) -> dict[str, int]:
        deleted = {}
        for path in self._removed:
            key, record_id = self._tree.key_of(path) or ("", "")
            if self.id_of(key) == record_id:
                del self._records[key]
                deleted[key] = revision
        return deleted

    def _tell(self, news: Changed | WatchLost) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber(news)

    def _request(self, request: Any, then: Callable[[Answer], None]) -> None:
        self._unanswered += 1
        if self._unanswered > _MOST_REQUESTS:
            self._queued.append((request, then))
        else:
            self._send(request, then)

    def _send(self, request: Any, then: Callable[[Answer], None]) -> None:
        def answered(answer: Answer) -> None:
            self._unanswered -= 1
            if self._failed is not None:
                return
            if self._queued:
                self._send(*self._queued.popleft())
            if answer.error not in {OK, NO_NODE}:
                self._fail(self._connection.failure(answer, _DOING))
                return
            then(answer)
            if self._unanswered or self._failed is not None:
                return
            if self._is_settled():
                self._release()
            else:
                self._begin_round()

        self._connection.send(request, answered)

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then(self._failed)

    def _fail(self, failed: CallFailed) -> None:
        if self._failed is None:
            self._failed = failed
            self._connection.listeners.remove(self)
            self._release()
            self._tell(WatchLost(failed.unknown.why))


def is_below(path: str, directory: str) -> bool:
    """Whether a path is a directory itself, or below it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _in_order(records: list[Record]) -> tuple[Record, ...]:
    return tuple(sorted(records, key=lambda record: (record.revision, record.key)))
