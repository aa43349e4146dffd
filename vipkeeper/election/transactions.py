"""The transactions of the election, as values.

Rules of this file: every one compares our own lease record; claims, resumes and renewals also rewrite it
with a fresh id, so that whatever of ours is still under way dies with the first newer write; a batch stays
within what every store takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from backends.store import MAX_TRANSACTION_OPERATIONS, Transaction
from vipkeeper.election.own_lease import Electors
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.election.view import StoreView
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import (
    BindingRecord,
    FormerLease,
    HistoryEntry,
    HistoryRecord,
    LeaseRecord,
    VipRecord,
)
from vipkeeper.model.vips import Unit

Part = tuple[dict[str, int], dict[str, bytes]]  # what one unit compares and puts

encode = msgspec.json.Encoder().encode


class LeaseTerms(msgspec.Struct, frozen=True):
    """What a write of our lease record tells the others about how long to wait."""

    ttl_s: float
    electorate: Electors = frozenset()
    outsiders_s: float = 0.0


class Batch(msgspec.Struct):
    """A transaction being filled with units until the next would not fit."""

    compares: dict[str, int] = msgspec.field(default_factory=dict)
    puts: dict[str, bytes] = msgspec.field(default_factory=dict)
    units: list[str] = msgspec.field(default_factory=list)
    terms: LeaseTerms | None = None  # None: leaves our lease record as it is

    def add(self, unit: str, compares: dict[str, int], puts: dict[str, bytes]) -> bool:
        """Add a unit's part; False if it does not fit beside what is there already."""
        return self.add_all((unit,), ((compares, puts),))

    def add_all(self, units: Iterable[str], parts: Iterable[Part]) -> bool:
        """Add the parts of units that have to change hands together, or none of them."""
        all_compares, all_puts = dict(self.compares), dict(self.puts)
        for compares, puts in parts:
            all_compares |= compares
            all_puts |= puts
        if self.units and max(len(all_compares), len(all_puts)) > MAX_TRANSACTION_OPERATIONS:
            return False
        self.compares, self.puts = all_compares, all_puts
        self.units.extend(units)
        return True

    def transaction(self) -> Transaction:
        return Transaction(compares=self.compares, puts=self.puts)


def empty_batch(view: StoreView, settings: ElectionSettings) -> Batch:
    """A batch that compares our lease record and leaves it as it is (releases)."""
    key = view.keys.lease(settings.node)
    return Batch(compares={key: view.version(key)})


def renewing_batch(
    view: StoreView, settings: ElectionSettings, terms: LeaseTerms, seq: str, wall: str
) -> Batch:
    """A batch that compares and rewrites our lease record (renewals, resumes, claims)."""
    batch = empty_batch(view, settings)
    record = LeaseRecord(
        incarnation=settings.incarnation,
        seq=seq,
        ttl_ms=math.ceil(terms.ttl_s * 1000),  # others may wait longer, never shorter
        fence=settings.fence.value,
        electorate=dict(sorted(terms.electorate)),
        outsiders_ms=math.ceil(terms.outsiders_s * 1000),
        former=_former(view, settings),
        renewed=wall,
    )
    batch.puts[view.keys.lease(settings.node)] = encode(record)
    batch.terms = terms
    return batch


def _former(view: StoreView, settings: ElectionSettings) -> FormerLease | None:
    """The transaction compares the very version that this is taken from."""
    lease = view.lease(settings.node)
    if lease is None or lease.incarnation == settings.incarnation:
        return lease.former if lease is not None else None
    return FormerLease(lease.incarnation, lease.electorate, lease.outsiders_ms)


def claim_part(
    view: StoreView,
    settings: ElectionSettings,
    unit: Unit,
    *,
    guards: dict[str, int],
    takes: tuple[str, ...],
    reason: Reason,
    wall: str,
) -> tuple[dict[str, int], dict[str, bytes]]:
    """Compares and puts that make us the owner of a unit."""
    keys = view.keys
    compares = {keys.cluster: view.version(keys.cluster), **guards}
    puts = {}
    former = view.vip(unit.name)
    record = VipRecord(
        owner=settings.node,
        incarnation=settings.incarnation,
        epoch=(former.epoch if former else 0) + 1,
        since=wall,
        reason=reason.value,
        addresses=tuple(address.address for address in unit.addresses),
        members=unit.members,
        previous=(former.owner or former.previous) if former else None,
    )
    puts[keys.vip(unit.name)] = encode(record)
    puts[keys.history(unit.name)] = history_with(view, unit.name, record)
    for address in unit.addresses:
        if view.binding(address.address) != unit.name:
            puts[keys.address(address.address)] = encode(BindingRecord(unit.name))
    for name in takes:
        taken = view.vip(name)
        if taken is not None:
            puts[keys.vip(name)] = encode(_released(taken, settings, None, Reason.ADDRESS_RENAMED, wall))
    return compares, puts


def resume_part(view: StoreView, unit: str) -> dict[str, int]:
    """Compares that prove that a record still names us."""
    keys = view.keys
    return {
        keys.cluster: view.version(keys.cluster),
        keys.vip(unit): view.version(keys.vip(unit)),
    }


def release_part(
    view: StoreView,
    settings: ElectionSettings,
    unit: str,
    *,
    record: VipRecord,
    successor: str | None,
    reason: Reason,
    wall: str,
) -> tuple[dict[str, int], dict[str, bytes]]:
    """Compares and puts that give a unit up, naming who should have it next."""
    keys = view.keys
    released = _released(record, settings, successor, reason, wall)
    return (
        {keys.vip(unit): view.version(keys.vip(unit))},
        {keys.vip(unit): encode(released), keys.history(unit): history_with(view, unit, released)},
    )


def _released(
    record: VipRecord, settings: ElectionSettings, successor: str | None, reason: Reason, wall: str
) -> VipRecord:
    return VipRecord(
        owner=None,
        incarnation=settings.incarnation,
        epoch=record.epoch,
        since=wall,
        reason=reason.value,
        addresses=record.addresses,
        members=record.members,
        released_to=successor,
        previous=record.owner or record.previous,
    )


def history_with(view: StoreView, unit: str, record: VipRecord) -> bytes:
    """The history record of a unit with one entry more."""
    history = view.get(view.keys.history(unit), HistoryRecord) or HistoryRecord()
    return encode(
        history.with_entry(
            HistoryEntry(
                epoch=record.epoch,
                owner=record.owner,
                previous=record.previous,
                reason=record.reason,
                at=record.since,
            )
        )
    )
