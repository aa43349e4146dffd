"""A stop withdraws, releases, says that it is gone, and ends; at the latest after its patience."""

from __future__ import annotations

import pytest

from tests.election.driver import Cluster, Link, Node
from tests.election.values import KEYS, decoded, unit
from vipkeeper.election.effects import Finished, Holding
from vipkeeper.election.events import TimePassed
from vipkeeper.election.machine import STOP_PATIENCE_S
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import InfoRecord


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def holder(cluster: Cluster) -> Node:
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    cluster.run(0.1)
    return node


def finish(cluster: Cluster, node: Node) -> tuple[float, Finished]:
    waited_s = cluster.run_until(lambda: node.said.finished is not None)
    assert node.said.finished is not None
    return waited_s, node.said.finished


def test_a_stop_moves_the_vip_in_milliseconds(cluster: Cluster, holder: Node) -> None:
    successor = cluster.start("b", unit("web"))
    cluster.run(0.1)
    holder.stop()
    waited_s, end = finish(cluster, holder)
    assert waited_s < 0.05
    assert (end.exit_code, end.reason, end.detail) == (0, Reason.STOPPING, "released")
    cluster.run(0.01)
    assert successor.holds("web")


def test_the_order_is_kernel_record_then_info(cluster: Cluster, holder: Node) -> None:
    before = len(holder.said.commits)
    holder.kernel_confirms = False
    holder.stop()
    cluster.run(0.5)
    assert holder.election.holdings() == {}
    written = [key for c in holder.said.commits[before:] for key in c.transaction.puts]
    assert written == [KEYS.info("a")], "no candidate any more, and nothing released yet"
    holder.hear_withdrawn("web")
    finish(cluster, holder)
    written = [next(iter(c.transaction.puts)) for c in holder.said.commits[before + 1 :]]
    assert written[0] == KEYS.vip("web")
    assert written[-1] == KEYS.info("a")
    info = decoded(cluster.map, KEYS.info("a"), InfoRecord)
    assert info is not None
    assert info.state == "stopped"


def test_a_silent_store_is_waited_for_so_long_and_no_longer(cluster: Cluster, holder: Node) -> None:
    holder.link = Link.CUT
    holder.stop()
    assert holder.election.holdings() == {}
    waited_s, end = finish(cluster, holder)
    assert waited_s == pytest.approx(STOP_PATIENCE_S, abs=0.02)
    assert end.exit_code == 0
    assert end.detail == "the store did not confirm every release in time"


def test_a_kernel_that_does_not_confirm_is_waited_for_so_long_and_not_released(
    cluster: Cluster, holder: Node
) -> None:
    holder.kernel_confirms = False
    holder.stop()
    finish(cluster, holder)
    record = cluster.vip("web")
    assert record is not None
    assert record.owner == "a"


def test_a_stop_that_keeps_ends_at_once_and_leaves_everything(cluster: Cluster, holder: Node) -> None:
    holding = dict(holder.election.holdings())
    holder.stop(keep=True)
    assert holder.said.finished == Finished(0, Reason.STOPPING, "addresses are kept for the next agent")
    assert dict(holder.election.holdings()) == holding
    assert holder.election.next_deadline() is None
    record = cluster.vip("web")
    assert record is not None
    assert record.owner == "a"


def test_who_has_nothing_ends_as_soon_as_it_has_said_so(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run(1.0)
    node.stop()
    waited_s, end = finish(cluster, node)
    assert waited_s < 0.05
    assert end.detail == "released"


def test_who_never_read_the_store_ends_at_once(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    node.stop()
    assert node.said.finished is not None


def test_nothing_happens_after_the_end(cluster: Cluster, holder: Node) -> None:
    holder.stop(keep=True)
    assert holder.election.step(TimePassed(), holder.now) == []


def test_nothing_is_claimed_while_stopping(cluster: Cluster, holder: Node) -> None:
    other = cluster.start("b", unit("web"), unit("more"))
    cluster.run(0.1)
    other.link = Link.CUT
    other.stop()
    holder.fit("web", unfit=Reason.INTERFACE_DOWN)
    cluster.run(1.0)
    assert other.election.holdings() == {}
    assert all(holding == Holding(None) for holding in other.election.holdings().values())
