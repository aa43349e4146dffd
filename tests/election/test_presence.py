"""A node name belongs to one living agent, a prefix to one cluster; a node writes little of itself."""

from __future__ import annotations

import pytest

from tests.election.driver import Cluster, Link, Node
from tests.election.values import (
    HEARTBEAT_S,
    KEYS,
    decoded,
    info_record,
    settings_of,
    unit,
    write,
)
from vipkeeper.election.effects import Role
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import ChallengeRecord, ClusterRecord, InfoRecord, VipRecord

INFO = KEYS.info("a")


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def info_writes(node: Node) -> int:
    key = KEYS.info(node.settings.node)
    return sum(key in commit.transaction.puts for commit in node.said.commits)


def info_of(cluster: Cluster, node: str = "a") -> InfoRecord:
    info = decoded(cluster.map, KEYS.info(node), InfoRecord)
    assert info is not None
    return info


def test_a_living_name_is_refused_to_another_host(cluster: Cluster) -> None:
    first = cluster.start("a", unit("web"))
    cluster.run_until(lambda: first.holds("web"))
    second = cluster.start(settings_of("a", unit("web"), host="other"))
    waited_s = cluster.run_until(lambda: second.said.finished is not None)
    assert waited_s < 0.1, "a living agent answers at once"
    ended = second.said.finished
    assert ended is not None
    assert (ended.exit_code, ended.reason, ended.detail) == (2, Reason.NAME_IN_USE, "on host host-a")
    cluster.run(20.0)
    assert first.holds("web")
    assert first.said.finished is None


def test_two_that_start_at_once_do_not_share_a_name(cluster: Cluster) -> None:
    nodes = [cluster.start(settings_of("a", unit("web"), host=host)) for host in ("h1", "h2")]
    cluster.run(20.0)
    ended = [node.said.finished for node in nodes if node.said.finished is not None]
    assert [end.reason for end in ended] == [Reason.NAME_IN_USE]
    assert len(cluster.answering("web")) == 1


def test_a_silent_name_is_taken_over_after_the_challenge(cluster: Cluster) -> None:
    write(cluster.map, INFO, info_record("web", incarnation="gone", host="gone"))
    node = cluster.start("a", unit("web"))
    cluster.run(0.1)
    status = node.election.status()["web"]
    assert (status.role, status.reason, status.detail) == (Role.UNFIT, Reason.STARTING, "on host gone")
    cluster.run(2.8)
    assert info_of(cluster).incarnation == "gone"
    cluster.run(0.2)
    assert info_of(cluster).incarnation == node.settings.incarnation


def test_a_namesake_that_thaws_and_renews_is_waited_for(cluster: Cluster) -> None:
    """Taking the name over is no proof that its VIPs are free: its own renewal counts like any owner's."""
    frozen = cluster.start(settings_of("n", unit("web"), host="hx", ttl_s=10.0))
    cluster.run_until(lambda: frozen.holds("web"))
    cluster.run(0.5)
    frozen.alive = frozen.watching = False
    taker = cluster.start(settings_of("n", unit("web"), host="hy", ttl_s=10.0))
    cluster.run(9.0)
    frozen.alive = True
    cluster.run(0.3)
    assert frozen.holds("web")
    frozen.alive = False
    cluster.run_until(lambda: taker.holds("web"))
    assert cluster.answering("web") == ["hy"]


def test_a_name_that_was_given_back_is_free_at_once(cluster: Cluster) -> None:
    write(cluster.map, INFO, info_record("web", incarnation="gone", state="stopped"))
    node = cluster.start("a", unit("web"))
    cluster.run(0.1)
    assert info_of(cluster).incarnation == node.settings.incarnation


def test_the_same_incarnation_takes_its_name_back_at_once(cluster: Cluster) -> None:
    first = cluster.start("a", unit("web"))
    cluster.run(1.0)
    first.kill()
    second = cluster.start(settings_of("a", unit("web"), process="p2"))
    cluster.run(0.1)
    assert info_writes(second) == 1
    challenges = [c for c in second.said.commits if KEYS.challenge("a") in c.transaction.puts]
    assert challenges == []


