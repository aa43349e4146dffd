"""Each role has a reason, and each change of either is told once."""

from __future__ import annotations

import pytest

from tests.election.driver import Cluster, Link, Node
from tests.election.values import KEYS, lease_record, unit, vip_record, write
from vipkeeper.election.effects import Role
from vipkeeper.election.events import ConflictHeard, FeedLost
from vipkeeper.model.reasons import Reason


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def told(node: Node) -> list[tuple[Role, Reason]]:
    return [(decided.role, decided.reason) for decided in node.said.decided]


def now(node: Node) -> tuple[Role, Reason]:
    status = node.election.status()["web"]
    return status.role, status.reason


def test_a_life_is_told_step_by_step(cluster: Cluster) -> None:
    owner = cluster.start("a", unit("web"), fit=False)
    other = cluster.start("b", unit("web"))
    cluster.run(0.1)
    owner.fit("web")
    cluster.run_until(lambda: owner.holds("web"))
    cluster.run(5.0)
    owner.fit("web", unfit=Reason.INTERFACE_DOWN)
    cluster.run(0.1)
    assert told(owner) == [
        (Role.UNFIT, Reason.STARTING),
        (Role.STANDBY, Reason.NO_RECORD_YET),
        (Role.HOLDER, Reason.FIRST_CLAIM),
        (Role.UNFIT, Reason.INTERFACE_DOWN),
        (Role.UNFIT, Reason.INTERFACE_DOWN),  # released: the owner is nobody
        (Role.UNFIT, Reason.INTERFACE_DOWN),  # the owner is b
    ]
    assert told(other)[-1] == (Role.HOLDER, Reason.SUCCESSOR)
    assert other.election.status()["web"].epoch == 2
    assert owner.election.status()["web"].owner == "b"


def test_what_does_not_change_is_not_told_again(cluster: Cluster) -> None:
    nodes = [cluster.start(name, unit("web")) for name in ("a", "b")]
    cluster.run_until(lambda: nodes[0].holds("web"))
    cluster.run(0.1)
    before = [len(node.said.decided) for node in nodes]
    cluster.run(120.0)
    assert [len(node.said.decided) for node in nodes] == before


def test_a_lapse_is_told_and_so_is_its_end(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    node.link = Link.CUT
    cluster.run(5.0)
    assert now(node) == (Role.STANDBY, Reason.LEASE_LAPSED)
    node.link = Link.GOOD
    cluster.run(1.0)
    assert now(node) == (Role.HOLDER, Reason.RESUMED)
    assert told(node)[-2:] == [(Role.STANDBY, Reason.LEASE_LAPSED), (Role.HOLDER, Reason.RESUMED)]


def test_why_a_standby_waits(cluster: Cluster) -> None:
    owner, standby = cluster.start("a", unit("web")), cluster.start("b", unit("web"))
    cluster.run_until(lambda: owner.holds("web"))
    cluster.run(0.1)
    assert now(standby) == (Role.STANDBY, Reason.OWNER_ALIVE)
    write(cluster.map, KEYS.vip("web"), b"{")
    cluster.run(0.1)
    assert now(standby) == (Role.STANDBY, Reason.RECORD_UNREADABLE)
    assert cluster.answering("web") == []


def test_while_it_is_withdrawn_the_reason_is_that_of_the_release(cluster: Cluster) -> None:
    owner = cluster.start("a", unit("web", priority=10))
    cluster.run_until(lambda: owner.holds("web"))
    owner.kernel_confirms = False
    cluster.start("b", unit("web", priority=20, preempt=True))
    cluster.run(0.1)
    assert now(owner) == (Role.STANDBY, Reason.PREEMPTED)


def test_a_foreign_announcement_makes_the_record_read_again(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    cluster.run(0.1)
    write(cluster.map, KEYS.lease("b"), lease_record("b1"))
    cluster.run(0.1)
    node.watching = False
    write(cluster.map, KEYS.vip("web"), vip_record("b", incarnation="b1", epoch=9))
    cluster.run(0.1)
    assert node.holds("web")
    node.hear(ConflictHeard("web", "02:00:00:00:00:07"))
    assert node.said.noticed[-1].detail == "web is announced by 02:00:00:00:00:07"
    cluster.run(0.01)
    assert not node.holds("web")


def test_a_lost_feed_is_told_and_changes_nothing(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    holdings = dict(node.election.holdings())
    node.hear(FeedLost("no sign of life for 2 s"))
    assert node.said.noticed[-1].reason is Reason.STORE_UNREACHABLE
    assert dict(node.election.holdings()) == holdings


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained(reason: Reason) -> None:
    assert reason.explained
