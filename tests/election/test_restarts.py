"""A restarted agent keeps what stands, adds nothing, and holds again only after a commit of its own."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.election.driver import Cluster, Link, Node
from tests.election.values import KEYS, info_record, settings_of, unit, vip_record, write
from vipkeeper.config.timing_rules import derive_timing
from vipkeeper.election.effects import Holding, Role
from vipkeeper.election.events import KernelAdoptable
from vipkeeper.model.errors import ProgrammingError
from vipkeeper.model.reasons import Reason

KEPT = Holding(None)
AGAIN = settings_of("a", unit("web"), process="p2")


@pytest.fixture
def cluster() -> Cluster:
    """a held web until a moment ago."""
    cluster = Cluster()
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    cluster.run(0.5)
    node.kill()
    return cluster


def start_again(cluster: Cluster) -> Node:
    return cluster.start(AGAIN, adoptable=["web"])


def test_what_stands_is_kept_until_the_store_confirms_it(cluster: Cluster) -> None:
    node = start_again(cluster)
    assert node.election.holdings() == {"web": KEPT}
    node.link = Link.HELD
    cluster.run_until(lambda: bool(node.on_the_lane()))
    resume = node.one_waiting()
    assert {KEYS.vip("web"), KEYS.lease("a"), KEYS.cluster} <= resume.transaction.compares.keys()
    assert node.election.holdings() == {"web": KEPT}, "learnt from a record alone"
    node.answer(resume)
    assert node.holds("web")
    assert node.election.status()["web"].reason is Reason.RESUMED


def test_a_restart_is_no_change_of_owner(cluster: Cluster) -> None:
    node = start_again(cluster)
    waited_s = cluster.run_until(lambda: node.holds("web"))
    assert waited_s < 0.05
    record = cluster.vip("web")
    assert record is not None
    assert record.epoch == 1


def test_what_now_belongs_to_another_is_dropped(cluster: Cluster) -> None:
    node = start_again(cluster)
    write(cluster.map, KEYS.vip("web"), vip_record("b", incarnation="b1", epoch=2))
    cluster.run(0.1)
    assert node.election.holdings() == {}
    assert node.election.status()["web"].role is Role.STANDBY


def test_what_this_host_cannot_serve_is_dropped(cluster: Cluster) -> None:
    node = cluster.start(AGAIN, adoptable=["web"], fit=False)
    assert node.election.holdings() == {"web": KEPT}, "not known yet"
    node.fit("web", unfit=Reason.INTERFACE_DOWN)
    assert node.election.holdings() == {}


def test_another_boot_waits_like_a_stranger(cluster: Cluster) -> None:
    node = cluster.start(settings_of("a", unit("web"), boot="boot2"))
    waited_s = cluster.run_until(lambda: node.holds("web"))
    assert 12.5 < waited_s < 16.0
    record = cluster.vip("web")
    assert record is not None
    assert (record.epoch, record.reason) == (2, Reason.OWNER_EXPIRED.value)


def test_a_record_of_another_boot_adopts_nothing(cluster: Cluster) -> None:
    node = cluster.start(settings_of("a", unit("web"), boot="boot2"), adoptable=["web"])
    cluster.run(0.1)
    assert node.election.holdings() == {}


def test_adoption_belongs_to_the_start(cluster: Cluster) -> None:
    node = start_again(cluster)
    cluster.run(0.1)
    with pytest.raises(ProgrammingError, match="adoption belongs to the start"):
        node.hear(KernelAdoptable(frozenset({"web"})))


def test_two_processes_of_one_incarnation_do_not_both_hold(cluster: Cluster) -> None:
    """The lock on the run directory should prevent it; the lease does if it does not."""
    first = start_again(cluster)
    cluster.run_until(lambda: first.holds("web"))
    cluster.run(0.1)
    second = cluster.start(settings_of("a", unit("web"), process="p3"))
    seen = set()
    for _ in range(200):
        cluster.run(0.0005)
        seen.add((first.holds("web"), second.holds("web")))
    assert (True, True) not in seen
    assert (False, True) in seen, "the second one never displaced the first"


def test_a_late_claim_makes_a_record_that_only_a_resume_acts_on() -> None:
    cluster = Cluster()
    node = cluster.start("a", unit("web"))
    cluster.run(1.0)
    node.link = Link.REPLIES_LOST
    cluster.run_until(lambda: cluster.vip("web") is not None)
    cluster.run(0.1)
    assert not node.holds("web")
    assert cluster.answering("web") == []
    node.link = Link.GOOD
    cluster.run_until(lambda: node.holds("web"))
    resumes = [c for c in node.said.commits if KEYS.vip("web") in c.transaction.compares][-1]
    assert resumes.transaction.puts.keys() == {KEYS.lease("a")}


def test_a_new_boot_that_owns_something_else_does_not_take_up_the_old_boots_records() -> None:
    """The lease record is its own by then, the VIP's record is not: the old kernel may still answer."""
    cluster = Cluster()
    old = cluster.start(settings_of("a", unit("web"), unit("free"), host="h1"))
    cluster.run_until(lambda: old.holds("web") and old.holds("free"))
    old.fit("free", unfit=Reason.INTERFACE_DOWN)
    cluster.run(0.1)
    old.kill()
    write(cluster.map, KEYS.info("a"), info_record(state="stopped"))
    new = cluster.start(settings_of("a", unit("web"), unit("free"), host="h2"))
    cluster.run_until(lambda: new.holds("free"))
    assert cluster.answering("web") == ["h1"]
    cluster.run_until(lambda: new.holds("web"))
    assert cluster.answering("web") == ["h2"]


def test_a_restart_with_a_shorter_lease_is_no_reason_to_claim_early(cluster: Cluster) -> None:
    """The resume commits and nobody hears of it; the kernel still answers by the earlier, longer lease."""
    longer = replace(settings_of("c", unit("mail")), timing=derive_timing(8.0, 10.0, 30.0))
    node = cluster.start(longer)
    cluster.run_until(lambda: node.holds("mail"))
    other = cluster.start("d", unit("mail"))
    cluster.run(0.5)
    node.kill()
    shorter = settings_of("c", unit("mail"), process="p2")
    again = cluster.start(replace(shorter, timing=derive_timing(1.0, 10.0, 30.0)), adoptable=["mail"])
    again.link = Link.HELD
    cluster.run_until(lambda: bool(again.on_the_lane()))
    cluster.map.commit(again.one_waiting().transaction)
    again.kill()
    cluster.run_until(lambda: other.holds("mail"))
    assert cluster.now_s > node.kernel["mail"]
