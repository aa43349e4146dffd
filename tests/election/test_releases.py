"""Giving up: out of the kernel, then out of the record, to a named successor; and a release is final."""

from __future__ import annotations

import pytest

from backends.store import MAX_TRANSACTION_OPERATIONS, Unknown
from tests.election.driver import Cluster, Link, Node
from tests.election.values import KEYS, settings_of, unit
from vipkeeper.election.effects import Released, Role
from vipkeeper.model.reasons import Reason

DOWN = Reason.INTERFACE_DOWN


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def start_two(cluster: Cluster) -> tuple[Node, Node]:
    """a holds web, b stands by."""
    first, second = cluster.start("a", unit("web")), cluster.start("b", unit("web"))
    cluster.run_until(lambda: first.holds("web"))
    cluster.run(0.1)
    return first, second


def writes_of(node: Node, vip: str) -> int:
    """How many transactions of the node wrote the VIP's record."""
    return sum(KEYS.vip(vip) in commit.transaction.puts for commit in node.said.commits)


def test_an_unfit_owner_hands_over_to_the_named_successor_at_once(cluster: Cluster) -> None:
    first, second = start_two(cluster)
    first.fit("web", unfit=DOWN)
    assert not first.holds("web")
    gone_s = cluster.run_until(lambda: second.holds("web"))
    assert gone_s < 0.05
    record = cluster.vip("web")
    assert record is not None
    assert (record.owner, record.previous, record.epoch) == ("b", "a", 2)
    assert record.reason == Reason.SUCCESSOR.value
    assert first.election.status()["web"].role is Role.UNFIT


def test_it_is_told_who_follows_once_the_store_has_it(cluster: Cluster) -> None:
    first, second = start_two(cluster)
    first.fit("web", unfit=DOWN)
    assert first.said.released == [], "before the store has it, nobody may count on it"
    cluster.run_until(lambda: second.holds("web"))
    assert first.said.released == [Released("web", "b")]
    second.stop()
    cluster.run(0.5)
    assert second.said.released == [Released("web", None)], "the other one is not fit"


def test_the_release_waits_until_the_kernel_shows_that_it_is_gone(cluster: Cluster) -> None:
    first, _ = start_two(cluster)
    first.kernel_confirms = False
    writes = writes_of(first, "web")
    first.fit("web", unfit=DOWN)
    cluster.run(1.0)
    assert first.election.holdings() == {}
    assert writes_of(first, "web") == writes, "released before it was gone from the kernel"
    first.hear_withdrawn("web")
    assert writes_of(first, "web") == writes + 1


def test_an_unconfirmed_withdrawal_is_not_renewed(cluster: Cluster) -> None:
    """Whatever the kernel does with it, the lease must run out for the others to take over."""
    first, second = start_two(cluster)
    first.kernel_confirms = False
    first.fit("web", unfit=DOWN)
    waited_s = cluster.run_until(lambda: second.holds("web"))
    assert 2.9 < waited_s < 4.1


def test_a_release_of_unknown_outcome_is_final(cluster: Cluster) -> None:
    first, _ = start_two(cluster)
    first.link = Link.HELD
    first.fit("web", unfit=DOWN)
    cluster.run(0.01)
    release = first.one_waiting()
    first.answer_with(release, Unknown("time-out"))
    first.fit("web")  # fit again, and the record still names us
    cluster.run(0.05)
    again = first.one_waiting()
    assert again.transaction.compares == release.transaction.compares
    assert again.transaction.puts.keys() == release.transaction.puts.keys()
    assert first.election.holdings() == {}
    first.answer(again)
    assert first.election.status()["web"].owner is None


