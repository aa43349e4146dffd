"""When a node may claim a unit that another one owned, released, or never had.

Rules of this file: waiting counts from this process's own receipt of the last version that it saw, never
from times in records; every claim guards (compares) all that its waiting relied on, so that anything unseen
makes it fail.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec

from vipkeeper.config.timing_rules import longest_takeover_s, takeover_after_s
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.election.view import StoreView
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.incarnations import ended_with_its_boot, stands_for
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import LeaseRecord, VipRecord
from vipkeeper.model.vips import Unit

NEVER = float("inf")


class Claimability(msgspec.Struct, frozen=True):
    """From when on a unit may be claimed, why not before, and what the claim must compare.

    `takes` are records under other names that keep an address of this unit; the claim marks them released.
    `together` are all units that have to be claimed in the same transaction, if others have to.
    `blocked` says that nothing this node does can make it a candidate: somebody else has to act.
    """

    at_s: float
    waits_for: Reason
    claim_reason: Reason
    detail: str = ""
    guards: dict[str, int] = msgspec.field(default_factory=dict)
    takes: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    blocked: Reason | None = None


def claimability(
    view: StoreView, settings: ElectionSettings, unit: Unit, now_s: float, *, given: Container[str] = ()
) -> Claimability:
    """The rule of the record itself, and of every record that keeps one of its addresses.

    `given`: names under which this node holds such addresses and gives them up by this claim.
    """
    main = _record_rule(view, settings, unit.name)
    guards = dict(main.guards)
    at_s, waits_for, detail = main.at_s, main.waits_for, main.detail
    takes: list[str] = []
    blocked = main.blocked
    longest_s = longest_takeover_s(settings.timing.lease_max_s)
    for address in unit.addresses:
        key = view.keys.address(address.address)
        if not view.readable(key):
            return _unreadable(key)
        bound_to = view.binding(address.address)
        guards[key] = view.version(key)  # always: a reading of the VIP record alone may be newer than this
        if bound_to is None or view.vip(bound_to) is None:
            # A record may have been deleted from under an owner, even before we ever saw that record.
            since_s = view.received_s(key)
            absent_until_s = NEVER if since_s is None else _blank_until_s(view, settings, since_s, longest_s)
            if absent_until_s > at_s:
                at_s = absent_until_s
                waits_for, detail = Reason.NO_RECORD_YET, address.address
        if bound_to is None or bound_to == unit.name or bound_to in takes:
            continue
        takes.append(bound_to)
        if bound_to in given:
            guards[view.keys.vip(bound_to)] = view.version(view.keys.vip(bound_to))
            continue
        other = _record_rule(view, settings, bound_to)
        guards.update(other.guards)
        if other.at_s > now_s:
            blocked = other.blocked or Reason.ADDRESS_HELD_BY_OTHER_NAME
        if other.at_s > at_s:
            at_s, waits_for = other.at_s, Reason.ADDRESS_HELD_BY_OTHER_NAME
            detail = f"{address.address} belongs to {bound_to}"
    return Claimability(at_s, waits_for, main.claim_reason, detail, guards, tuple(takes), blocked=blocked)


def _unreadable(key: str) -> Claimability:
    reason = Reason.RECORD_UNREADABLE
    return Claimability(NEVER, reason, Reason.FIRST_CLAIM, f"{key} cannot be read", blocked=reason)


def _record_rule(view: StoreView, settings: ElectionSettings, name: str) -> Claimability:
    key = view.keys.vip(name)
    guards = {key: view.version(key)}
    if not view.readable(key):
        return _unreadable(key)
    received_s = view.received_s(key)
    if received_s is None:
        return Claimability(NEVER, Reason.STORE_UNREACHABLE, Reason.FIRST_CLAIM, "not read yet")
    record = view.vip(name)
    longest_s = longest_takeover_s(settings.timing.lease_max_s)
    if record is None:
        # It may have been deleted from under an owner that still serves.
        rule = Claimability(
            _blank_until_s(view, settings, received_s, longest_s), Reason.NO_RECORD_YET, Reason.FIRST_CLAIM
        )
    elif record.owner is None:
        rule = _released_rule(record, received_s, settings)
    elif record.owner == settings.node:
        lease = view.lease(settings.node)
        if record.incarnation == settings.incarnation and (
            lease is None or lease.incarnation == settings.incarnation
        ):
            return Claimability(NEVER, Reason.OWNER_ALIVE, Reason.RESUMED, "held here", guards)
        rule = _own_earlier_rule(view, settings, record.incarnation, received_s, longest_s)
    else:
        rule = _owner_rule(view, settings, record, received_s, longest_s)
    guards.update(rule.guards)
    at_s, waits_for = rule.at_s, rule.waits_for
    if view.went_back_at_s is not None:
        back_until_s = _blank_until_s(view, settings, view.went_back_at_s, longest_s)
        if back_until_s > at_s:
            at_s, waits_for = back_until_s, Reason.STORE_WENT_BACK
    return Claimability(at_s, waits_for, rule.claim_reason, rule.detail, guards, blocked=rule.blocked)


def _released_rule(record: VipRecord, received_s: float, settings: ElectionSettings) -> Claimability:
    if record.released_to == settings.node:
        return Claimability(received_s, Reason.RESERVED_FOR_SUCCESSOR, Reason.SUCCESSOR)
    if record.released_to is None:
        return Claimability(received_s, Reason.BETTER_CANDIDATE, Reason.OWNER_RELEASED)
    return Claimability(
        received_s + settings.timing.grace_s,
        Reason.RESERVED_FOR_SUCCESSOR,
        Reason.OWNER_RELEASED,
        f"released to {record.released_to}",
    )


def _own_earlier_rule(
    view: StoreView, settings: ElectionSettings, incarnation: str, received_s: float, longest_s: float
) -> Claimability:
    """Another instance under our name held it, or wrote our lease record since: a stranger."""
    last_write = view.incarnations.get(settings.node)
    since_s = max(received_s, last_write.since_s if last_write else received_s)
    if last_write is not None and last_write.name == incarnation:
        # It may live on: each of its renewals counts anew. (Every claim compares that record.)
        renewed_s = view.received_s(view.keys.lease(settings.node))
        since_s = since_s if renewed_s is None else max(since_s, renewed_s)
    if incarnation != settings.incarnation and not ended_with_its_boot(incarnation, settings.incarnation):
        # It may live elsewhere under our name, and would not ask us for a promise.
        longest_s = max(longest_s, longest_takeover_s(settings.timing.outsiders_s))
    return Claimability(since_s + longest_s, Reason.EARLIER_INCARNATION, Reason.OWNER_EXPIRED)


def _blank_until_s(view: StoreView, settings: ElectionSettings, since_s: float, longest_s: float) -> float:
    """How long to wait where the store says nothing of an owner since a moment."""
    until_s = max(since_s + longest_s, view.vanished_until_s)
    if view.lost_touch_s is None or not settings.timing.outsiders_s:
        return until_s
    return max(until_s, view.lost_touch_s + longest_takeover_s(settings.timing.outsiders_s))


def _owner_rule(
    view: StoreView, settings: ElectionSettings, record: VipRecord, owned_s: float, longest_s: float
) -> Claimability:
    """Another node owns it; `owned_s`: when the record that says so was received."""
    owner = record.owner or ""
    key = view.keys.lease(owner)
    guards = {key: view.version(key)}
    received_s = view.received_s(key)
    if not view.readable(key) or received_s is None:
        return _unreadable(key)
    lease = view.lease(owner)
    if lease is None:
        # The owner wrote one with its claim; we may never have seen it.
        at_s = max(received_s, owned_s) + longest_s
        at_s = max(at_s, view.excluded_s.get(owner, at_s))
    elif lease.incarnation != record.incarnation:
        # The record's owner is an older one, or wrote in between, unseen by us. The present one's first
        # write ended its renewals.
        since_s = max(view.incarnations[owner].since_s, owned_s)
        at_s = since_s + max(longest_s, longest_takeover_s(_former_hold_s(lease, record, settings)))
    else:
        fence = _fence_of(lease.fence)
        outside = lease.outsiders_ms > 0 and not stands_for(
            lease.electorate.get(settings.node), settings.incarnation
        )
        interval_s = (lease.outsiders_ms if outside else lease.ttl_ms) / 1000
        at_s = received_s + (takeover_after_s(interval_s, fence) if fence else max(longest_s, 2 * interval_s))
        if outside:
            return Claimability(at_s, Reason.OUTSIDE_ELECTORATE, Reason.OWNER_EXPIRED, owner, guards)
    return Claimability(at_s, Reason.OWNER_ALIVE, Reason.OWNER_EXPIRED, owner, guards)


def _former_hold_s(lease: LeaseRecord, record: VipRecord, settings: ElectionSettings) -> float:
    """How long an incarnation that another one has replaced could hold on by promises without asking us."""
    if ended_with_its_boot(record.incarnation, lease.incarnation):
        return 0.0
    former = lease.former
    if former is None or former.incarnation != record.incarnation:
        return settings.timing.outsiders_s
    inside = stands_for(former.electorate.get(settings.node), settings.incarnation)
    return 0.0 if inside else former.outsiders_ms / 1000


def _fence_of(text: str) -> FenceKind | None:
    """None for a kind that a later version may have."""
    return next((kind for kind in FenceKind if kind.value == text), None)
