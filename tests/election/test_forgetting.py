"""A node that shows no life for long enough becomes a tombstone; one that lives, or comes back, does not."""

from __future__ import annotations

from msgspec.structs import replace

from backends.store import Committed, Conflict
from tests.election.driver import Cluster, Link, Node
from tests.election.values import KEYS, decoded, info_record, lease_record, settings_of, unit, write
from vipkeeper.election.forgetting import TURN_S, forget_transaction
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.election.view import StoreView
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import FORGOTTEN, ChallengeRecord, InfoRecord

FORGET_AFTER_S = 120.0
HEARTBEAT_S = 5.0


def forgetful(node: str, forget_after_s: float = FORGET_AFTER_S) -> ElectionSettings:
    settings = settings_of(node, unit("web"), heartbeat_s=HEARTBEAT_S)
    return replace(settings, forget_after_s=forget_after_s)


def state_of(cluster: Cluster, node: str) -> str:
    info = decoded(cluster.map, KEYS.info(node), InfoRecord)
    assert info is not None
    return info.state


def forgotten_by(*nodes: Node) -> list[str]:
    """Which of these have said that they forgot a node."""
    return [
        node.settings.node
        for node in nodes
        for notice in node.said.noticed
        if notice.reason is Reason.NODE_FORGOTTEN
    ]


def three() -> tuple[Cluster, Node, Node, Node]:
    cluster = Cluster()
    first, second, third = (cluster.start(forgetful(name)) for name in ("a", "b", "c"))
    cluster.run_until(lambda: cluster.answering("web") != [])
    cluster.run(1.0)
    return cluster, first, second, third


def test_a_silent_node_is_forgotten_once_and_its_lease_stays() -> None:
    cluster, first, second, third = three()
    first.fit("web", unfit=Reason.INTERFACE_DOWN)
    second.fit("web", unfit=Reason.INTERFACE_DOWN)
    cluster.run_until(lambda: third.holds("web"))
    first.fit("web")
    second.fit("web")
    cluster.run(3 * HEARTBEAT_S)
    third.kill()
    cluster.run(FORGET_AFTER_S - 2 * HEARTBEAT_S)
    assert state_of(cluster, "c") == "running"
    lease = cluster.map.snapshot(KEYS.lease("c"))
    waited_s = cluster.run_until(lambda: state_of(cluster, "c") == FORGOTTEN)
    assert waited_s < 3 * HEARTBEAT_S
    cluster.run(2 * TURN_S)
    assert forgotten_by(first, second) == ["a"]
    tombstone = decoded(cluster.map, KEYS.info("c"), InfoRecord)
    assert tombstone is not None
    assert (tombstone.candidacies, tombstone.incarnation) == ((), third.settings.incarnation)
    assert cluster.map.snapshot(KEYS.lease("c")).records == lease.records


def test_a_node_that_was_stopped_is_forgotten_too() -> None:
    cluster, first, second, third = three()
    third.stop()
    cluster.run(5.0)
    assert state_of(cluster, "c") == "stopped"
    cluster.run(FORGET_AFTER_S)
    assert state_of(cluster, "c") == FORGOTTEN
    assert forgotten_by(first, second) == ["a"]


def test_the_next_one_does_it_when_the_first_does_not() -> None:
    cluster = Cluster()
    first = cluster.start(forgetful("a", forget_after_s=1e9))
    second, third = cluster.start(forgetful("b")), cluster.start(forgetful("c"))
    cluster.run(20.0)
    third.kill()
    cluster.run(FORGET_AFTER_S + TURN_S - HEARTBEAT_S)
    assert state_of(cluster, "c") == "running"
    cluster.run(2 * HEARTBEAT_S)
    assert state_of(cluster, "c") == FORGOTTEN
    assert forgotten_by(first, second) == ["b"]


