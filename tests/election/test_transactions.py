"""What claims, resumes and releases write and compare."""

from __future__ import annotations

import msgspec
import pytest

from backends.store import MAX_TRANSACTION_OPERATIONS, Record, Snapshot
from tests.election.driver import Cluster
from tests.election.values import KEYS, decoded, settings_of, unit, vip_record
from vipkeeper.election.transactions import LeaseTerms, claim_part, empty_batch, release_part, renewing_batch
from vipkeeper.election.unit_phases import Phase, Trigger, UnitState
from vipkeeper.election.view import StoreView
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import HISTORY_LENGTH, HistoryRecord, VipRecord

WEB = unit("web", "192.0.2.1", "2001:db8::1")
ME = settings_of("me", WEB)


def view_of(records: dict[str, msgspec.Struct]) -> StoreView:
    """A view that has read these records, each written at a revision of its own."""
    view = StoreView(KEYS, ME.node, ME.incarnation)
    read = tuple(
        Record(key, msgspec.json.encode(value), revision, revision)
        for revision, (key, value) in enumerate(records.items(), 2)
    )
    view.read(Snapshot(KEYS.prefix, len(records) + 2, read), 0, 100.0)
    return view


def test_every_batch_compares_our_lease_as_it_was_seen() -> None:
    view = view_of({KEYS.lease("me"): vip_record("x")})
    for batch in (empty_batch(view, ME), renewing_batch(view, ME, LeaseTerms(4.0), "s1", "")):
        assert batch.transaction().compares == {KEYS.lease("me"): 2}
    fresh = renewing_batch(StoreView(KEYS, ME.node, ME.incarnation), ME, LeaseTerms(4.0), "s1", "")
    assert fresh.transaction().compares == {KEYS.lease("me"): 0}


def test_a_claim_raises_the_epoch_and_binds_every_address() -> None:
    view = view_of({KEYS.vip("web"): vip_record("other", epoch=7)})
    _, puts = claim_part(
        view, ME, WEB, guards={}, takes=(), reason=Reason.OWNER_EXPIRED, wall="2026-01-01T00:00:00Z"
    )
    record = msgspec.json.decode(puts[KEYS.vip("web")], type=VipRecord)
    assert (record.owner, record.incarnation, record.epoch) == ("me", ME.incarnation, 8)
    assert (record.previous, record.reason) == ("other", Reason.OWNER_EXPIRED.value)
    assert record.addresses == ("192.0.2.1", "2001:db8::1")
    assert {KEYS.address("192.0.2.1"), KEYS.address("2001:db8::1")} <= puts.keys()


def test_a_release_keeps_the_epoch_and_names_the_successor() -> None:
    owned = vip_record("me", incarnation=ME.incarnation, epoch=8)
    view = view_of({KEYS.vip("web"): owned})
    compares, puts = release_part(
        view, ME, "web", record=owned, successor="b", reason=Reason.SHUTDOWN, wall=""
    )
    assert compares == {KEYS.vip("web"): 2}
    record = msgspec.json.decode(puts[KEYS.vip("web")], type=VipRecord)
    assert (record.owner, record.released_to, record.previous, record.epoch) == (None, "b", "me", 8)


def test_the_history_has_the_last_changes_of_owner() -> None:
    cluster = Cluster()
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    for _ in range(HISTORY_LENGTH):
        node.fit("web", unfit=Reason.INTERFACE_DOWN)
        cluster.run_until(lambda: not node.election.holdings() and cluster.vip("web").owner is None)  # type: ignore[union-attr]  # claimed above
        node.fit("web")
        cluster.run_until(lambda: node.holds("web"))
    history = decoded(cluster.map, KEYS.history("web"), HistoryRecord)
    assert history is not None
    assert len(history.entries) == HISTORY_LENGTH
    assert [entry.owner for entry in history.entries[-2:]] == [None, "a"]
    assert history.entries[-1].epoch == HISTORY_LENGTH + 1


def test_a_batch_takes_what_fits_and_refuses_the_rest() -> None:
    batch = empty_batch(StoreView(KEYS, ME.node, ME.incarnation), ME)
    taken = 0
    while batch.add(f"v{taken}", {f"c{taken}": 1, f"d{taken}": 1}, {f"p{taken}": b""}):
        taken += 1
    assert taken == (MAX_TRANSACTION_OPERATIONS - 1) // 2
    assert len(batch.units) == taken
    assert len(batch.transaction().compares) == 1 + 2 * taken


@pytest.mark.parametrize(
    ("phase", "trigger", "adopted"),
    [
        (Phase.ADOPTING, Trigger.RECORD_OURS, True),
        (Phase.LAPSED, Trigger.RESUME_SENT, True),
        (Phase.RESUMING, Trigger.UNANSWERED, True),
        (Phase.RESUMING, Trigger.COMMITTED, False),
        (Phase.ADOPTING, Trigger.RECORD_LOST, False),
        (Phase.LAPSED, Trigger.STAND_DOWN, False),
    ],
)
def test_adoption_lasts_until_it_is_confirmed_or_given_up(
    phase: Phase, trigger: Trigger, adopted: bool
) -> None:
    state = UnitState(WEB, phase=phase, adopted=True)
    state.move(trigger)
    assert state.adopted is adopted
