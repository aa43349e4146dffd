"""What the records of a cluster say about its VIPs, as `ls` shows it.

Rules of this file: pure; the JSON keys are a contract with scripts: add, never rename; a record that cannot
be read is shown as such and hides nothing else. Wall-clock times are compared here, for people alone: a node
whose clock is wrong looks silent or renewed in the future, and no decision depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from backends.store import Snapshot
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import FORGOTTEN, BindingRecord, InfoRecord, LeaseRecord, VipRecord

# A node that wrote nothing for so many of its heartbeats is shown as silent.
SILENT_AFTER_HEARTBEATS = 3
SILENT = "silent"

_Record = TypeVar("_Record", bound=msgspec.Struct)


class Candidate(msgspec.Struct, frozen=True):
    """One node that is configured for the VIP. `reason` is why it may not own, or why it may.

    `weights` is what makes up the priority, "100 -5 maint"; "" if it is as configured.
    """

    node: str
    priority: int
    eligible: bool
    reason: str
    detail: str = ""
    weights: str = ""


class ListedVip(msgspec.Struct, frozen=True):
    """One VIP, or a sync group with its VIPs. Without an owner `lease_remaining_ms` and `fence` are null.

    `forgotten`: no node that is still counted on has it in its configuration, and nobody owns it.
    `promised_by`: the nodes by whose promises its owner serves it while the store is silent, which only the
    owner's agent can tell; null where the store or another agent was asked, and while the store confirms.
    """

    vip: str
    addresses: tuple[str, ...]
    owner: str | None
    epoch: int
    since: str | None
    reason: str
    detail: str
    released_to: str | None
    lease_remaining_ms: int | None
    fence: str | None
    candidates: tuple[Candidate, ...]
    forgotten: bool = False
    promised_by: tuple[str, ...] | None = None
    members: tuple[str, ...] = ()


class ListedNode(msgspec.Struct, frozen=True):
    """One node. `state` is running, stopped, silent, forgotten or unreadable."""

    node: str
    state: str
    host: str
    last_heard: str | None  # wall time, by that node's clock


@dataclass(frozen=True, slots=True)
class _Unreadable:
    why: str


@dataclass(frozen=True, slots=True)
class _Node:
    lease: LeaseRecord | _Unreadable | None = None
    info: InfoRecord | _Unreadable | None = None


@dataclass(frozen=True, slots=True)
class _Cluster:
    nodes: Mapping[str, _Node]
    vips: Mapping[str, bytes]
    bound: Mapping[str, tuple[str, ...]]  # addresses kept under a VIP name, also before anybody owned it
    candidates: Mapping[str, tuple[Candidate, ...]]
    wall_now: datetime


def list_vips(snapshot: Snapshot, wall_now: datetime) -> list[ListedVip]:
    """All VIPs that have a record or a candidate, sorted by name. `snapshot` covers the whole cluster."""
    values = _values(snapshot)
    nodes = _nodes(values)
    cluster = _Cluster(
        nodes=nodes,
        vips={key.removeprefix("vips/"): value for key, value in values.items() if key.startswith("vips/")},
        bound=_bound_addresses(values),
        candidates=_candidates(nodes, wall_now),
        wall_now=wall_now,
    )
    return [_listed(name, cluster) for name in sorted(cluster.vips.keys() | cluster.candidates.keys())]


def list_nodes(snapshot: Snapshot, wall_now: datetime) -> list[ListedNode]:
    """All nodes that ever wrote their info and were not deleted, sorted by name."""
    return [
        _listed_node(name, node, wall_now)
        for name, node in sorted(_nodes(_values(snapshot)).items())
        if node.info is not None
    ]


def _listed_node(name: str, node: _Node, wall_now: datetime) -> ListedNode:
    if not isinstance(node.info, InfoRecord):
        return ListedNode(name, "unreadable", "", None)
    info = node.info
    silent = info.state == "running" and _silent_s(node, info, wall_now) is not None
    if info.state == FORGOTTEN:
        return ListedNode(name, FORGOTTEN, info.host, None)  # its record was written by another node
    heard = _last_heard(node, info)
    return ListedNode(name, SILENT if silent else info.state, info.host, heard.isoformat() if heard else None)


def unreadable_nodes(snapshot: Snapshot) -> list[str]:
    """One sentence for each node whose candidacies cannot be read, so that they are missing in the list."""
    return [
        f"node {name}: its candidacy record cannot be read ({node.info.why})"
        for name, node in sorted(_nodes(_values(snapshot)).items())
        if isinstance(node.info, _Unreadable)
    ]


def _values(snapshot: Snapshot) -> dict[str, bytes]:
    return {record.key.removeprefix(snapshot.prefix): record.value for record in snapshot.records}


def _listed(name: str, cluster: _Cluster) -> ListedVip:
    value = cluster.vips.get(name)
    record = None if value is None else _decoded(value, VipRecord)
    candidates = cluster.candidates.get(name, ())
    if not isinstance(record, VipRecord):
        reason = Reason.NO_RECORD_YET if record is None else Reason.RECORD_UNREADABLE
        return ListedVip(
            vip=name,
            addresses=cluster.bound.get(name, ()),
            owner=None,
            epoch=0,
            since=None,
            reason=reason.value,
            detail=reason.explained if record is None else f"{reason.explained} ({record.why})",
            released_to=None,
            lease_remaining_ms=None,
            fence=None,
            candidates=candidates,
        )
    remaining, fence, trouble = _lease_state(record, cluster)
    return ListedVip(
        vip=name,
        addresses=record.addresses,
        owner=record.owner,
        epoch=record.epoch,
        since=record.since or None,
        reason=record.reason,
        detail=trouble or _explained(record.reason),
        released_to=record.released_to,
        lease_remaining_ms=remaining,
        fence=fence,
        candidates=candidates,
        members=record.members,
        forgotten=not candidates and _left_by_its_owner(record, cluster),
    )


def _left_by_its_owner(record: VipRecord, cluster: _Cluster) -> bool:
    """Whether it was released, or its owner was forgotten since."""
    if record.owner is None:
        return True
    info = cluster.nodes.get(record.owner, _Node()).info
    return isinstance(info, InfoRecord) and info.state == FORGOTTEN


def _lease_state(record: VipRecord, cluster: _Cluster) -> tuple[int | None, str | None, str]:
    """Milliseconds left, the fence, and what keeps the owner's lease from being shown."""
    if record.owner is None:
        return None, None, ""
    lease = cluster.nodes.get(record.owner, _Node()).lease
    if isinstance(lease, _Unreadable):
        return None, None, f"the owner's lease record cannot be read ({lease.why})"
    if lease is None:
        return 0, None, "the owner has no lease record"
    if lease.incarnation != record.incarnation:
        return 0, None, Reason.EARLIER_INCARNATION.explained
    renewed = _parsed_time(lease.renewed)
    if renewed is None:
        return None, lease.fence, "the owner's lease record does not say when it was renewed"
    age_ms = (cluster.wall_now - renewed) // timedelta(milliseconds=1)
    return min(max(lease.ttl_ms - age_ms, 0), lease.ttl_ms), lease.fence, ""


