"""What a node says of itself while the store is silent, before that, and after."""

from __future__ import annotations

import msgspec

from tests.simulation.faults import Cut, Freeze, Silence, StoreDown
from tests.simulation.host import KEYS
from tests.simulation.stage import LEASE_MAX_S, TTL_S, VIP, Stage
from vipkeeper.model.agent_report import Report, VipReport
from vipkeeper.model.records import FailsafeRecord, VipRecord

# A standby that was cut off is counted on for so long by the store's word (2.5 heartbeats).
PATIENCE_S = 2.5 * 2 * LEASE_MAX_S


def opened(hosts: int = 3) -> Stage:
    """Host 0 owns; everybody has been named in its lease, and has answered it."""
    stage = Stage.opened(hosts, failsafe=True)
    stage.advance(2 * LEASE_MAX_S)
    return stage


def vip_of(report: Report) -> VipReport:
    (vip,) = report.vips
    return vip


def test_with_a_store_that_answers_nothing_rests_on_promises() -> None:
    stage = opened()
    owner, standby = stage.report(0), stage.report(1)
    assert vip_of(owner).role == "holder"
    assert 0 < (vip_of(owner).lease_left_ms or 0) <= TTL_S * 1000
    assert (vip_of(owner).held_on_promises, vip_of(owner).promised_by) == (False, None)
    assert owner.store_confirms is True
    assert (owner.store_confirmed_ago_ms or 0) <= TTL_S * 1000 / 2
    assert [(each.node, each.answers, each.refusal) for each in owner.electorate] == [
        ("n1", True, None),
        ("n2", True, None),
    ]
    assert (vip_of(standby).role, vip_of(standby).owner) == ("standby", "n0")
    assert vip_of(standby).lease_left_ms is None
    assert (standby.electorate, standby.promises_given) == ((), ())
    assert (standby.store_confirms, standby.store_confirmed_ago_ms) == (None, None)


def test_in_a_store_outage_it_says_by_whose_promises() -> None:
    stage = opened()
    stage.strike(StoreDown(5 * TTL_S))
    stage.advance(3 * TTL_S)
    owner, standby = stage.report(0), stage.report(2)
    assert vip_of(owner).held_on_promises
    assert vip_of(owner).promised_by == ("n1", "n2")
    assert (vip_of(owner).lease_left_ms or 0) > 0
    assert owner.store_confirms is False
    assert (owner.store_confirmed_ago_ms or 0) >= 2.5 * TTL_S * 1000
    (given,) = standby.promises_given
    assert (given.owner, given.vips) == ("n0", (VIP,))
    assert 0 < given.left_ms <= 1.1 * TTL_S * 1000

    stage.advance(5 * TTL_S)
    again = stage.report(0)
    assert (vip_of(again).held_on_promises, vip_of(again).promised_by) == (False, None)
    assert again.store_confirms is True
    assert stage.report(2).promises_given == ()


def test_an_owner_that_knows_nobody_else_is_held_by_no_ones_promise() -> None:
    stage = opened(1)
    stage.strike(StoreDown(3 * TTL_S))
    stage.advance(2 * TTL_S)
    owner = vip_of(stage.report(0))
    assert (owner.held_on_promises, owner.promised_by) == (True, ())


def test_who_refused_is_told_also_when_the_lease_is_over() -> None:
    stage = opened()
    stage.strike(Cut(0, 20 * TTL_S))
    stage.advance(2 * TTL_S)
    report = stage.report(0)
    assert vip_of(report).role == "standby"
    refusals = {each.node: each.refusal for each in report.electorate}
    assert set(refusals) == {"n1", "n2"}
    assert "the store answers it" in refusals.values()


def test_a_lease_that_is_over_is_told_as_not_confirmed() -> None:
    stage = opened()
    stage.strike(StoreDown(20 * TTL_S), Silence(2, 40 * TTL_S))
    stage.advance(2 * TTL_S)
    report = stage.report(0)
    assert (vip_of(report).role, vip_of(report).reason) == ("standby", "lease-lapsed")
    assert vip_of(report).lease_left_ms is None
    assert report.store_confirms is False


def test_a_node_that_stays_silent_is_told_before_it_matters() -> None:
    stage = opened()
    stage.strike(Silence(2, 60 * TTL_S))
    stage.advance(PATIENCE_S)
    assert [(each.node, each.answers) for each in stage.report(0).electorate] == [
        ("n1", True),
        ("n2", False),
    ]


def test_after_a_freeze_the_lease_is_not_told_as_running() -> None:
    stage = opened()
    stage.strike(StoreDown(6 * TTL_S))
    stage.advance(2 * TTL_S)
    stage.strike(Freeze(0, 2 * TTL_S))
    stage.advance(2.5 * TTL_S)
    owner = vip_of(stage.report(0))
    assert (owner.lease_left_ms, owner.promised_by) == (None, None)


def test_the_records_are_those_of_the_store_and_no_secret_is_among_them() -> None:
    stage = opened()
    report = stage.report(1)
    assert report.prefix == KEYS.prefix
    record = msgspec.json.decode(report.records[KEYS.vip(VIP)], type=VipRecord)
    assert record == stage.record()
    assert {KEYS.lease("n0"), KEYS.info("n0"), KEYS.info("n2")} <= report.records.keys()
    (kept,) = (r for r in stage.world.store.snapshot(KEYS.failsafe).records if r.key == KEYS.failsafe)
    secrets = [key.secret for key in msgspec.json.decode(kept.value, type=FailsafeRecord).keys]
    assert secrets
    encoded = msgspec.json.encode(report).decode()
    assert not any(secret in encoded for secret in secrets)