def test_a_release_that_commits_late_dies_with_our_next_claim(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    node.link = Link.HELD
    node.fit("web", unfit=DOWN)
    cluster.run(0.01)
    lost = node.one_waiting()
    node.link = Link.GOOD
    node.answer_with(lost, Unknown("time-out"))
    cluster.run(0.1)
    node.fit("web")
    cluster.run_until(lambda: node.holds("web"))
    cluster.map.commit(lost.transaction)
    cluster.run(0.1)
    assert node.holds("web")


def test_one_node_alone_releases_to_nobody_and_takes_it_back_at_once(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    node.fit("web", unfit=DOWN)
    cluster.run(0.1)
    record = cluster.vip("web")
    assert record is not None
    assert (record.owner, record.released_to) == (None, None)
    node.fit("web")
    cluster.run(0.1)
    assert node.holds("web")


def test_a_successor_that_does_not_come_is_waited_for_no_longer_than_the_grace(cluster: Cluster) -> None:
    first, second = start_two(cluster)
    second.kill()
    third = cluster.start("c", unit("web"))
    cluster.run(0.1)
    first.fit("web", unfit=DOWN)
    cluster.run(0.05)
    record = cluster.vip("web")
    assert record is not None
    assert record.released_to == "b"
    assert third.election.status()["web"].reason is Reason.RESERVED_FOR_SUCCESSOR
    waited_s = cluster.run_until(lambda: third.holds("web"))
    assert waited_s < 1.2


def test_many_releases_are_batched_and_spread(cluster: Cluster) -> None:
    many = [unit(f"v{n}", f"10.0.{n // 200}.{n % 200 + 1}") for n in range(130)]
    first = cluster.start(settings_of("a", *many))
    cluster.run_until(lambda: all(first.holds(u.name) for u in many))
    others = [cluster.start(settings_of(name, *many)) for name in ("b", "c")]
    cluster.run(0.2)
    before = len(first.said.commits)
    first.fit(*(u.name for u in many), unfit=DOWN)
    cluster.run(0.5)
    releases = [c.transaction for c in first.said.commits[before:] if len(c.transaction.puts) > 1]
    assert len(releases) == 3
    assert all(max(len(r.puts), len(r.compares)) <= MAX_TRANSACTION_OPERATIONS for r in releases)
    assert [sum(node.holds(u.name) for u in many) for node in others] == [65, 65]


def test_preempt_is_a_hand_over_after_the_delay(cluster: Cluster) -> None:
    low = cluster.start("low", unit("web", priority=100))
    cluster.run_until(lambda: low.holds("web"))
    high = cluster.start("top", unit("web", priority=200, preempt=True, preempt_delay_s=5.0))
    waited_s = cluster.run_until(lambda: high.holds("web"))
    assert 5.0 < waited_s < 5.2
    assert writes_of(low, "web") == 2, "the owner gives it up; nobody seizes it"
    record = cluster.vip("web")
    assert record is not None
    assert record.reason == Reason.SUCCESSOR.value


def test_a_better_candidate_that_goes_again_has_to_wait_anew(cluster: Cluster) -> None:
    low = cluster.start("low", unit("web", priority=100))
    cluster.run_until(lambda: low.holds("web"))
    high = cluster.start("top", unit("web", priority=200, preempt=True, preempt_delay_s=5.0))
    cluster.run(4.0)
    high.fit("web", unfit=DOWN)
    cluster.run(2.0)
    assert low.holds("web")
    high.fit("web")
    waited_s = cluster.run_until(lambda: high.holds("web"))
    assert 5.0 <= waited_s < 5.2


def test_without_the_better_nodes_preempt_the_owner_stays(cluster: Cluster) -> None:
    low = cluster.start("low", unit("web", priority=100, preempt=True))
    cluster.run_until(lambda: low.holds("web"))
    cluster.start("top", unit("web", priority=200))
    cluster.run(30.0)
    assert low.holds("web")


def test_the_best_candidate_claims_first_after_a_death(cluster: Cluster) -> None:
    owner = cluster.start("a", unit("web"))
    cluster.run_until(lambda: owner.holds("web"))
    cluster.start("b", unit("web", priority=50))
    best = cluster.start("c", unit("web", priority=70))
    cluster.run(0.5)
    owner.kill()
    cluster.run_until(lambda: best.holds("web"))
    assert cluster.answering("web") == ["host-c"]
