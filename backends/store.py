"""The store contract: three requests and three answers. etcd, ZooKeeper and memory each implement it.

A fourth request, `examine`, decides nothing: it asks what the store's own operator should do.

Rules of this contract, proven for every backend by the same suite (tests/contract/):

- `read` and `commit` are linearizable.
- `Unknown` is a value, never an exception and never "no": whatever was sent may or may not take effect,
  even after `Unknown` was returned, even after a later read does not show it.
- A call returns within its `timeout_s` (plus scheduling). It makes one attempt; after an Unknown the
  backend prefers another endpoint for the next call.
- Keys begin with a slash.
- A version is a number that never repeats for a key, not even when the key was deleted and made anew;
  0 means "absent".
- `revision` orders all changes of the store. It only goes backwards when a backup was restored.
- A watch tells the latest state of every key, never an older one after a newer one, and never a part of a
  transaction. Writes that follow each other closely may be told as one change, with the last state of each
  key; etcd and memory tell each write by itself.
- A reader reads first and watches from the revision of its reading, over the same `Store`. A watch that
  cannot know all changes since then is lost at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

import msgspec

# Every backend takes at least so many compares, and as many puts and deletes together, in a transaction
# (etcd's --max-txn-ops default; it counts each of the lists on its own).
MAX_TRANSACTION_OPERATIONS = 128


class Record(msgspec.Struct, frozen=True):
    """One key as the store has it. `version` is for compares, `revision` is when it was written."""

    key: str
    value: bytes
    version: int
    revision: int


class Snapshot(msgspec.Struct, frozen=True):
    """All records below a prefix at one revision."""

    prefix: str
    revision: int
    records: tuple[Record, ...]


class Transaction(msgspec.Struct, frozen=True):
    """If every key in `compares` has the version given there: do all of it, else none of it.

    ValueError when it is larger than every backend takes, or puts and deletes one key.
    """

    compares: Mapping[str, int] = msgspec.field(default_factory=dict)  # key -> version, 0 for absent
    puts: Mapping[str, bytes] = msgspec.field(default_factory=dict)
    deletes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        writes = len(self.puts) + len(self.deletes)
        if writes > MAX_TRANSACTION_OPERATIONS or len(self.compares) > MAX_TRANSACTION_OPERATIONS:
            raise ValueError(f"a transaction of {len(self.compares)} compares and {writes} writes")
        if self.deletes and not self.deletes.isdisjoint(self.puts):
            raise ValueError(f"put and deleted in one transaction: {sorted(self.deletes & self.puts.keys())}")


class Committed(msgspec.Struct, frozen=True):
    """It happened, at `revision`; `versions` has the new version of each key put."""

    revision: int
    versions: Mapping[str, int]


class Conflict(msgspec.Struct, frozen=True):
    """It did not happen and never will: a compare failed."""


class Unknown(msgspec.Struct, frozen=True):
    """Nobody can tell. `why` is for people; `actor` says who has to act: "store", "operator" or "user"."""

    why: str
    actor: str = "store"


class Changed(msgspec.Struct, frozen=True):
    """Changes in order, complete up to `revision`: `records` were written, the keys in `deleted` are gone.

    `deleted` says at which revision a key was known to be gone: that of its deletion, or a later one.
    """

    revision: int
    records: tuple[Record, ...]
    deleted: Mapping[str, int] = msgspec.field(default_factory=dict)


class WatchAlive(msgspec.Struct, frozen=True):
    """The store has just shown that the watch is live; sent at least every `heartbeat_s` while quiet."""


class WatchLost(msgspec.Struct, frozen=True):
    """The last item of a watch: changes may be missed from here on; read again, then watch again."""

    why: str


class Advice(msgspec.Struct, frozen=True):
    """One thing that the operator of the store should do: what is so, what follows, what to do.

    Told again when the text changes, so figures in it are rounded until they seldom do.
    """

    text: str


class Store(Protocol):
    """A linearizable map with compare-and-set transactions. See the rules at the head of this file."""

    async def read(self, prefix: str, *, timeout_s: float) -> Snapshot | Unknown:
        """All keys that start with `prefix` (an exact key is a prefix too)."""
        ...

    async def commit(self, transaction: Transaction, *, timeout_s: float) -> Committed | Conflict | Unknown:
        """Carry out one transaction, atomically."""
        ...

    def watch(
        self, prefix: str, *, after_revision: int, heartbeat_s: float
    ) -> AsyncGenerator[Changed | WatchAlive | WatchLost, None]:
        """Changes after a revision, in order and without gaps, until WatchLost ends the iterator.

        A caller that leaves early calls `aclose()` (contextlib.aclosing does).

        When the server shows no life for `heartbeat_s` (plus scheduling), that is a WatchLost; so is a
        server that is still behind `after_revision` then.
        """
        ...

    async def examine(self, prefix: str, *, timeout_s: float) -> tuple[Advice, ...] | Unknown:
        """What should be done about the store before it fails; () if nothing. For people, outside the leases.

        It takes nothing from the other requests: no connection that they use, no endpoint's turn. Unknown
        when no member would tell. `prefix` is the part of the store that this client may read.
        """
        ...

    def describe(self) -> str:
        """Which endpoint is in use, for logs."""
        ...

    async def close(self) -> None:
        """Free connections; watches end."""
        ...
