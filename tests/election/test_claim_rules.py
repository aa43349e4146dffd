"""When a unit may be claimed, why not before, and what the claim compares: one row for each situation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest

from backends.store import Changed, Record, Snapshot
from tests.election.values import (
    KEYS,
    LEASE_MAX_S,
    TTL_S,
    lease_record,
    settings_of,
    unit,
    vip_record,
)
from vipkeeper.config.timing_rules import longest_takeover_s, takeover_after_s
from vipkeeper.election.claim_rules import NEVER, Claimability, claimability
from vipkeeper.election.view import StoreView
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import BindingRecord

ADDRESS = "192.0.2.7"
WEB = unit("web", ADDRESS)
ME = settings_of("me", WEB)
LONGEST_S = longest_takeover_s(LEASE_MAX_S)
READ_S = 100.0

VIP = KEYS.vip("web")
LEASE = KEYS.lease("other")
BINDING = KEYS.address(ADDRESS)


class History:
    """A view that was read empty at READ_S, and what it heard since."""

    def __init__(self) -> None:
        self.view = StoreView(KEYS, ME.node, ME.incarnation)
        self.view.read(Snapshot(KEYS.prefix, 1, ()), 0, READ_S)
        self.revision = 10

    def hears(self, at_s: float, key: str, value: msgspec.Struct | bytes) -> None:
        self.revision += 1
        encoded = value if isinstance(value, bytes) else msgspec.json.encode(value)
        record = Record(key, encoded, self.revision, self.revision)
        self.view.change(Changed(self.revision, (record,)), at_s)

    def hears_deletion(self, at_s: float, key: str) -> None:
        self.revision += 1
        self.view.change(Changed(self.revision, (), {key: self.revision}), at_s)

    def bound(self, vip: str = "web") -> None:
        self.hears(READ_S, BINDING, BindingRecord(vip))

    def owned(self, at_s: float = 110.0, owner: str = "other", incarnation: str = "i1") -> None:
        self.bound()
        self.hears(at_s, VIP, vip_record(owner, incarnation=incarnation))

    def rule(self) -> Claimability:
        return claimability(self.view, ME, WEB, READ_S)


@dataclass(frozen=True)
class Row:
    """One situation and what follows from it."""

    told: Callable[[History], None]
    at_s: float
    waits_for: Reason
    claim_reason: Reason
    guards: tuple[str, ...]


def absent(h: History) -> None:
    """Nothing was ever there."""


def deleted(h: History) -> None:
    h.owned()
    h.hears_deletion(120.0, VIP)


def released_to_me(h: History) -> None:
    h.bound()
    h.hears(120.0, VIP, vip_record(None, released_to="me"))


def released_to_other(h: History) -> None:
    h.bound()
    h.hears(120.0, VIP, vip_record(None, released_to="other"))


def released_to_nobody(h: History) -> None:
    h.bound()
    h.hears(120.0, VIP, vip_record(None))


def renewing(h: History) -> None:
    h.hears(105.0, LEASE, lease_record("i1", seq="s1"))
    h.owned(110.0)
    h.hears(130.0, LEASE, lease_record("i1", seq="s2"))


def nftables(h: History) -> None:
    h.owned(110.0)
    h.hears(130.0, LEASE, lease_record("i1", fence="nftables", ttl_s=2.0))


def unknown_fence(h: History) -> None:
    h.owned(110.0)
    h.hears(130.0, LEASE, lease_record("i1", fence="granite"))


def unknown_fence_and_long_lease(h: History) -> None:
    h.owned(110.0)
    h.hears(130.0, LEASE, lease_record("i1", fence="granite", ttl_s=60.0))


def other_incarnation(h: History) -> None:
    h.hears(105.0, LEASE, lease_record("i1", seq="s1"))
    h.owned(110.0, incarnation="i1")
    h.hears(120.0, LEASE, lease_record("i2", seq="s2"))
    h.hears(140.0, LEASE, lease_record("i2", seq="s3"))  # renewals of the new one do not keep the old one's


def lease_absent(h: History) -> None:
    h.owned(110.0)


def owner_never_seen_writing(h: History) -> None:
    h.hears(105.0, LEASE, lease_record("i2"))
    h.owned(130.0, incarnation="i1")


def bound_to_a_record_never_seen(h: History) -> None:
    h.hears(130.0, BINDING, BindingRecord("web"))


def lease_deleted(h: History) -> None:
    h.hears(105.0, LEASE, lease_record("i1"))
    h.owned(110.0)
    h.hears_deletion(125.0, LEASE)


def lease_unreadable(h: History) -> None:
    h.owned(110.0)
    h.hears(120.0, LEASE, b"{")


def record_unreadable(h: History) -> None:
    h.bound()
    h.hears(120.0, VIP, b"{")


def binding_unreadable(h: History) -> None:
    h.owned(110.0)
    h.hears(120.0, BINDING, b"{")


def own_earlier_boot(h: History) -> None:
    h.hears(105.0, KEYS.lease("me"), lease_record("earlier", seq="s1"))
    h.owned(110.0, owner="me", incarnation="earlier")


def own_earlier_boot_after_we_wrote(h: History) -> None:
    own_earlier_boot(h)
    h.hears(115.0, KEYS.lease("me"), lease_record(ME.incarnation, seq="s2"))
    h.hears(145.0, KEYS.lease("me"), lease_record(ME.incarnation, seq="s3"))


def namesake_renews(h: History) -> None:
    own_earlier_boot(h)
    h.hears(150.0, KEYS.lease("me"), lease_record("earlier", seq="s2"))


def namesake_wrote_over_our_lease(h: History) -> None:
    h.owned(110.0, owner="me", incarnation=ME.incarnation)
    h.hears(120.0, KEYS.lease("me"), lease_record("stranger", seq="s1"))


def held_here(h: History) -> None:
    h.hears(105.0, KEYS.lease("me"), lease_record(ME.incarnation))
    h.owned(110.0, owner="me", incarnation=ME.incarnation)


BPF_S = takeover_after_s(TTL_S, FenceKind.BPF)
NFT_S = takeover_after_s(2.0, FenceKind.NFTABLES)
EXPIRED = Reason.OWNER_EXPIRED
UNREADABLE = Reason.RECORD_UNREADABLE

ROWS = [
    Row(absent, READ_S + LONGEST_S, Reason.NO_RECORD_YET, Reason.FIRST_CLAIM, (VIP, BINDING)),
    Row(deleted, 120 + LONGEST_S, Reason.NO_RECORD_YET, Reason.FIRST_CLAIM, (VIP, BINDING)),
    Row(released_to_me, 120.0, Reason.RESERVED_FOR_SUCCESSOR, Reason.SUCCESSOR, (VIP,)),
    Row(released_to_other, 121.0, Reason.RESERVED_FOR_SUCCESSOR, Reason.OWNER_RELEASED, (VIP,)),
    Row(released_to_nobody, 120.0, Reason.BETTER_CANDIDATE, Reason.OWNER_RELEASED, (VIP,)),
    Row(renewing, 130 + BPF_S, Reason.OWNER_ALIVE, EXPIRED, (VIP, LEASE)),
    Row(nftables, 130 + NFT_S, Reason.OWNER_ALIVE, EXPIRED, (VIP, LEASE)),
    Row(unknown_fence, 130 + LONGEST_S, Reason.OWNER_ALIVE, EXPIRED, (VIP, LEASE)),
    Row(unknown_fence_and_long_lease, 130 + 120.0, Reason.OWNER_ALIVE, EXPIRED, (VIP, LEASE)),
    Row(other_incarnation, 120 + LONGEST_S, Reason.OWNER_ALIVE, EXPIRED, (VIP, LEASE)),
    Row(lease_absent, 110 + LONGEST_S, Reason.OWNER_ALIVE, EXPIRED, (VIP, LEASE)),
    Row(owner_never_seen_writing, 130 + LONGEST_S, Reason.OWNER_ALIVE, EXPIRED, (VIP, LEASE)),
    Row(
        bound_to_a_record_never_seen,
        130 + LONGEST_S,
        Reason.NO_RECORD_YET,
        Reason.FIRST_CLAIM,
        (VIP, BINDING),
    ),
    Row(lease_deleted, 125 + LONGEST_S, Reason.OWNER_ALIVE, EXPIRED, (VIP, LEASE)),
    Row(lease_unreadable, NEVER, UNREADABLE, Reason.FIRST_CLAIM, (VIP,)),
    Row(record_unreadable, NEVER, UNREADABLE, Reason.FIRST_CLAIM, (BINDING,)),
    Row(binding_unreadable, NEVER, UNREADABLE, Reason.FIRST_CLAIM, ()),
    Row(own_earlier_boot, 110 + LONGEST_S, Reason.EARLIER_INCARNATION, EXPIRED, (VIP,)),
    Row(own_earlier_boot_after_we_wrote, 115 + LONGEST_S, Reason.EARLIER_INCARNATION, EXPIRED, (VIP,)),
    Row(namesake_renews, 150 + LONGEST_S, Reason.EARLIER_INCARNATION, EXPIRED, (VIP,)),
    Row(namesake_wrote_over_our_lease, 120 + LONGEST_S, Reason.EARLIER_INCARNATION, EXPIRED, (VIP,)),
    Row(held_here, NEVER, Reason.OWNER_ALIVE, Reason.RESUMED, (VIP,)),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.told.__name__)
def test_the_rule_of_the_record(row: Row) -> None:
    history = History()
    row.told(history)
    rule = history.rule()
    assert rule.at_s == pytest.approx(row.at_s, abs=1e-9)
    assert (rule.waits_for, rule.claim_reason) == (row.waits_for, row.claim_reason)
    assert set(row.guards) <= rule.guards.keys() or rule.at_s == NEVER
    assert rule.guards == {key: history.view.version(key) for key in rule.guards}, "not the versions seen"


def test_a_store_that_was_not_read_allows_nothing() -> None:
    rule = claimability(StoreView(KEYS, ME.node, ME.incarnation), ME, WEB, 1e9)
    assert (rule.at_s, rule.waits_for) == (NEVER, Reason.STORE_UNREACHABLE)


@pytest.mark.parametrize("told", [absent, released_to_me, released_to_nobody, renewing, other_incarnation])
def test_after_a_restore_everything_waits_for_the_longest_lease(told: Callable[[History], None]) -> None:
    history = History()
    told(history)
    records = tuple(
        Record(key, msgspec.json.encode(seen.value), seen.version, seen.revision)
        for key, seen in history.view.seen.items()
        if seen.version
    )
    history.view.read(Snapshot(KEYS.prefix, history.revision - 1, records), history.revision, 200.0)
    rule = history.rule()
    assert rule.at_s >= 200.0 + LONGEST_S
    if told in (released_to_me, released_to_nobody, renewing):
        assert rule.waits_for is Reason.STORE_WENT_BACK


def old_name_held(h: History) -> None:
    h.bound("old")
    h.hears(105.0, KEYS.vip("old"), vip_record("other", addresses=(ADDRESS,)))
    h.hears(130.0, LEASE, lease_record("i1"))


def old_name_released(h: History) -> None:
    h.bound("old")
    h.hears(105.0, KEYS.vip("old"), vip_record(None, addresses=(ADDRESS,)))


def old_name_held_here(h: History) -> None:
    h.bound("old")
    h.hears(105.0, KEYS.lease("me"), lease_record(ME.incarnation))
    h.hears(106.0, KEYS.vip("old"), vip_record("me", incarnation=ME.incarnation))


@pytest.mark.parametrize(
    ("told", "at_s", "blocked_at_150"),
    [(old_name_held, 130 + BPF_S, None), (old_name_released, 120.0, None), (old_name_held_here, NEVER, True)],
    ids=["held", "released", "held here"],
)
def test_an_address_kept_under_another_name(
    told: Callable[[History], None], at_s: float, blocked_at_150: bool | None
) -> None:
    history = History()
    told(history)
    history.hears(120.0, VIP, vip_record(None, epoch=1))  # the new name itself is free since then
    rule = claimability(history.view, ME, WEB, 150.0)
    assert rule.at_s == pytest.approx(at_s)
    assert rule.takes == ("old",)
    assert (rule.blocked is not None) == bool(blocked_at_150)
    assert {VIP, BINDING, KEYS.vip("old")} <= rule.guards.keys()
    if told is old_name_held:
        assert LEASE in rule.guards, "an unseen renewal of the other name's owner would go unnoticed"
        assert rule.waits_for is Reason.ADDRESS_HELD_BY_OTHER_NAME
        before = claimability(history.view, ME, WEB, 131.0)
        assert before.blocked is Reason.ADDRESS_HELD_BY_OTHER_NAME


def test_a_deleted_binding_is_waited_for_like_a_deleted_record() -> None:
    history = History()
    old_name_held(history)
    history.hears(110.0, VIP, vip_record(None, epoch=1))
    history.hears_deletion(120.0, BINDING)
    rule = history.rule()
    assert rule.at_s == pytest.approx(120.0 + LONGEST_S)
    assert rule.waits_for is Reason.NO_RECORD_YET
    assert rule.guards[BINDING] == 0