def test_an_owner_lives_by_its_lease_although_its_info_is_old() -> None:
    cluster, first, second, third = three()
    owner = next(node for node in (first, second, third) if node.holds("web"))
    info = decoded(cluster.map, KEYS.info(owner.settings.node), InfoRecord)
    cluster.run(FORGET_AFTER_S + 2 * TURN_S)
    assert owner.holds("web")
    assert decoded(cluster.map, KEYS.info(owner.settings.node), InfoRecord) == info
    assert forgotten_by(first, second, third) == []


def cut_off_and_forgotten() -> tuple[Cluster, Node]:
    cluster, first, second, third = three()
    third.link, third.watching = Link.CUT, False
    cluster.run(FORGET_AFTER_S + HEARTBEAT_S)
    assert forgotten_by(first, second) == ["a"]
    return cluster, third


def heal(node: Node) -> None:
    node.link, node.watching = Link.GOOD, True
    node.resync()


def test_a_forgotten_node_that_was_only_cut_off_is_back_at_once() -> None:
    cluster, third = cut_off_and_forgotten()
    heal(third)
    cluster.run(1.0)
    assert third.said.finished is None
    assert state_of(cluster, "c") == "running"


def test_control_a_tombstone_of_another_incarnation_would_end_the_agent() -> None:
    cluster, third = cut_off_and_forgotten()
    write(cluster.map, KEYS.info("c"), InfoRecord("", "", "x", FORGOTTEN))
    heal(third)
    cluster.run(1.0)
    assert third.said.finished is not None
    assert third.said.finished.reason is Reason.NAME_IN_USE


def test_a_forgotten_node_that_starts_again_is_a_candidate_again() -> None:
    cluster, third = cut_off_and_forgotten()
    third.kill()
    again = cluster.start(replace(third.settings, process="again", incarnation="another-boot"))
    cluster.run(1.0)
    assert state_of(cluster, "c") == "running"
    cluster.run(TURN_S)
    assert again.said.finished is None


def known(cluster: Cluster) -> StoreView:
    view = StoreView(KEYS)
    view.read(cluster.map.snapshot(KEYS.prefix), 0, cluster.now_s)
    return view


def test_life_that_was_not_seen_makes_it_fail() -> None:
    cluster = Cluster()
    write(cluster.map, KEYS.info("x"), info_record("web"))
    for key, record in (
        (KEYS.lease("x"), lease_record()),
        (KEYS.lease("x"), lease_record(seq="s2")),
        (KEYS.info("x"), info_record("web", seq="s2")),
        (KEYS.challenge("x"), ChallengeRecord("i2", "h2", "s")),
    ):
        view = known(cluster)
        write(cluster.map, key, record)
        forget = forget_transaction(view, "x", seq="f", wall="")
        assert forget is not None
        assert isinstance(cluster.map.commit(forget), Conflict)


def test_a_challenge_shrinks_with_it_and_none_is_made() -> None:
    cluster = Cluster()
    for node in ("x", "y"):
        write(cluster.map, KEYS.info(node), info_record("web"))
    write(cluster.map, KEYS.challenge("x"), ChallengeRecord("i2", "a-long-host-name", "s"))
    for node in ("x", "y"):
        forget = forget_transaction(known(cluster), node, seq="f", wall="")
        assert forget is not None
        assert isinstance(cluster.map.commit(forget), Committed)
    challenge = decoded(cluster.map, KEYS.challenge("x"), ChallengeRecord)
    assert challenge == ChallengeRecord("", "", "f")
    assert decoded(cluster.map, KEYS.challenge("y"), ChallengeRecord) is None


def test_an_info_that_cannot_be_read_is_left_alone() -> None:
    cluster = Cluster()
    write(cluster.map, KEYS.info("x"), b"{}")
    assert forget_transaction(known(cluster), "x", seq="f", wall="") is None
    node = cluster.start(forgetful("a"))
    cluster.run(FORGET_AFTER_S + TURN_S)
    assert forgotten_by(node) == []
