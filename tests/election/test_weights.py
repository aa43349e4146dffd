"""What tracked things add to a node's priority, and what a check that fails or is waited for does."""

from __future__ import annotations

import pytest

from tests.election.driver import Cluster, Node
from tests.election.values import KEYS, decoded, unit
from vipkeeper.election.effects import Role
from vipkeeper.election.events import FitnessChanged, WeightChanged
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import Candidacy, InfoRecord
from vipkeeper.model.weights import Weight

LEASE_S = 2.0


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def pair(cluster: Cluster, *, preempt: bool = True) -> tuple[Node, Node]:
    """The better one owns it."""
    first = cluster.start("a", unit("web", priority=100, preempt=preempt))
    cluster.run_until(lambda: first.holds("web"))
    second = cluster.start("b", unit("web", priority=98, preempt=preempt))
    cluster.run(0.1)
    return first, second


def weigh(node: Node, total: int, explained: str = "") -> None:
    node.hear(WeightChanged({"web": Weight(total, explained)}))


def candidacy(cluster: Cluster, node: str) -> Candidacy:
    info = decoded(cluster.map, KEYS.info(node), InfoRecord)
    assert info is not None
    (found,) = info.candidacies
    return found


def test_an_owner_that_weighs_less_hands_over_and_gets_it_back(cluster: Cluster) -> None:
    first, second = pair(cluster)
    weigh(first, -5, "-5 maint")
    assert cluster.run_until(lambda: second.holds("web")) < LEASE_S / 4, "nobody waits for a lease"
    found = candidacy(cluster, "a")
    assert (found.priority, found.weights) == (95, "100 -5 maint")
    weigh(first, 0)
    assert cluster.run_until(lambda: first.holds("web")) < LEASE_S / 4
    assert candidacy(cluster, "a").weights == ""


def test_a_standby_that_weighs_more_gets_it(cluster: Cluster) -> None:
    _, second = pair(cluster)
    weigh(second, 20, "+20 web")
    cluster.run_until(lambda: second.holds("web"))
    assert second.election.report(second.now).vips[0].priority == 118


def test_without_preempt_a_weight_moves_nothing(cluster: Cluster) -> None:
    first, _ = pair(cluster, preempt=False)
    weigh(first, -50, "-50 web")
    cluster.run(10.0)
    assert first.holds("web")


def test_a_weight_that_does_not_bridge_the_distance_moves_nothing(cluster: Cluster) -> None:
    first, _ = pair(cluster)
    weigh(first, -2, "-2 web")
    cluster.run(10.0)
    assert first.holds("web")


def test_no_weight_makes_less_of_a_candidate_than_one(cluster: Cluster) -> None:
    first = cluster.start("a", unit("web", priority=100))
    weigh(first, -250, "-250 web")
    cluster.run_until(lambda: first.holds("web"))
    assert candidacy(cluster, "a").priority == 1


def test_a_reload_keeps_the_weight(cluster: Cluster) -> None:
    first, second = pair(cluster)
    weigh(second, 20)
    cluster.run_until(lambda: second.holds("web"))
    second.reload(unit("web", priority=90, preempt=True))
    cluster.run(5.0)
    assert second.holds("web")
    assert candidacy(cluster, "b").priority == 110
    assert first.election.status()["web"].reason is Reason.OWNER_ALIVE


def test_a_failing_check_releases_to_the_successor_by_name(cluster: Cluster) -> None:
    first, second = pair(cluster, preempt=False)
    first.hear(FitnessChanged(frozenset({"web"}), Reason.CHECK_FAILED, "web: exit code 1"))
    assert cluster.run_until(lambda: second.holds("web")) < LEASE_S / 4
    assert first.said.released[-1].successor == "b"
    status = first.election.status()["web"]
    assert (status.role, status.reason, status.detail) == (
        Role.UNFIT,
        Reason.CHECK_FAILED,
        "web: exit code 1",
    )
    cluster.run(0.1)
    found = candidacy(cluster, "a")
    assert (found.eligible, found.reason, found.detail) == (False, "check-failed", "web: exit code 1")


def test_who_waits_for_a_check_claims_nothing(cluster: Cluster) -> None:
    first, second = pair(cluster)
    second.fit("web", unfit=Reason.CHECK_PENDING)
    first.stop()
    cluster.run(30.0)
    assert not second.holds("web")
    second.fit("web")
    cluster.run_until(lambda: second.holds("web"))
