"""The store contract's values as etcd messages, and back.

Rules of this file: pure functions. Versions are etcd's mod_revision, which is 0 for an absent key. Keys are
UTF-8; a foreign key that is not survives the way there and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from backends.etcd_rpc.etcd_pb2 import (
    Compare,
    DeleteRangeRequest,
    Event,
    KeyValue,
    PutRequest,
    RangeRequest,
    RequestOp,
    TxnRequest,
    WatchCreateRequest,
    WatchProgressRequest,
    WatchRequest,
)
from backends.store import Changed, Record, Transaction

# A page of lease records is some 300 kB; etcd copies a page at once, so larger ones delay its other clients.
PAGE_KEYS = 1000

PROGRESS_REQUEST = WatchRequest(progress_request=WatchProgressRequest())


def range_request(prefix: str) -> RangeRequest:
    """The first page of all keys below a prefix; linearizable, since nothing says otherwise."""
    start, end = _interval(prefix)
    return RangeRequest(key=start, range_end=end, limit=PAGE_KEYS)


def next_page(request: RangeRequest, last: KeyValue, revision: int) -> RangeRequest:
    """The page after `last`, at the revision of the first page."""
    return RangeRequest(
        key=last.key + b"\0", range_end=request.range_end, limit=request.limit, revision=revision
    )


def txn_request(transaction: Transaction) -> TxnRequest:
    """One atomic transaction."""
    compares = [
        Compare(result=Compare.EQUAL, target=Compare.MOD, key=_key(key), mod_revision=version)
        for key, version in transaction.compares.items()
    ]
    writes = [
        RequestOp(request_put=PutRequest(key=_key(key), value=value))
        for key, value in transaction.puts.items()
    ]
    writes += [
        RequestOp(request_delete_range=DeleteRangeRequest(key=_key(key))) for key in transaction.deletes
    ]
    if not writes:
        # etcd answers a transaction without any operation from the member's own, perhaps stale, state.
        # With a linearizable range in it, it asks the leader first.
        writes = [RequestOp(request_range=RangeRequest(key=b"\0", count_only=True))]
    return TxnRequest(compare=compares, success=writes)


def watch_request(prefix: str, after_revision: int) -> WatchRequest:
    """Everything below a prefix that happens after a revision."""
    start, end = _interval(prefix)
    return WatchRequest(
        create_request=WatchCreateRequest(key=start, range_end=end, start_revision=after_revision + 1)
    )


def records(pairs: Iterable[KeyValue]) -> Iterator[Record]:
    """Keys and values as records."""
    for pair in pairs:
        key = pair.key.decode("utf-8", "surrogateescape")
        yield Record(key, pair.value, pair.mod_revision, pair.mod_revision)


def changes(events: Iterable[Event]) -> Iterator[Changed]:
    """Events, which etcd sends in order, grouped by their revision."""
    for revision, group in groupby(events, key=lambda event: event.kv.mod_revision):
        together = tuple(group)
        written = records(event.kv for event in together if event.type == Event.PUT)
        deleted = records(event.kv for event in together if event.type == Event.DELETE)
        yield Changed(revision, tuple(written), {record.key: revision for record in deleted})


def _key(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def _interval(prefix: str) -> tuple[bytes, bytes]:
    """[start, end) of all keys with a prefix; etcd writes "everything" and "no end" as one zero byte."""
    start = _key(prefix)
    stem = start.rstrip(b"\xff")
    end = stem[:-1] + bytes([stem[-1] + 1]) if stem else b"\0"
    return start or b"\0", end
