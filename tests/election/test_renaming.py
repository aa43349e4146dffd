"""VIPs that move into or out of a sync group by a reload: their addresses change names, not hands."""

from __future__ import annotations

import pytest

from backends.store import Committed, Unknown
from tests.election.driver import Cluster, Link, Node
from tests.election.values import KEYS, decoded, unit, vip_record, write
from vipkeeper.election.effects import Role
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import BindingRecord, VipRecord
from vipkeeper.model.vips import Unit

OUT = unit("out", "192.0.2.1")
IN = unit("in", "10.0.0.1")
GROUP = unit("lb", "192.0.2.1", "10.0.0.1")
WEB = unit("web", "192.0.2.9")


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def owner(cluster: Cluster, *before: Unit) -> Node:
    """Holds these, and has been up for longer than the longest lease."""
    node = cluster.start("a", *before)
    cluster.run(40.0)
    assert all(node.holds(unit.name) for unit in before)
    return node


def record(cluster: Cluster, vip: str) -> VipRecord:
    found = cluster.vip(vip)
    assert found is not None
    return found


def bound(cluster: Cluster, address: str) -> str:
    binding = decoded(cluster.map, KEYS.address(address), BindingRecord)
    assert binding is not None
    return binding.vip


def gaps(cluster: Cluster, names: tuple[str, ...], length_s: float) -> int:
    """How often nobody answered under any of these names."""
    found = 0
    for _ in range(round(length_s / 0.0005)):
        cluster.run(0.0005)
        found += not any(cluster.answering(name) for name in names)
    return found


@pytest.mark.parametrize(
    ("before", "after"), [((OUT, IN), (GROUP,)), ((GROUP,), (OUT, IN))], ids=["into a group", "out of it"]
)
def test_the_owner_goes_on_without_a_gap(
    cluster: Cluster, before: tuple[Unit, ...], after: tuple[Unit, ...]
) -> None:
    node = owner(cluster, *before, WEB)
    epoch = record(cluster, "web").epoch
    node.reload(*after, WEB)
    names = tuple(unit.name for unit in (*before, *after))
    assert gaps(cluster, names, 0.2) == 0
    assert all(node.holds(unit.name) for unit in after)
    assert not any(node.holds(unit.name) for unit in before)
    assert record(cluster, "web").epoch == epoch
    for former in before:
        released = record(cluster, former.name)
        assert (released.owner, released.reason) == (None, Reason.ADDRESS_RENAMED.value)
        assert former.name not in node.election.status()
    for heir in after:
        taken = record(cluster, heir.name)
        assert (taken.owner, taken.reason) == ("a", Reason.ADDRESS_RENAMED.value)
        assert {bound(cluster, each.address) for each in heir.addresses} == {heir.name}


def test_there_and_back_again(cluster: Cluster) -> None:
    node = owner(cluster, OUT, IN)
    for after in ((GROUP,), (OUT, IN), (GROUP,)):
        node.reload(*after)
        assert gaps(cluster, ("out", "in", "lb"), 0.1) == 0
        assert all(node.holds(unit.name) for unit in after)


@pytest.mark.parametrize("owner_first", [False, True])
def test_nodes_reloaded_one_by_one_never_make_two_owners(cluster: Cluster, owner_first: bool) -> None:
    node = owner(cluster, OUT, IN)
    other = cluster.start("b", OUT, IN)
    cluster.run(1.0)
    for each in (node, other) if owner_first else (other, node):
        each.reload(GROUP)
        assert gaps(cluster, ("out", "lb"), 3.0) == 0
        assert not any(other.holds(name) for name in ("out", "in", "lb"))
    assert node.holds("lb")
    node.kill()
    cluster.run_until(lambda: other.holds("lb"))


def test_who_is_not_reloaded_yet_takes_nothing_of_what_was_renamed(cluster: Cluster) -> None:
    node = owner(cluster, OUT, IN)
    other = cluster.start("b", OUT, IN)
    cluster.run(1.0)
    node.reload(GROUP)
    cluster.run(1.0)
    status = other.election.status()["out"]
    assert (status.role, status.reason) == (Role.STANDBY, Reason.ADDRESS_HELD_BY_OTHER_NAME)
    node.kill()
    cluster.run_until(lambda: other.holds("out") and other.holds("in"))
    assert cluster.answering("lb") == [], "it took them from the group's name when that lease was over"


