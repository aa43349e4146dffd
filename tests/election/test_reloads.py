"""A reload touches what changed and nothing else."""

from __future__ import annotations

import pytest

from tests.election.driver import Cluster, Link, Node
from tests.election.values import KEYS, decoded, lease_record, settings_of, unit, vip_record, write
from vipkeeper.election.effects import Role
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import BindingRecord, VipRecord

WEB = unit("web", "192.0.2.1")
MAIL = unit("mail", "192.0.2.2")


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def node(cluster: Cluster) -> Node:
    """Holds web and mail."""
    node = cluster.start("a", WEB, MAIL)
    cluster.run_until(lambda: node.holds("web") and node.holds("mail"))
    cluster.run(0.1)
    return node


def record(cluster: Cluster, vip: str) -> VipRecord:
    found = cluster.vip(vip)
    assert found is not None
    return found


def test_what_did_not_change_is_not_touched(cluster: Cluster, node: Node) -> None:
    before = dict(node.election.holdings())
    epochs = record(cluster, "web").epoch, record(cluster, "mail").epoch
    node.reload(unit("web", "192.0.2.1", priority=50), MAIL, unit("new", "192.0.2.3"))
    assert dict(node.election.holdings()) == before
    cluster.run(5.0)
    assert (record(cluster, "web").epoch, record(cluster, "mail").epoch) == epochs


def test_a_removed_vip_is_released_to_who_still_has_it(cluster: Cluster, node: Node) -> None:
    other = cluster.start("b", WEB, MAIL)
    cluster.run(0.1)
    node.reload(WEB)
    assert "mail" not in node.election.holdings()
    cluster.run(0.1)
    assert other.holds("mail")
    assert node.holds("web")
    assert "mail" not in node.election.status()


def test_a_removed_vip_that_nobody_else_has_is_released_to_nobody(cluster: Cluster, node: Node) -> None:
    node.reload(WEB)
    cluster.run(0.1)
    released = record(cluster, "mail")
    assert (released.owner, released.reason) == (None, Reason.NOT_CONFIGURED.value)


def test_a_moved_address_is_withdrawn_released_and_claimed_anew(cluster: Cluster, node: Node) -> None:
    epoch = record(cluster, "web").epoch
    node.kernel_confirms = False
    node.reload(unit("web", "192.0.2.9"), MAIL)
    cluster.run(0.5)
    assert cluster.answering("web") == [], "the new address before the old one is gone"
    assert record(cluster, "web").owner == "a"
    node.kernel_confirms = True
    node.hear_withdrawn("web")
    waited_s = cluster.run_until(lambda: node.holds("web"))
    assert waited_s < 13.0, "the new address has no record yet, which is waited for"
    claimed = record(cluster, "web")
    assert (claimed.epoch, claimed.addresses) == (epoch + 1, ("192.0.2.9",))
    bound = decoded(cluster.map, KEYS.address("192.0.2.9"), BindingRecord)
    assert bound == BindingRecord("web")
    assert node.holds("mail")


def test_a_reload_while_the_claim_is_under_way_binds_no_address_unseen(cluster: Cluster) -> None:
    node = cluster.start("a", WEB)
    cluster.run(12.0)
    node.link = Link.HELD
    cluster.run_until(lambda: bool(node.on_the_lane()))
    node.reload(unit("web", "192.0.2.9"))
    node.answer(node.one_waiting())
    assert not node.holds("web"), "the claim was for another address"
    assert record(cluster, "web").addresses == ("192.0.2.1",)


def test_a_vip_that_the_configuration_lacks_is_released(cluster: Cluster, node: Node) -> None:
    cluster.run(1.0)
    node.kill()
    again = cluster.start(settings_of("a", WEB, process="p2"))
    cluster.run_until(lambda: again.holds("web"))
    cluster.run(0.1)
    released = record(cluster, "mail")
    assert (released.owner, released.reason) == (None, Reason.NOT_CONFIGURED.value)
    assert "mail" not in again.election.status()


def test_a_vip_that_comes_back_before_its_release_is_held_again_later(cluster: Cluster, node: Node) -> None:
    node.kernel_confirms = False
    node.reload(WEB)
    node.kernel_confirms = True
    node.reload(WEB, MAIL)
    node.hear_withdrawn("mail")
    cluster.run_until(lambda: node.holds("mail"))
    assert node.holds("web")


def test_a_renamed_vip_waits_until_its_address_is_given_up(cluster: Cluster, node: Node) -> None:
    """Two configurations disagree on the name of one address: whoever holds it keeps it."""
    other = cluster.start("b", unit("www", "192.0.2.1"))
    cluster.run(30.0)
    status = other.election.status()["www"]
    assert (status.role, status.reason) == (Role.STANDBY, Reason.ADDRESS_HELD_BY_OTHER_NAME)
    assert status.detail == "192.0.2.1 belongs to web"
    node.kill()
    cluster.run_until(lambda: other.holds("www"))
    assert cluster.answering("web") == []
    taken = record(cluster, "web")
    assert (taken.owner, taken.reason) == (None, Reason.ADDRESS_RENAMED.value)


def test_whose_address_was_bound_elsewhere_gives_up(cluster: Cluster, node: Node) -> None:
    cluster.run(1.0)
    node.kill()
    write(cluster.map, KEYS.address("192.0.2.1"), BindingRecord("other"))
    again = cluster.start(settings_of("a", WEB, MAIL, process="p2"))
    cluster.run_until(lambda: again.holds("mail"))
    cluster.run(0.1)
    assert not again.holds("web")
    assert record(cluster, "web").reason == Reason.ADDRESS_RENAMED.value


def test_a_record_taken_away_is_given_up_at_once(cluster: Cluster, node: Node) -> None:
    write(cluster.map, KEYS.lease("z"), lease_record("z1"))
    write(cluster.map, KEYS.vip("web"), vip_record("z", incarnation="z1", epoch=9))
    cluster.run(0.01)
    assert cluster.answering("web") == []
    assert node.holds("mail")
