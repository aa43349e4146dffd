"""An operator frees the VIP of an owner that is gone; a node that would wait for long claims it at once.

Every `advance` also checks that no two hosts answered at once, that epochs grew, and that nothing was held
past its deadline; see `Stage`.
"""

from __future__ import annotations

from backends.store import Committed, Conflict, Transaction
from tests.simulation.faults import Cut, Kill, Silence, StoreDown
from tests.simulation.host import KEYS
from tests.simulation.stage import ALONE_S, LEASE_MAX_S, TTL_S, VIP, Stage
from vipkeeper.config.timing_rules import longest_takeover_s
from vipkeeper.election.claim_rules import claimability
from vipkeeper.election.forced_release import forced_release
from vipkeeper.election.view import StoreView
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import HistoryRecord

PATIENCE_S = 2.5 * 2 * LEASE_MAX_S


def view_of(stage: Stage) -> StoreView:
    view = StoreView(KEYS)
    view.read(stage.world.store.snapshot(KEYS.prefix), 0, 0.0)
    return view


def release_of(view: StoreView) -> Transaction:
    transaction = forced_release(view, VIP, wall="2026-01-01T00:00:00Z")
    assert transaction is not None
    return transaction


def outsider() -> Stage:
    """n0 owns, and knows n1 no more; then it dies, and n1 is back."""
    stage = Stage.opened(2, failsafe=True)
    stage.strike(Cut(1, PATIENCE_S + 2.5 * TTL_S), Silence(1, PATIENCE_S + 2.5 * TTL_S))
    stage.advance(PATIENCE_S + 2.4 * TTL_S)
    assert stage.lease(0).electorate == {}
    stage.strike(Kill(0, restart_after_s=1000.0))
    stage.advance(2 * TTL_S)
    assert stage.who_answers() is None
    (vip,) = stage.report(1).vips
    assert vip.reason == Reason.OUTSIDE_ELECTORATE.value
    return stage


def test_an_outsider_claims_right_after_it() -> None:
    stage = outsider()
    epoch = stage.record().epoch
    assert isinstance(stage.world.store.commit(release_of(view_of(stage))), Committed)
    stage.advance(0.3 * TTL_S)
    assert stage.who_answers() == 1
    record = stage.record()
    assert (record.owner, record.epoch, record.previous) == ("n1", epoch + 1, "n0")
    history = view_of(stage).get(KEYS.history(VIP), HistoryRecord)
    assert history is not None
    last_two = [(entry.owner, entry.previous, entry.reason) for entry in history.entries[-2:]]
    assert last_two == [
        (None, "n0", Reason.FORCED_RELEASE.value),
        ("n1", "n0", Reason.OWNER_RELEASED.value),
    ]


def test_control_without_it_the_outsider_waits() -> None:
    stage = outsider()
    stage.advance(0.5 * ALONE_S)
    assert stage.who_answers() is None


def test_it_fails_when_the_owner_renewed_meanwhile() -> None:
    stage = Stage.opened(2, failsafe=True)
    transaction = release_of(view_of(stage))
    stage.advance(TTL_S)
    assert isinstance(stage.world.store.commit(transaction), Conflict)
    assert stage.who_answers() == 0


def test_an_owner_that_was_only_cut_off_finds_its_vip_gone() -> None:
    """The operator was wrong, but the kernel had ended it."""
    stage = Stage.opened(2, failsafe=True)
    stage.strike(Cut(0, 4 * TTL_S), Silence(0, 4 * TTL_S), Cut(1, 4 * TTL_S))
    stage.advance(2 * TTL_S)
    assert stage.who_answers() is None
    assert isinstance(stage.world.store.commit(release_of(view_of(stage))), Committed)
    stage.advance(4 * TTL_S)
    assert stage.who_answers() is not None
    assert stage.record().epoch == 2


def test_who_promised_the_owner_keeps_the_promise() -> None:
    stage = Stage.opened(2, failsafe=True)
    stage.advance(TTL_S)
    stage.strike(StoreDown(3 * TTL_S))
    stage.advance(2.9 * TTL_S)
    (given,) = stage.report(1).promises_given
    assert given.left_ms > 0.3 * TTL_S * 1000
    assert isinstance(stage.world.store.commit(release_of(view_of(stage))), Committed)
    stage.strike(Cut(0, 20 * TTL_S), Silence(0, 20 * TTL_S))
    stage.advance(2 * TTL_S)  # checks that the two never answered at once
    assert stage.who_answers() == 1


def test_after_a_store_went_back_everybody_waits_all_the_same() -> None:
    stage = outsider()
    view = view_of(stage)
    freed = stage.world.store.commit(release_of(view))
    assert isinstance(freed, Committed)
    settings = stage.world.hosts[1].settings("p")
    view = view_of(stage)
    assert claimability(view, settings, settings.units[0], 0.0).at_s == 0.0
    view.went_back_at_s = 5.0
    rule = claimability(view, settings, settings.units[0], 5.0)
    assert rule.at_s == 5.0 + longest_takeover_s(LEASE_MAX_S)
    assert rule.waits_for is Reason.STORE_WENT_BACK


def test_a_vip_that_nobody_owns_is_not_released_again() -> None:
    stage = outsider()
    assert isinstance(stage.world.store.commit(release_of(view_of(stage))), Committed)
    assert forced_release(view_of(stage), VIP, wall="") is None
    assert forced_release(StoreView(KEYS), VIP, wall="") is None
