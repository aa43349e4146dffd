"""Failsafe between elections: what is asked, what is answered, what is written, and what is told."""

from __future__ import annotations

import msgspec
import pytest

from tests.election.driver import Cluster, Link, Node
from tests.election.values import ALONE_S, KEYS, OUTSIDERS_S, TTL_S, decoded, settings_of, unit, write
from vipkeeper.config.timing_rules import takeover_after_s
from vipkeeper.election.events import MessageHeard
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.messages import Ask, GivenPromise, Ping, Pong, Promise, Refusal, RefusedBecause
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import FailsafeRecord, LeaseRecord, SharedKey

VIPS = (unit("mail"), unit("web"))


def started(*names: str, failsafe: bool = True) -> tuple[Cluster, list[Node]]:
    """The first node owns both VIPs, and knows all others."""
    cluster = Cluster()
    nodes = [cluster.start(settings_of(names[0], *VIPS, failsafe=failsafe))]
    cluster.run_until(lambda: nodes[0].holds("web") and nodes[0].holds("mail"))
    nodes += [cluster.start(settings_of(name, *VIPS, failsafe=failsafe)) for name in names[1:]]
    cluster.run(2 * TTL_S)
    return cluster, nodes


def cut(*nodes: Node) -> None:
    for node in nodes:
        node.link = Link.CUT
        node.watching = False


def lease(cluster: Cluster, node: str = "a") -> LeaseRecord:
    found = decoded(cluster.map, KEYS.lease(node), LeaseRecord)
    assert found is not None
    return found


def last_refusals(node: Node) -> set[RefusedBecause]:
    return {refusal.because for refusal in node.said.spoken(Refusal)}


def test_the_lease_names_who_may_claim() -> None:
    cluster, (_, b, c) = started("a", "b", "c")
    record = lease(cluster)
    assert record.electorate == {"b": b.settings.incarnation, "c": c.settings.incarnation}
    assert record.outsiders_ms == OUTSIDERS_S * 1000


def test_an_owner_alone_asks_the_others_to_wait_less() -> None:
    cluster, _ = started("a")
    assert (lease(cluster).electorate, lease(cluster).outsiders_ms) == ({}, ALONE_S * 1000)


def test_without_failsafe_everybody_may_claim_and_nobody_is_asked() -> None:
    cluster, (a, b) = started("a", "b", failsafe=False)
    assert (lease(cluster).electorate, lease(cluster).outsiders_ms) == ({}, 0)
    cut(a, b)
    cluster.run(2 * TTL_S)
    assert not a.holds("web")
    assert not a.said.told


def test_nobody_is_asked_while_the_store_answers() -> None:
    _, (a, b, c) = started("a", "b", "c")
    assert not a.said.spoken(Ask)
    assert a.said.spoken(Ping)
    assert b.said.spoken(Pong)
    assert c.said.spoken(Pong)


def test_a_question_is_about_all_that_is_owned_and_no_longer_than_the_lease() -> None:
    cluster, (a, b) = started("a", "b")
    cut(a, b)
    cluster.run(TTL_S)
    ask = a.said.spoken(Ask)[0]
    assert ask.to == "b"
    assert ask.process == b.settings.process
    assert ask.hold_ms / 1000 == pytest.approx(takeover_after_s(TTL_S, FenceKind.BPF), abs=0.001)
    promise = b.said.spoken(Promise)[0]
    assert (promise.nonce, promise.units, promise.hold_ms) == (ask.nonce, ask.units, ask.hold_ms)
    assert promise.by == b.settings.incarnation


def test_a_promise_is_written_down_with_its_end() -> None:
    cluster, (a, b) = started("a", "b")
    cut(a, b)
    cluster.run(TTL_S)
    first = b.said.kept[0]
    (kept,) = first.promises
    assert (kept.owner, kept.incarnation) == ("a", a.settings.incarnation)
    assert isinstance(first.then.message, Promise)
    assert kept.until_s == pytest.approx(cluster.now_s + first.then.message.hold_ms / 1000, abs=TTL_S)


def test_it_is_told_once_that_vips_are_held_on_promises_and_when_the_store_is_back() -> None:
    cluster, (a, b, c) = started("a", "b", "c")
    cut(a, b, c)
    cluster.run(5 * TTL_S)
    for node in (a, b, c):
        node.link, node.watching = Link.GOOD, True
        node.resync()
    cluster.run(TTL_S)
    told = [(n.reason, n.detail) for n in a.said.noticed if n.reason is not Reason.STORE_UNREACHABLE]
    assert told == [(Reason.HELD_ON_PROMISES, "by b, c"), (Reason.CONFIRMED_AGAIN, "")]