def test_a_challenge_is_answered_once_and_at_once(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run(1.0)
    before, seq = info_writes(node), info_of(cluster).seq
    write(cluster.map, KEYS.challenge("a"), ChallengeRecord("stranger", "h", "c1"))
    cluster.run(0.01)
    assert info_of(cluster).seq != seq
    cluster.run(5.0)
    assert info_writes(node) == before + 1
    write(cluster.map, KEYS.challenge("a"), ChallengeRecord("stranger", "h", "c2"))
    cluster.run(0.01)
    assert info_writes(node) == before + 2


def test_the_cluster_is_founded_once_and_pinned(cluster: Cluster) -> None:
    nodes = [cluster.start(name, unit("web")) for name in ("a", "b")]
    cluster.run(0.5)
    record = decoded(cluster.map, KEYS.cluster, ClusterRecord)
    assert record is not None
    assert [node.said.pinned for node in nodes] == [[record.id], [record.id]]


def test_another_cluster_stands_everything_down_and_gets_nothing_written(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    cluster.run(0.1)
    before = len(node.said.commits)
    write(cluster.map, KEYS.cluster, ClusterRecord("another", ""))
    revision = cluster.map.revision
    cluster.run(0.05)
    assert cluster.answering("web") == []
    cluster.run(60.0)
    assert len(node.said.commits) == before
    assert cluster.map.revision == revision
    status = node.election.status()["web"]
    assert (status.role, status.reason) == (Role.UNFIT, Reason.WRONG_CLUSTER)
    assert "another" in status.detail


def test_an_agent_of_another_cluster_never_begins(cluster: Cluster) -> None:
    write(cluster.map, KEYS.cluster, ClusterRecord("another", ""))
    node = cluster.start(settings_of("a", unit("web"), pinned_cluster="mine"))
    cluster.run(60.0)
    assert node.said.commits == []
    assert node.said.pinned == []


def test_after_a_wipe_the_cluster_has_its_old_id(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run(0.5)
    (pinned,) = node.said.pinned
    cluster.map.wipe(KEYS.prefix)
    cluster.run(0.1)
    record = decoded(cluster.map, KEYS.cluster, ClusterRecord)
    assert record is not None
    assert record.id == pinned


def test_after_a_wipe_candidates_say_again_what_they_are(cluster: Cluster) -> None:
    node = cluster.start(settings_of("a", unit("web"), heartbeat_s=3600.0))
    cluster.run_until(lambda: node.holds("web"))
    cluster.run(0.1)
    cluster.map.wipe(KEYS.prefix)
    cluster.run(0.1)
    assert info_of(cluster).candidacies[0].vips == ("web",)
    waited_s = cluster.run_until(lambda: node.holds("web"))
    assert waited_s < 13.0


def test_nothing_is_claimed_over_an_unreadable_cluster_record(cluster: Cluster) -> None:
    write(cluster.map, KEYS.cluster, b"{")
    node = cluster.start("a", unit("web"))
    cluster.run(30.0)
    assert node.said.commits == []
    assert node.election.status()["web"].reason is Reason.RECORD_UNREADABLE


def test_a_standby_shows_life_by_heartbeats_and_an_owner_by_renewals(cluster: Cluster) -> None:
    owner, standby = cluster.start("a", unit("web")), cluster.start("b", unit("web"))
    cluster.run_until(lambda: owner.holds("web"))
    cluster.run(0.1)
    before = info_writes(owner), info_writes(standby)
    cluster.run(10 * HEARTBEAT_S)
    assert info_writes(owner) == before[0]
    assert info_writes(standby) - before[1] == 10


def test_info_is_written_when_it_says_something_new(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run(0.1)
    before = info_writes(node)
    node.fit("web")
    cluster.run(0.1)
    assert info_writes(node) == before
    node.fit("web", unfit=Reason.INTERFACE_DOWN)
    cluster.run(0.1)
    (candidacy,) = info_of(cluster).candidacies
    assert (candidacy.eligible, candidacy.reason) == (False, Reason.INTERFACE_DOWN.value)
    assert info_writes(node) == before + 1


def test_info_of_unknown_outcome_is_written_again(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run(1.0)
    node.link = Link.CUT
    node.fit("web", unfit=Reason.INTERFACE_DOWN)
    cluster.run(1.0)
    assert info_of(cluster).candidacies[0].eligible
    node.link = Link.GOOD
    cluster.run(1.0)
    assert not info_of(cluster).candidacies[0].eligible


def test_equal_vips_make_one_entry(cluster: Cluster) -> None:
    names = [f"v{n}" for n in range(100)]
    cluster.start(settings_of("a", *(unit(name, f"10.0.0.{n + 1}") for n, name in enumerate(names))))
    cluster.run(0.1)
    assert [len(candidacy.vips) for candidacy in info_of(cluster).candidacies] == [100]


def test_the_name_of_a_living_agent_is_not_worth_its_vips(cluster: Cluster) -> None:
    """Another boot under our name wrote our info while we were away: we give up in order."""
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    write(cluster.map, INFO, info_record("web", incarnation="usurper", host="elsewhere"))
    cluster.run(0.1)
    assert node.said.finished is not None
    assert node.said.finished.reason is Reason.NAME_IN_USE
    assert cluster.answering("web") == []
    assert isinstance(cluster.vip("web"), VipRecord)
