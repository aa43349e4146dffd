"""A store that was restored from a backup proves nothing until the longest lease has passed."""

from __future__ import annotations

from msgspec.structs import replace

from backends.store import Snapshot
from tests.election.driver import Cluster, Link, Node
from tests.election.values import KEYS, LEASE_MAX_S, settings_of, unit, write
from vipkeeper.config.timing_rules import longest_takeover_s
from vipkeeper.election.effects import Commit, Read
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import ClusterRecord

LONGEST_S = longest_takeover_s(LEASE_MAX_S)


def moved_after_the_backup() -> tuple[Cluster, Node, Node, Snapshot]:
    """The backup says that a owns web and b owns aux; since then web has moved to b."""
    cluster = Cluster()
    first = cluster.start(settings_of("a", unit("web"), ttl_s=LEASE_MAX_S))
    second = cluster.start(settings_of("b", unit("aux"), unit("web"), ttl_s=LEASE_MAX_S))
    cluster.run_until(lambda: first.holds("web") and second.holds("aux"))
    cluster.run(1.0)
    backup = cluster.map.snapshot("")
    first.fit("web", unfit=Reason.INTERFACE_DOWN)
    cluster.run_until(lambda: second.holds("web"))
    first.fit("web")
    cluster.run(1.0)
    return cluster, first, second, backup


def test_the_owner_of_the_backup_waits_for_the_owner_after_it() -> None:
    cluster, first, second, backup = moved_after_the_backup()
    second.kill()
    cluster.map.restore(backup)
    first.resync()
    waited_s = cluster.run_until(lambda: first.holds("web"))
    assert LONGEST_S <= waited_s < LONGEST_S + 0.1
    assert first.said.noticed[-1].reason is Reason.STORE_WENT_BACK
    assert cluster.answering("web") == ["host-a"]


def test_the_later_owner_gives_up_what_the_backup_gives_to_another() -> None:
    cluster, _, second, backup = moved_after_the_backup()
    cluster.map.restore(backup)
    second.resync()
    cluster.run(0.1)
    assert not second.holds("web")
    assert second.holds("aux")


def test_nothing_is_renewed_before_a_restored_store_was_read_again() -> None:
    """A renewal compares no VIP record: it would go on for a whole lease after the restore was noticed."""
    cluster, first, second, backup = moved_after_the_backup()
    cluster.run(0.5)
    second.link, second.watching = Link.HELD, False
    cluster.map.restore(backup)
    first.resync()
    cluster.run_until(lambda: bool(second.waiting))
    cluster.run(6.5)
    second.answer(second.one_waiting())
    (read,) = second.waiting
    assert isinstance(read, Read)
    second.answer(read)
    assert not any(isinstance(request, Commit) for request in second.waiting)
    second.alive = False  # frozen before the reading of everything comes
    cluster.run_until(lambda: first.holds("web"))
    assert cluster.answering("web") == ["host-a"]


def test_after_a_wipe_the_longest_lease_is_waited_for() -> None:
    cluster = Cluster()
    nodes = [cluster.start(name, unit("web")) for name in ("a", "b")]
    cluster.run_until(lambda: nodes[0].holds("web"))
    cluster.run(1.0)
    cluster.map.wipe("")
    cluster.run(0.1)
    assert cluster.answering("web") == []
    waited_s = cluster.run_until(lambda: cluster.answering("web") != [])
    assert LONGEST_S - 0.1 <= waited_s < LONGEST_S + 0.2


def start_after_the_restore(known_revision: int) -> tuple[Cluster, Node, Node]:
    """a was stopped, b is frozen and its lease runs; the backup gives a what b serves."""
    cluster, first, second, backup = moved_after_the_backup()
    first.kill()
    second.alive = False
    cluster.map.restore(backup)
    settings = replace(first.settings, process="later", known_revision=known_revision)
    return cluster, cluster.start(settings), second


def test_a_process_that_starts_after_the_restore_waits_for_the_owner_after_it() -> None:
    cluster, later, _ = start_after_the_restore(known_revision=10_000)
    waited_s = cluster.run_until(lambda: later.holds("web"))
    assert LONGEST_S <= waited_s < LONGEST_S + 0.1
    assert cluster.answering("web") == ["host-a"]
    assert [notice.reason for notice in later.said.noticed] == [Reason.STORE_WENT_BACK]


def test_control_a_process_that_knows_no_revision_makes_two_owners() -> None:
    """This is why the revision is kept: nothing in the store tells it apart."""
    cluster, later, _ = start_after_the_restore(known_revision=0)
    cluster.run_until(lambda: later.holds("web"))
    assert sorted(cluster.answering("web")) == ["host-a", "host-b"]


def test_a_process_that_starts_while_another_waits_notices_it_again() -> None:
    """What a waiting process keeps must not hide the restore from the next one."""
    cluster, later, _ = start_after_the_restore(known_revision=10_000)
    cluster.run(1.0)
    assert later.election.revision < 10_000
    assert later.election.revision_to_keep(later.now) is None
    cluster.run(LONGEST_S)
    assert later.election.revision_to_keep(later.now) == later.election.revision


def test_a_store_of_another_cluster_teaches_no_revision() -> None:
    cluster = Cluster()
    write(cluster.map, KEYS.cluster, ClusterRecord(id="stranger", created=""))
    node = cluster.start(settings_of("a", unit("web"), pinned_cluster="ours"))
    cluster.run(1.0)
    assert node.election.revision > 0
    assert node.election.revision_to_keep(node.now) is None


def test_a_store_that_went_on_is_read_as_ever() -> None:
    cluster = Cluster()
    node = cluster.start(settings_of("a", unit("web")))
    cluster.run_until(lambda: node.holds("web"))
    kept = node.election.revision_to_keep(node.now)
    assert kept == cluster.map.revision
    node.kill()
    again = cluster.start(replace(node.settings, process="again", known_revision=kept))
    assert cluster.run_until(lambda: again.holds("web")) < 0.1
    assert again.said.noticed == []
