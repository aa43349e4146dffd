"""What a process knows of the store does not depend on the order in which it learnt it."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from backends.memory import MemoryMap
from backends.store import Changed, Record, Snapshot
from tests.election.values import KEYS, delete, info_record, lease_record, vip_record, write
from vipkeeper.election.view import StoreView
from vipkeeper.model.records import BindingRecord, ClusterRecord

WEB = KEYS.vip("web")
LEASE_A = KEYS.lease("a")


@pytest.fixture
def view() -> StoreView:
    """A view of an empty store, read at 100 s."""
    view = StoreView(KEYS, "n1", "i1")
    view.read(Snapshot(KEYS.prefix, 1, ()), 0, 100.0)
    view.news()
    return view


def record_at(revision: int, key: str, value: msgspec.Struct) -> Record:
    return Record(key, msgspec.json.encode(value), revision, revision)


def written(revision: int, key: str, value: msgspec.Struct) -> Changed:
    return Changed(revision, (record_at(revision, key, value),))


def removed(revision: int, key: str) -> Changed:
    return Changed(revision, (), {key: revision})


def test_nothing_is_known_before_the_whole_prefix_was_read() -> None:
    view = StoreView(KEYS, "n1", "i1")
    view.read(Snapshot(LEASE_A, 5, ()), 0, 100.0)
    assert view.received_s(WEB) is None
    view.read(Snapshot(KEYS.prefix, 5, ()), 0, 101.0)
    assert view.received_s(WEB) == 101.0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_latest_revision_counts_however_it_arrives(view: StoreView, order: tuple[int, ...]) -> None:
    def by_watch() -> None:
        view.change(written(10, WEB, vip_record("a", epoch=1)), 110.0)

    def by_reading() -> None:
        snapshot = Snapshot(KEYS.prefix, 21, (record_at(20, WEB, vip_record("b", epoch=2)),))
        view.read(snapshot, 0, 120.0)

    def by_own_write() -> None:
        view.wrote(WEB, msgspec.json.encode(vip_record("c", epoch=3)), 30, 30, 130.0)

    for step in order:
        (by_watch, by_reading, by_own_write)[step]()
    record = view.vip("web")
    assert record is not None
    assert record.owner == "c"
    assert (view.version(WEB), view.received_s(WEB)) == (30, 130.0)
    assert {node: count for node, count in view.held.items() if count} == {"c": 1}
    assert view.owned_by("c") == ["web"]


def test_a_version_seen_twice_was_received_once(view: StoreView) -> None:
    view.change(written(10, LEASE_A, lease_record()), 110.0)
    view.change(written(10, LEASE_A, lease_record()), 150.0)
    view.read(Snapshot(LEASE_A, 40, (record_at(10, LEASE_A, lease_record()),)), 10, 160.0)
    assert view.received_s(LEASE_A) == 110.0


def test_a_deletion_leaves_an_absence_with_its_own_time(view: StoreView) -> None:
    view.change(written(10, WEB, vip_record("a")), 110.0)
    view.change(removed(11, WEB), 111.0)
    assert view.vip("web") is None
    assert (view.version(WEB), view.received_s(WEB)) == (0, 111.0)
    assert view.owned_by("a") == []
    view.change(written(10, WEB, vip_record("a")), 112.0)
    assert view.vip("web") is None, "what was deleted came back by a late message"


def test_what_a_reading_lacks_is_deleted(view: StoreView) -> None:
    view.change(written(10, WEB, vip_record("a")), 110.0)
    view.read(Snapshot(KEYS.prefix, 12, ()), 10, 112.0)
    assert (view.vip("web"), view.received_s(WEB)) == (None, 112.0)


def test_a_reading_overtaken_by_the_watch_deletes_nothing(view: StoreView) -> None:
    view.change(written(10, WEB, vip_record("a")), 110.0)
    view.read(Snapshot(KEYS.prefix, 9, ()), 1, 112.0)
    assert view.vip("web") is not None
    assert view.went_back_at_s is None


def test_a_reading_of_one_key_says_nothing_of_others(view: StoreView) -> None:
    view.change(written(10, WEB, vip_record("a")), 110.0)
    view.read(Snapshot(LEASE_A, 12, ()), 10, 112.0)
    assert view.vip("web") is not None


@pytest.mark.parametrize("value", [b"", b"{", b"\xff\xfe", b"[]", b'{"owner": 7}', b"null"])
def test_what_cannot_be_read_is_known_as_that(view: StoreView, value: bytes) -> None:
    view.change(Changed(10, (Record(WEB, value, 10, 10),)), 110.0)
    assert not view.readable(WEB)
    assert view.vip("web") is None
    assert view.version(WEB) == 10
    assert view.held == {}


def test_fields_and_keys_of_a_later_version_do_no_harm(view: StoreView) -> None:
    later = {"vip": "web", "colour": "blue"}
    key = KEYS.address("192.0.2.1")
    view.change(Changed(10, (Record(key, msgspec.json.encode(later), 10, 10),)), 110.0)
    view.change(Changed(11, (Record(KEYS.prefix + "control/drain", b"\x00", 11, 11),)), 111.0)
    assert view.binding("192.0.2.1") == "web"
    assert view.readable(KEYS.prefix + "control/drain")


def test_an_incarnation_counts_from_its_first_renewal(view: StoreView) -> None:
    for revision, incarnation in ((10, "i1"), (11, "i1"), (12, "i2"), (13, "i2")):
        lease = lease_record(incarnation, seq=f"s{revision}")
        view.change(written(revision, LEASE_A, lease), 100.0 + revision)
    assert (view.incarnations["a"].name, view.incarnations["a"].since_s) == ("i2", 112.0)
    assert view.received_s(LEASE_A) == 113.0
    assert view.life_s["a"] == 113.0


def test_a_lower_revision_than_before_the_reading_is_a_restored_backup(view: StoreView) -> None:
    view.change(written(10, WEB, vip_record("a")), 110.0)
    view.read(Snapshot(KEYS.prefix, 9, (record_at(5, WEB, vip_record("b")),)), 10, 112.0)
    assert view.went_back_at_s == 112.0
    record = view.vip("web")
    assert record is not None
    assert record.owner == "b"
    assert (view.revision, view.held["b"], view.held.get("a", 0)) == (9, 1, 0)


def test_a_record_older_than_before_the_reading_is_a_restored_backup(view: StoreView) -> None:
    view.change(written(10, WEB, vip_record("a")), 110.0)
    # Other nodes have written to the restored store since: its revision is past the floor again.
    view.read(Snapshot(KEYS.prefix, 15, (record_at(5, WEB, vip_record("b")),)), 10, 112.0)
    assert view.went_back_at_s == 112.0
    record = view.vip("web")
    assert record is not None
    assert record.owner == "b"


def test_one_key_that_went_back_makes_everything_unknown(view: StoreView) -> None:
    view.change(written(10, WEB, vip_record("a")), 110.0)
    view.read(Snapshot(LEASE_A, 9, ()), 10, 112.0)
    assert view.went_back_at_s == 112.0
    assert view.complete_since_s is None
    assert view.vip("web") is None


def test_held_counts_follow_every_change(view: StoreView) -> None:
    store = MemoryMap()
    store.listen(lambda news: view.change(news, 110.0) if isinstance(news, Changed) else None)
    for name, owner in (("v1", "a"), ("v2", "a"), ("v3", "b"), ("v1", "b"), ("v2", None)):
        write(store, KEYS.vip(name), vip_record(owner))
    assert (view.held["a"], view.held["b"]) == (0, 2)
    delete(store, KEYS.vip("v3"))
    assert view.held["b"] == 1
    assert (view.owned_by("a"), view.owned_by("b")) == ([], ["v1"])


def news_of(view: StoreView, change: Changed) -> frozenset[str] | None:
    view.news()
    view.change(change, 200.0)
    return view.news()


def test_a_change_concerns_the_vip_that_it_is_about(view: StoreView) -> None:
    assert news_of(view, written(10, WEB, vip_record("a"))) == frozenset({"web"})
    assert news_of(view, removed(11, WEB)) == frozenset({"web"})
    assert news_of(view, written(12, KEYS.cluster, ClusterRecord("c1", ""))) is None
    assert news_of(view, written(13, KEYS.address("192.0.2.1"), BindingRecord("web"))) is None


def test_renewals_and_heartbeats_concern_nobody(view: StoreView) -> None:
    assert news_of(view, written(10, LEASE_A, lease_record(seq="s1"))) is None, "a first lease is news"
    assert news_of(view, written(11, LEASE_A, lease_record(seq="s2"))) == frozenset()
    assert news_of(view, written(12, LEASE_A, lease_record(seq="s3", ttl_s=9.0))) is None, (
        "others wait longer"
    )
    info = KEYS.info("a")
    assert news_of(view, written(13, info, info_record("web", seq="s1"))) is None
    assert news_of(view, written(14, info, info_record("web", seq="s2"))) == frozenset()
    assert news_of(view, written(15, info, info_record("web", seq="s3", eligible=False))) is None
