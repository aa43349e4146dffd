"""What `ls` makes of the records in the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest

from tests.cli.stored_records import KEYS, NOW, candidacy, info, lease, seconds_ago, snapshot, vip
from vipkeeper.cli.vip_listing import Candidate, list_nodes, list_vips, unreadable_nodes
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import FORGOTTEN, BindingRecord, InfoRecord, LeaseRecord


def test_everything_of_an_owned_vip() -> None:
    _, listed, _ = list_vips(
        snapshot(
            {
                KEYS.vip("web"): vip(),
                KEYS.lease("n1"): lease(1.5),
                KEYS.info("n1"): info(candidacy("web", priority=50)),
                KEYS.info("n2"): info(candidacy("web", "db"), candidacy("x", eligible=False)),
                KEYS.info("n3"): info(candidacy("web", eligible=False, reason="interface-down")),
            }
        ),
        NOW,
    )
    assert msgspec.json.decode(msgspec.json.encode(listed)) == {
        "vip": "web",
        "addresses": ["192.0.2.10", "2001:db8::10"],
        "owner": "n1",
        "epoch": 3,
        "since": seconds_ago(150),
        "reason": "owner-expired",
        "detail": Reason.OWNER_EXPIRED.explained,
        "released_to": None,
        "lease_remaining_ms": 2500,
        "fence": "bpf",
        "candidates": [
            {
                "node": "n2",
                "priority": 100,
                "eligible": True,
                "reason": "owner-alive",
                "detail": Reason.OWNER_ALIVE.explained,
                "weights": "",
            },
            {
                "node": "n3",
                "priority": 100,
                "eligible": False,
                "reason": "interface-down",
                "detail": Reason.INTERFACE_DOWN.explained,
                "weights": "",
            },
            {
                "node": "n1",
                "priority": 50,
                "eligible": True,
                "reason": "owner-alive",
                "detail": Reason.OWNER_ALIVE.explained,
                "weights": "",
            },
        ],
        "forgotten": False,
        "promised_by": None,
        "members": [],
    }


def test_vips_are_sorted_and_those_that_nobody_owned_yet_are_there() -> None:
    listed = list_vips(
        snapshot(
            {
                KEYS.vip("web"): vip(),
                KEYS.info("n1"): info(candidacy("db", "app")),
                KEYS.address("192.0.2.21"): BindingRecord("db"),
                KEYS.address("192.0.2.20"): BindingRecord("db"),
                KEYS.cluster: b"{}",
                KEYS.history("web"): b"{}",
            }
        ),
        NOW,
    )
    assert [one.vip for one in listed] == ["app", "db", "web"]
    database = listed[1]
    assert (database.owner, database.epoch, database.since) == (None, 0, None)
    assert (database.lease_remaining_ms, database.fence) == (None, None)
    assert database.addresses == ("192.0.2.20", "192.0.2.21")
    assert database.reason == "no-record-yet"
    assert [candidate.node for candidate in database.candidates] == ["n1"]


@pytest.mark.parametrize(
    ("renewed_s_ago", "remaining_ms"),
    [(0, 4000), (3.999, 1), (4.0, 0), (400.0, 0), (-30.0, 4000)],
    ids=["now", "nearly over", "over", "long over", "the owner's clock is ahead"],
)
def test_the_remaining_lease_stays_between_nothing_and_all(renewed_s_ago: float, remaining_ms: int) -> None:
    (listed,) = list_vips(snapshot({KEYS.vip("web"): vip(), KEYS.lease("n1"): lease(renewed_s_ago)}), NOW)
    assert listed.lease_remaining_ms == remaining_ms


def test_a_lease_of_another_incarnation_keeps_nothing_alive() -> None:
    records = {KEYS.vip("web"): vip(incarnation="before"), KEYS.lease("n1"): lease(0.1)}
    (listed,) = list_vips(snapshot(records), NOW)
    assert (listed.owner, listed.lease_remaining_ms) == ("n1", 0)
    assert listed.detail == Reason.EARLIER_INCARNATION.explained


def test_an_owner_without_a_lease_record_has_nothing_left() -> None:
    (listed,) = list_vips(snapshot({KEYS.vip("web"): vip()}), NOW)
    assert (listed.lease_remaining_ms, listed.detail) == (0, "the owner has no lease record")


def test_without_a_renewal_time_the_rest_is_unknown() -> None:
    record = LeaseRecord(incarnation="i1", seq="s", ttl_ms=4000, fence="bpf", renewed="yesterday")
    (listed,) = list_vips(snapshot({KEYS.vip("web"): vip(), KEYS.lease("n1"): record}), NOW)
    assert (listed.lease_remaining_ms, listed.fence) == (None, "bpf")


def test_a_released_vip_names_its_successor() -> None:
    records = {KEYS.vip("web"): vip(owner=None, released_to="n2"), KEYS.lease("n1"): lease(0.1)}
    (listed,) = list_vips(snapshot(records), NOW)
    assert (listed.owner, listed.released_to, listed.lease_remaining_ms) == (None, "n2", None)


def only_candidate(values: Mapping[str, msgspec.Struct]) -> Candidate:
    (listed,) = list_vips(snapshot(values), NOW)
    (candidate,) = listed.candidates
    return candidate


@pytest.mark.parametrize(("written_s_ago", "silent"), [(29.9, False), (30.1, True), (-100, False)])
def test_a_node_is_silent_after_three_heartbeats(written_s_ago: float, silent: bool) -> None:
    candidate = only_candidate({KEYS.info("n1"): info(candidacy("web"), written_s_ago=written_s_ago)})
    assert candidate.eligible is not silent
    assert (candidate.reason == "silent") is silent


def test_silence_says_for_how_long() -> None:
    candidate = only_candidate({KEYS.info("n1"): info(candidacy("web"), written_s_ago=95)})
    assert candidate == Candidate("n1", 100, False, "silent", "nothing heard for 95 s")


def test_an_owner_that_renews_is_not_silent() -> None:
    candidate = only_candidate(
        {KEYS.info("n1"): info(candidacy("web"), written_s_ago=900), KEYS.lease("n1"): lease(1)}
    )
    assert candidate.eligible


def test_renewals_of_another_incarnation_do_not_speak_for_a_silent_node() -> None:
    values = {
        KEYS.info("n1"): info(candidacy("web"), written_s_ago=900),
        KEYS.lease("n1"): lease(1, incarnation="i2"),
    }
    assert only_candidate(values).reason == "silent"


def test_a_node_without_a_heartbeat_is_not_called_silent() -> None:
    values = {KEYS.info("n1"): info(candidacy("web"), written_s_ago=900, heartbeat_ms=0)}
    assert only_candidate(values).eligible


def test_a_stopped_node_is_no_candidate() -> None:
    values = {KEYS.info("n1"): info(candidacy("web"), written_s_ago=900, state="stopped")}
    candidate = only_candidate(values)
    assert (candidate.eligible, candidate.reason) == (False, "stopping")


def test_a_reason_of_a_newer_version_is_shown_as_it_is() -> None:
    values = {KEYS.info("n1"): info(candidacy("web", eligible=False, reason="moon-phase"))}
    assert only_candidate(values) == Candidate("n1", 100, False, "moon-phase", "")


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"owner": 3}', b"null"])
def test_unreadable_records_are_shown_and_hide_nothing_else(garbage: bytes) -> None:
    shown = snapshot(
        {
            KEYS.vip("bad"): garbage,
            KEYS.vip("web"): vip(),
            KEYS.lease("n1"): garbage,
            KEYS.info("n1"): info(candidacy("bad", "web")),
            KEYS.info("n2"): garbage,
            KEYS.address("192.0.2.20"): garbage,
        }
    )
    bad, good = list_vips(shown, NOW)
    assert (bad.vip, bad.owner, bad.reason) == ("bad", None, "record-unreadable")
    assert [candidate.node for candidate in bad.candidates] == ["n1"]
    assert (good.owner, good.epoch, good.lease_remaining_ms) == ("n1", 3, None)
    assert good.detail.startswith("the owner's lease record cannot be read (")
    (sentence,) = unreadable_nodes(shown)
    assert sentence.startswith("node n2: its candidacy record cannot be read (")


def test_an_empty_cluster_lists_nothing() -> None:
    assert list_vips(snapshot({}), NOW) == []
    assert unreadable_nodes(snapshot({})) == []


def test_a_vip_is_forgotten_when_no_node_has_it_and_nobody_owns_it() -> None:
    tombstone = InfoRecord("i1", "h", "s", FORGOTTEN)
    released = {KEYS.vip("web"): vip(owner=None)}
    owned = {KEYS.vip("web"): vip(), KEYS.lease("n1"): lease(900.0)}
    for records, wanted in (
        (released, True),
        ({**released, KEYS.info("n1"): info(candidacy("other"))}, True),
        ({**released, KEYS.info("n1"): tombstone}, True),
        # While all agents are stopped for maintenance, the list must not be empty.
        ({**released, KEYS.info("n1"): info(candidacy("web"), state="stopped")}, False),
        ({**released, KEYS.info("n1"): info(candidacy("web"), written_s_ago=9000)}, False),
        (owned, False),
        ({**owned, KEYS.info("n1"): info(candidacy("other"))}, False),
        ({**owned, KEYS.info("n1"): tombstone}, True),
        ({**owned, KEYS.info("n1"): tombstone, KEYS.info("n2"): info(candidacy("web"))}, False),
    ):
        (web,) = (one for one in list_vips(snapshot(records), NOW) if one.vip == "web")
        assert web.forgotten is wanted, records


def test_a_vip_that_cannot_be_read_is_never_hidden() -> None:
    (listed,) = list_vips(snapshot({KEYS.vip("web"): b"?"}), NOW)
    assert not listed.forgotten


def test_nodes_are_listed_with_what_is_known_of_them() -> None:
    records: dict[str, msgspec.Struct | bytes] = {
        KEYS.info("n1"): info(written_s_ago=40.0),
        KEYS.lease("n1"): lease(2.0),
        KEYS.info("n2"): info(written_s_ago=40.0),
        KEYS.info("n3"): info(state="stopped"),
        KEYS.info("n4"): InfoRecord("i1", "h", "s", FORGOTTEN, written=seconds_ago(1.0)),
        KEYS.info("n5"): b"?",
        KEYS.lease("n6"): lease(2.0),
    }
    listed = [(node.node, node.state, node.last_heard) for node in list_nodes(snapshot(records), NOW)]
    assert [state for _, state, _ in listed] == ["running", "silent", "stopped", "forgotten", "unreadable"]
    assert listed[0][2] == (NOW - timedelta(seconds=2)).isoformat()
    assert listed[3][2] is None