def test_what_each_node_said_is_told_when_the_vips_are_given_up() -> None:
    cluster, (a, b, c) = started("a", "b", "c")
    cut(a, b)
    b.hears = False
    cluster.run(2 * TTL_S)
    (notice,) = [n for n in a.said.noticed if n.reason is Reason.NO_PROMISE]
    assert notice.detail == f"b: no answer; c: {RefusedBecause.STORE_ANSWERS.value}"
    assert c.holds("web") or cluster.run_until(lambda: c.holds("web")) > 0


def test_a_node_whose_records_say_otherwise_refuses() -> None:
    cluster, (a, b, c) = started("a", "b", "c")
    c.watching = False
    a.reload(VIPS[0], VIPS[1], unit("new", "198.51.100.1"))
    cluster.run_until(lambda: a.holds("new"))
    cut(a, b, c)
    cluster.run(2 * TTL_S)
    assert last_refusals(c) == {RefusedBecause.OTHER_RECORDS}
    assert not a.holds("web")


def test_a_node_that_has_read_nothing_refuses_unless_it_repeats_an_earlier_promise() -> None:
    cluster, (a, b) = started("a", "b")
    cut(a, b)
    cluster.run(TTL_S)
    kept = b.said.kept[-1].promises
    b.kill()
    again = settings_of("b", *VIPS, failsafe=True, process="p2", earlier_promises=kept)
    cluster.start(again, link=Link.CUT)
    cluster.run(3 * TTL_S)
    assert a.holds("web")

    cluster, (a, b) = started("a", "b")
    cut(a, b)
    cluster.run(TTL_S)
    b.kill()
    fresh = cluster.start(settings_of("b", *VIPS, failsafe=True, process="p2"), link=Link.CUT)
    cluster.run(3 * TTL_S)
    assert last_refusals(fresh) == {RefusedBecause.STARTED_ANEW, RefusedBecause.NOT_READ}
    assert not a.holds("web")


def test_an_earlier_promise_bars_every_claim_until_its_end() -> None:
    cluster = Cluster()
    until_s = cluster.now_s + 60.0
    promise = GivenPromise("gone", "i/1/x", "digest", until_s)
    node = cluster.start(settings_of("b", *VIPS, failsafe=True, earlier_promises=(promise,)))
    cluster.run(59.0)
    assert not node.holds("web")
    assert node.election.status()["web"].reason is Reason.PROMISED
    assert node.election.status()["web"].detail == "gone"
    cluster.run(2.0)
    assert node.holds("web")


@pytest.mark.parametrize("kind", [Ask, Ping])
def test_what_is_meant_for_another_node_is_not_answered(kind: type) -> None:
    cluster, (a, b, c) = started("a", "b", "c")
    cut(a, b, c)
    cluster.run(TTL_S)
    heard = next(
        tell.message for tell in a.said.told if isinstance(tell.message, kind) and tell.message.to == "b"
    )
    before = len(c.said.told)
    c.hear(MessageHeard(heard, "host-a:1"))
    assert len(c.said.told) == before


def test_a_repeated_question_is_not_heard_twice() -> None:
    cluster, (a, b) = started("a", "b")
    cut(a, b)
    cluster.run(TTL_S)
    asked = a.said.spoken(Ask)
    a.kill()
    cluster.run(10 * TTL_S)
    before = len(b.said.told)
    for ask in asked:
        b.hear(MessageHeard(ask, "host-a:1"))
    cluster.run(TTL_S)
    assert len(b.said.told) == before


def test_a_question_to_an_earlier_process_is_refused_and_asked_again_at_once() -> None:
    cluster, (a, b) = started("a", "b")
    cut(a, b)
    cluster.run(TTL_S)
    ask = msgspec.structs.replace(a.said.spoken(Ask)[-1], process="another", asked_ms=10**12)
    b.hear(MessageHeard(ask, "host-a:1"))
    (refusal,) = [r for r in b.said.spoken(Refusal) if r.because is RefusedBecause.STARTED_ANEW]
    assert refusal.process == b.settings.process


def test_a_promise_is_not_given_for_longer_than_any_lease() -> None:
    cluster, (a, b) = started("a", "b")
    cut(a, b)
    cluster.run(TTL_S)
    ask = msgspec.structs.replace(a.said.spoken(Ask)[-1], hold_ms=3_600_000, asked_ms=10**12)
    b.hear(MessageHeard(ask, "host-a:1"))
    assert RefusedBecause.TOO_LONG in last_refusals(b)