def test_an_answer_that_is_lost_costs_no_more_than_a_resume(cluster: Cluster) -> None:
    node = owner(cluster, OUT, IN)
    node.link = Link.REPLIES_LOST
    node.reload(GROUP)
    cluster.run(0.1)
    node.link = Link.GOOD
    cluster.run(1.0)
    assert node.holds("lb")
    assert not node.holds("out")
    assert bound(cluster, "192.0.2.1") == "lb"


@pytest.mark.parametrize("answered", [True, False])
def test_the_watch_may_be_quicker_than_the_answer(cluster: Cluster, answered: bool) -> None:
    node = owner(cluster, OUT, IN)
    node.link = Link.HELD
    node.reload(GROUP)
    request = node.one_waiting()
    outcome = cluster.map.commit(request.transaction)
    cluster.run(0.01)
    assert node.holds("out"), "its record is released, and the lease runs on"
    assert not node.holds("lb")
    assert isinstance(outcome, Committed)
    node.answer_with(request, outcome if answered else Unknown("no reply"))
    assert not node.holds("out")
    assert node.holds("lb") is answered
    if not answered:
        assert node.election.holdings() == {}


def test_a_store_that_is_away_keeps_the_former_names_to_the_end_of_the_lease(cluster: Cluster) -> None:
    node = owner(cluster, OUT, IN)
    node.link = Link.CUT
    node.reload(GROUP)
    cluster.run(1.0)
    assert node.holds("out")
    assert node.holds("in")
    cluster.run(10.0)
    assert node.election.holdings() == {}


def test_what_is_held_elsewhere_is_waited_for(cluster: Cluster) -> None:
    """One member's address is another node's: the unit is one, so the other member is given up."""
    other = cluster.start("b", IN)
    cluster.run(40.0)
    node = cluster.start("a", OUT)
    cluster.run(40.0)
    node.reload(GROUP)
    cluster.run(1.0)
    assert not node.holds("out")
    assert not node.holds("lb")
    assert cluster.answering("in") == ["host-b"]
    other.reload(GROUP)
    cluster.run(5.0)
    assert [each.settings.node for each in (node, other) if each.holds("lb")] in (["a"], ["b"])


def test_another_interface_is_no_mere_renaming(cluster: Cluster) -> None:
    node = owner(cluster, OUT, IN)
    moved = unit("lb", "192.0.2.1", "10.0.0.1", interface="eth7")
    node.reload(moved)
    assert not node.holds("out"), "it leaves the former interface first"
    cluster.run(1.0)
    assert node.holds("lb")


def test_an_unfit_heir_inherits_nothing(cluster: Cluster) -> None:
    node = owner(cluster, OUT, IN)
    node.link = Link.HELD
    node.reload(GROUP)
    node.fit("lb", unfit=Reason.INTERFACE_DOWN)
    assert node.election.holdings() == {}


def test_a_name_that_somebody_owns_is_not_taken_over(cluster: Cluster) -> None:
    node = owner(cluster, OUT, IN)
    write(cluster.map, KEYS.vip("lb"), vip_record("z", incarnation="z1", addresses=("192.0.2.77",)))
    cluster.run(0.1)
    node.reload(GROUP)
    cluster.run(0.1)
    assert node.election.holdings() == {}
    assert record(cluster, "lb").owner == "z"


def test_undone_while_under_way_it_is_released_only_once_the_kernel_is_clean(cluster: Cluster) -> None:
    """The name that it never had in the kernel must not go before the address that it stands for."""
    node = owner(cluster, WEB)
    cluster.start("b", WEB)
    cluster.run(1.0)
    node.kernel_confirms = False
    node.reload(unit("other", "192.0.2.9"))
    node.reload(WEB)
    cluster.run(0.1)
    assert record(cluster, "other").owner == "a"
    assert cluster.answering("web") == []
    node.kernel_confirms = True
    node.hear_withdrawn("web")
    cluster.run(0.1)
    assert record(cluster, "other").owner is None
