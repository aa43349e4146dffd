"""With failsafe: who may claim after the lease, and who must wait because nobody asks it for a promise."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from backends.store import Changed, Record, Snapshot
from tests.election.values import (
    KEYS,
    LEASE_MAX_S,
    OUTSIDERS_S,
    TTL_S,
    info_record,
    settings_of,
    unit,
    vip_record,
)
from vipkeeper.config.timing_rules import longest_takeover_s, takeover_after_s
from vipkeeper.election.claim_rules import Claimability, claimability
from vipkeeper.election.view import StoreView
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.incarnations import ended_with_its_boot, incarnation_text, stands_for
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import BindingRecord, FormerLease, LeaseRecord

ADDRESS = "192.0.2.7"
WEB = unit("web", ADDRESS)
OURS = incarnation_text("machine", "boot2", "run")
EARLIER_BOOT = incarnation_text("machine", "boot1", "run")
NAMESAKE = incarnation_text("elsewhere", "boot1", "run")
OWNER = incarnation_text("owner", "boot1", "run")
ME = msgspec.structs.replace(settings_of("me", WEB, failsafe=True), incarnation=OURS)

READ_S = 100.0
LEASE_S = 110.0  # when the owner's lease record was received
SOON_S = LEASE_S + takeover_after_s(TTL_S, FenceKind.BPF)
LATE_S = LEASE_S + takeover_after_s(OUTSIDERS_S, FenceKind.BPF)
LONGEST_S = longest_takeover_s(LEASE_MAX_S)
LONGEST_OUTSIDE_S = longest_takeover_s(OUTSIDERS_S)


class History:
    """A view that was read empty at READ_S, and what it heard since."""

    def __init__(self) -> None:
        self.view = StoreView(KEYS, ME.node, ME.incarnation)
        self.view.read(Snapshot(KEYS.prefix, 1, ()), 0, READ_S)
        self.revision = 10

    def hears(self, at_s: float, key: str, value: msgspec.Struct) -> None:
        self.revision += 1
        record = Record(key, msgspec.json.encode(value), self.revision, self.revision)
        self.view.change(Changed(self.revision, (record,)), at_s)

    def forgets(self, at_s: float, *keys: str) -> None:
        self.revision += 1
        self.view.change(Changed(self.revision, (), dict.fromkeys(keys, self.revision)), at_s)

    def owned(self, node: str = "other", incarnation: str = OWNER) -> None:
        self.hears(READ_S, KEYS.address(ADDRESS), BindingRecord("web"))
        self.hears(READ_S, KEYS.vip("web"), vip_record(node, incarnation=incarnation))

    def leased(
        self, electorate: dict[str, str], *, node: str = "other", outsiders_s: float = OUTSIDERS_S
    ) -> None:
        self.hears(LEASE_S, KEYS.lease(node), _lease(OWNER, electorate, outsiders_s))

    def rule(self) -> Claimability:
        return claimability(self.view, ME, WEB, READ_S)


def _lease(
    incarnation: str,
    electorate: dict[str, str],
    outsiders_s: float = OUTSIDERS_S,
    former: FormerLease | None = None,
) -> LeaseRecord:
    return LeaseRecord(
        incarnation=incarnation,
        seq="s1",
        ttl_ms=round(TTL_S * 1000),
        fence="bpf",
        electorate=electorate,
        outsiders_ms=round(outsiders_s * 1000),
        former=former,
    )


@pytest.mark.parametrize(
    ("electorate", "at_s", "reason"),
    [
        ({"me": OURS}, SOON_S, Reason.OWNER_ALIVE),
        ({"me": OURS, "third": "i"}, SOON_S, Reason.OWNER_ALIVE),
        ({"me": EARLIER_BOOT}, SOON_S, Reason.OWNER_ALIVE),
        ({"me": NAMESAKE}, LATE_S, Reason.OUTSIDE_ELECTORATE),
        ({"third": OURS}, LATE_S, Reason.OUTSIDE_ELECTORATE),
        ({}, LATE_S, Reason.OUTSIDE_ELECTORATE),
    ],
)
def test_only_who_is_named_may_claim_after_the_lease(
    electorate: dict[str, str], at_s: float, reason: Reason
) -> None:
    history = History()
    history.owned()
    history.leased(electorate)
    rule = history.rule()
    assert rule.at_s == pytest.approx(at_s)
    assert rule.waits_for is reason
    assert KEYS.lease("other") in rule.guards


def test_the_owners_word_counts_not_our_setting() -> None:
    history = History()
    history.owned()
    history.leased({}, outsiders_s=0.0)
    assert history.rule().at_s == pytest.approx(SOON_S)
    history = History()
    history.owned()
    history.leased({}, outsiders_s=30.0)
    assert history.rule().at_s == pytest.approx(LEASE_S + takeover_after_s(30.0, FenceKind.BPF))


LATER = incarnation_text("owner", "boot1", "another run directory")


@pytest.mark.parametrize(
    ("later", "former", "wait_s"),
    [
        (LATER, FormerLease(OWNER, {"me": OURS}, 600_000), LONGEST_S),
        (LATER, FormerLease(OWNER, {"third": "i"}, 600_000), LONGEST_OUTSIDE_S),
        (LATER, FormerLease(OWNER, {}, 60_000), longest_takeover_s(60.0)),
        (LATER, FormerLease("a third one", {"me": OURS}, 60_000), LONGEST_OUTSIDE_S),
        (LATER, None, LONGEST_OUTSIDE_S),
        (incarnation_text("owner", "boot2", "run"), None, LONGEST_S),
    ],
)
def test_an_owner_whose_lease_record_another_incarnation_wrote(
    later: str, former: FormerLease | None, wait_s: float
) -> None:
    history = History()
    history.owned()
    history.hears(LEASE_S, KEYS.lease("other"), _lease(later, {}, former=former))
    assert history.rule().at_s == pytest.approx(LEASE_S + wait_s)


@pytest.mark.parametrize(("earlier", "wait_s"), [(EARLIER_BOOT, LONGEST_S), (NAMESAKE, LONGEST_OUTSIDE_S)])
def test_our_own_name_under_another_incarnation(earlier: str, wait_s: float) -> None:
    history = History()
    history.owned("me", earlier)
    assert history.rule().at_s == pytest.approx(READ_S + wait_s)


def test_a_new_vip_does_not_wait_for_a_node_that_left_long_ago() -> None:
    history = History()
    history.leased({}, node="retired")
    assert history.rule().at_s == pytest.approx(READ_S + LONGEST_S)


def _record_deleted(history: History) -> None:
    history.forgets(130.0, KEYS.vip("web"))


def _all_deleted(history: History) -> None:
    history.forgets(130.0, KEYS.vip("web"), KEYS.lease("other"), KEYS.address(ADDRESS))


def _went_back(history: History) -> None:
    history.view.read(Snapshot(KEYS.prefix, 2, ()), history.revision, 130.0)


@pytest.mark.parametrize("vanish", [_record_deleted, _all_deleted, _went_back])
def test_an_outsider_remembers_that_it_is_one(vanish: Callable[[History], None]) -> None:
    named, outside = History(), History()
    for history, electorate in ((named, {"me": OURS}), (outside, {})):
        history.owned()
        history.leased(electorate)
        vanish(history)
    assert named.rule().at_s == pytest.approx(130.0 + LONGEST_S)
    assert outside.rule().at_s == pytest.approx(LEASE_S + LONGEST_OUTSIDE_S)


def test_a_lease_record_that_vanished_alone_is_remembered() -> None:
    history = History()
    history.owned()
    history.leased({})
    history.forgets(130.0, KEYS.lease("other"))
    assert history.rule().at_s == pytest.approx(LEASE_S + LONGEST_OUTSIDE_S)


def test_being_named_again_ends_it() -> None:
    history = History()
    history.owned()
    history.leased({})
    history.leased({"me": OURS})
    history.forgets(130.0, KEYS.vip("web"))
    assert history.rule().at_s == pytest.approx(130.0 + LONGEST_S)


def _emptied(history: History, at_s: float) -> None:
    history.forgets(at_s, KEYS.vip("web"), KEYS.lease("other"), KEYS.info("me"))


def _lost(history: History, at_s: float) -> None:
    history.view.read(Snapshot(KEYS.prefix, 2, ()), history.revision, at_s)


@pytest.mark.parametrize("vanish", [_emptied, _lost])
def test_who_was_out_of_touch_when_all_was_lost_may_have_been_given_up(
    vanish: Callable[[History, float], None],
) -> None:
    """It was named in all that it saw; what the owner wrote since, nobody knows."""
    patience_s = info_record().patience_s
    in_touch, out_of_touch = History(), History()
    for history, silent_s in ((in_touch, patience_s / 2), (out_of_touch, patience_s)):
        history.owned()
        history.leased({"me": OURS})
        history.hears(130.0, KEYS.info("me"), info_record("web", incarnation=OURS))
        vanish(history, 130.0 + silent_s)
    assert in_touch.rule().at_s == pytest.approx(130.0 + patience_s / 2 + LONGEST_S)
    assert out_of_touch.rule().at_s == pytest.approx(130.0 + patience_s + LONGEST_OUTSIDE_S)


@pytest.mark.parametrize(
    ("named", "ours", "stands"),
    [
        (OURS, OURS, True),
        (EARLIER_BOOT, OURS, True),
        (incarnation_text("machine", "boot2", "other run"), OURS, False),
        (NAMESAKE, OURS, False),
        (incarnation_text("", "boot1", "run"), incarnation_text("", "boot2", "run"), False),
        ("a text of another version", OURS, False),
        (None, OURS, False),
    ],
)
def test_what_one_incarnation_says_of_another(named: str | None, ours: str, *, stands: bool) -> None:
    assert stands_for(named, ours) is stands
    if named is not None and named != ours:
        assert ended_with_its_boot(named, ours) is stands