def test_an_answer_to_no_question_of_ours_counts_for_nothing() -> None:
    cluster, (a, b) = started("a", "b")
    b.hears = False
    cut(a, b)
    cluster.run(0.6 * TTL_S)
    ask = a.said.spoken(Ask)[-1]
    good = Promise(
        sender="b", to="a", nonce=ask.nonce, by=b.settings.incarnation,
        incarnation=ask.incarnation, units=ask.units, hold_ms=ask.hold_ms,
    )  # fmt: skip
    for change in (
        {"nonce": "guessed"},
        {"sender": "stranger"},
        {"by": "another incarnation"},
        {"incarnation": "another"},
        {"units": "others"},
        {"hold_ms": 1},
    ):
        a.hear(MessageHeard(msgspec.structs.replace(good, **change), "host-b:1"))
    cluster.run(TTL_S)
    assert not a.holds("web")


def test_a_living_node_that_does_not_answer_is_told_of_once() -> None:
    cluster, (a, b, _) = started("a", "b", "c")
    b.hears = False
    cluster.run(200.0)
    (notice,) = [n for n in a.said.noticed if n.reason is Reason.SILENT_PEER]
    assert notice.detail.startswith("b does not answer at host-b:1 (UDP)")


def test_a_living_node_without_failsafe_is_told_of() -> None:
    cluster, (a, _) = started("a", "b")
    cluster.start(settings_of("c", *VIPS))
    cluster.run(200.0)
    (notice,) = [n for n in a.said.noticed if n.reason is Reason.SILENT_PEER]
    assert notice.detail == "c runs without failsafe: set it alike on all nodes"
    assert "c" in lease(cluster).electorate


def test_a_node_that_stopped_leaves_the_electorate_at_once() -> None:
    cluster, (_, _, c) = started("a", "b", "c")
    c.stop()
    cluster.run(TTL_S)
    assert set(lease(cluster).electorate) == {"b"}


def test_keys_are_made_once_and_replaced_in_time() -> None:
    cluster = Cluster()
    nodes = [cluster.start(settings_of(name, failsafe=True)) for name in ("a", "b")]
    cluster.run(60.0)
    first = decoded(cluster.map, KEYS.failsafe, FailsafeRecord)
    assert first is not None
    (key,) = first.keys
    assert len(key.secret) == 64
    cluster.run(24 * 3600.0)
    second = decoded(cluster.map, KEYS.failsafe, FailsafeRecord)
    assert second is not None
    assert second.keys[1:] == (key,)
    for node in nodes:
        keys = node.election.shared_keys(cluster.now_s)
        assert keys is not None
        assert keys.accept == second.keys


def test_a_new_key_is_used_once_everybody_has_had_time_to_hear_of_it() -> None:
    cluster = Cluster()
    node = cluster.start(settings_of("a", failsafe=True))
    cluster.run(1.0)
    old = node.election.shared_keys(cluster.now_s)
    assert old is not None
    new = SharedKey("0123456789abcdef", "00" * 32)
    write(cluster.map, KEYS.failsafe, FailsafeRecord((new, *old.accept)))
    cluster.run(1.0)
    for after_s, key in ((0.0, old.sign), (58.0, old.sign), (60.0, new)):
        keys = node.election.shared_keys(cluster.now_s + after_s)
        assert keys is not None
        assert keys.sign == key


def test_a_key_record_of_a_later_version_is_left_alone() -> None:
    cluster = Cluster()
    write(cluster.map, KEYS.failsafe, b"not for this version")
    node = cluster.start(settings_of("a", failsafe=True))
    cluster.run(60.0)
    assert node.election.shared_keys(cluster.now_s) is None
    assert cluster.map.snapshot(KEYS.failsafe).records[0].value == b"not for this version"


def test_nothing_is_handed_to_a_better_node_while_the_store_is_silent() -> None:
    cluster = Cluster()
    mine = unit("web", preempt=True, preempt_delay_s=2 * TTL_S)
    a = cluster.start(settings_of("a", mine, failsafe=True))
    cluster.run_until(lambda: a.holds("web"))
    better = unit("web", priority=200, preempt=True, preempt_delay_s=2 * TTL_S)
    b = cluster.start(settings_of("b", better, failsafe=True))
    cluster.run(1.0)
    cut(a, b)
    cluster.run(6 * TTL_S)
    assert a.holds("web")
    for node in (a, b):
        node.link, node.watching = Link.GOOD, True
        node.resync()
    cluster.run_until(lambda: b.holds("web"), within_s=4 * TTL_S)
