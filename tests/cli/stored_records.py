"""Records of a cluster as nodes leave them in the store, for tests that show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from backends.store import Record, Snapshot
from vipkeeper.model.records import Candidacy, InfoRecord, Keys, LeaseRecord, VipRecord

KEYS = Keys("c1")
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def seconds_ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def snapshot(values: Mapping[str, msgspec.Struct | bytes]) -> Snapshot:
    """The store with these values below the prefix of cluster c1."""
    records = tuple(
        Record(
            key=key,
            value=value if isinstance(value, bytes) else msgspec.json.encode(value),
            version=number,
            revision=number,
        )
        for number, (key, value) in enumerate(values.items(), 1)
    )
    return Snapshot(prefix=KEYS.prefix, revision=len(records), records=records)


def vip(owner: str | None = "n1", incarnation: str = "i1", released_to: str | None = None) -> VipRecord:
    return VipRecord(
        owner=owner,
        incarnation=incarnation,
        epoch=3,
        since=seconds_ago(150),
        reason="owner-expired" if owner else "owner-released",
        addresses=("192.0.2.10", "2001:db8::10"),
        released_to=released_to,
    )


def lease(renewed_s_ago: float, incarnation: str = "i1", ttl_ms: int = 4000) -> LeaseRecord:
    return LeaseRecord(
        incarnation=incarnation, seq="s", ttl_ms=ttl_ms, fence="bpf", renewed=seconds_ago(renewed_s_ago)
    )


def info(
    *candidacies: Candidacy, written_s_ago: float = 1.0, state: str = "running", heartbeat_ms: int = 10_000
) -> InfoRecord:
    return InfoRecord(
        incarnation="i1",
        host="h",
        seq="s",
        state=state,
        candidacies=candidacies,
        heartbeat_ms=heartbeat_ms,
        written=seconds_ago(written_s_ago),
    )


def candidacy(
    *vips: str, priority: int = 100, eligible: bool = True, reason: str = "owner-alive"
) -> Candidacy:
    return Candidacy(priority=priority, eligible=eligible, reason=reason, vips=vips)