def _candidates(nodes: Mapping[str, _Node], wall_now: datetime) -> dict[str, tuple[Candidate, ...]]:
    found: dict[str, list[Candidate]] = {}
    for name, node in nodes.items():
        if not isinstance(node.info, InfoRecord):
            continue
        silent_s = _silent_s(node, node.info, wall_now)
        for candidacy in node.info.candidacies:
            if node.info.state != "running":
                state = False, Reason.STOPPING.value, "the agent was stopped"
            elif silent_s is not None:
                state = False, SILENT, f"nothing heard for {silent_s:.0f} s"
            else:
                explained = _explained(candidacy.reason)
                detail = f"{explained}: {candidacy.detail}" if candidacy.detail else explained
                state = candidacy.eligible, candidacy.reason, detail
            candidate = Candidate(name, candidacy.priority, *state, weights=candidacy.weights)
            for vip in candidacy.vips:
                found.setdefault(vip, []).append(candidate)
    return {vip: tuple(sorted(those, key=_best_first)) for vip, those in found.items()}


def _best_first(candidate: Candidate) -> tuple[int, str]:
    return -candidate.priority, candidate.node


def _silent_s(node: _Node, info: InfoRecord, wall_now: datetime) -> float | None:
    """For how long a node has shown no life at all, if that is longer than it announced; else None."""
    heard = _last_heard(node, info)
    if heard is None or info.heartbeat_ms <= 0:
        return None
    silent = wall_now - heard
    limit = timedelta(milliseconds=SILENT_AFTER_HEARTBEATS * info.heartbeat_ms)
    return silent.total_seconds() if silent > limit else None


def _last_heard(node: _Node, info: InfoRecord) -> datetime | None:
    """The later of info and lease, if the lease is of the same incarnation."""
    written = _parsed_time(info.written)
    if written is not None and isinstance(node.lease, LeaseRecord):
        renewed = _parsed_time(node.lease.renewed)
        if renewed is not None and node.lease.incarnation == info.incarnation:
            return max(written, renewed)
    return written


def _nodes(values: Mapping[str, bytes]) -> dict[str, _Node]:
    leases: dict[str, LeaseRecord | _Unreadable] = {}
    infos: dict[str, InfoRecord | _Unreadable] = {}
    for key, value in values.items():
        match key.split("/"):
            case ["nodes", node, "lease"]:
                leases[node] = _decoded(value, LeaseRecord)
            case ["nodes", node, "info"]:
                infos[node] = _decoded(value, InfoRecord)
    return {name: _Node(leases.get(name), infos.get(name)) for name in leases.keys() | infos.keys()}


def _bound_addresses(values: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    def pairs() -> Iterator[tuple[str, str]]:
        for key, value in values.items():
            if key.startswith("addresses/"):
                binding = _decoded(value, BindingRecord)
                if isinstance(binding, BindingRecord):
                    yield binding.vip, key.removeprefix("addresses/")

    bound: dict[str, tuple[str, ...]] = {}
    for vip, address in sorted(pairs()):
        bound[vip] = (*bound.get(vip, ()), address)
    return bound


def _decoded(value: bytes, kind: type[_Record]) -> _Record | _Unreadable:
    try:
        return msgspec.json.decode(value, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _Unreadable(str(error))


def _parsed_time(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def _explained(reason: str) -> str:
    """What a reason means; empty for one that a newer version wrote."""
    try:
        return Reason(reason).explained
    except ValueError:
        return ""
