"""A node that has just started takes nothing that it did not have, for so long as it is told."""

from __future__ import annotations

from msgspec.structs import replace

from tests.election.driver import Cluster
from tests.election.values import settings_of, unit
from vipkeeper.model.reasons import Reason

WEB = unit("web", "192.0.2.1", preempt=True)
BETTER = unit("web", "192.0.2.1", priority=200, preempt=True)
DELAY_S = 30.0


def test_it_claims_when_the_delay_is_over() -> None:
    cluster = Cluster()
    node = cluster.start(replace(settings_of("a", WEB), claims_from_s=cluster.now_s + DELAY_S))
    cluster.run(DELAY_S - 0.1)
    assert not node.holds("web")
    assert node.election.status()["web"].reason is Reason.STARTUP_DELAY
    cluster.run(0.2)
    assert node.holds("web")


def test_nobody_hands_over_to_it_before() -> None:
    cluster = Cluster()
    owner = cluster.start("a", WEB)
    cluster.run_until(lambda: owner.holds("web"))
    better = cluster.start(replace(settings_of("b", BETTER), claims_from_s=cluster.now_s + DELAY_S))
    cluster.run(DELAY_S - 0.1)
    assert owner.holds("web")
    waited_s = cluster.run_until(lambda: better.holds("web"))
    assert waited_s < 1.0


def test_what_an_earlier_process_held_it_keeps() -> None:
    cluster = Cluster()
    node = cluster.start("a", WEB)
    cluster.run_until(lambda: node.holds("web"))
    node.kill()
    again = replace(settings_of("a", WEB, process="p2"), claims_from_s=cluster.now_s + DELAY_S)
    heir = cluster.start(again, adoptable=["web"])
    cluster.run(1.0)
    assert heir.holds("web")


def test_another_node_does_not_wait_for_it() -> None:
    cluster = Cluster()
    cluster.start(replace(settings_of("b", BETTER), claims_from_s=cluster.now_s + 1000.0))
    other = cluster.start("a", WEB)
    assert cluster.run_until(lambda: other.holds("web")) < 20.0
