"""One renewal keeps everything; an answer, or its absence, moves the deadline only as far as is proven."""

from __future__ import annotations

import pytest

from backends.store import MAX_TRANSACTION_OPERATIONS, Conflict, Unknown
from tests.election.driver import Cluster, Link, Node
from tests.election.values import KEYS, TTL_S, decoded, lease_record, settings_of, unit, write
from vipkeeper.config.timing_rules import derive_timing, owner_deadline_s
from vipkeeper.election.effects import Commit, Read
from vipkeeper.election.events import TimePassed
from vipkeeper.model.errors import ProgrammingError
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import LeaseRecord

LEASE_A = KEYS.lease("a")


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def holder(cluster: Cluster) -> Node:
    """Holds web; its next renewal waits for an answer by the test."""
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.holds("web"))
    cluster.run(0.5)
    node.link = Link.HELD
    cluster.run_until(lambda: bool(node.waiting))
    return node


def fence_s(node: Node) -> float:
    """The fence's deadline, from the present moment."""
    return node.kernel["web"] - node.cluster.now_s


def test_the_fence_counts_from_the_sending_of_the_renewal(cluster: Cluster, holder: Node) -> None:
    sent_s = cluster.now_s
    before = holder.kernel["web"]
    cluster.run(0.3)
    assert holder.kernel["web"] == before
    holder.answer(holder.one_waiting())
    assert holder.kernel["web"] == pytest.approx(sent_s + TTL_S, abs=0.02)


def test_one_request_at_a_time(cluster: Cluster, holder: Node) -> None:
    holder.reload(unit("web"), unit("new"))
    cluster.run(1.5)
    assert len(holder.on_the_lane()) == 1


def test_unknown_repeats_the_same_question(cluster: Cluster, holder: Node) -> None:
    first = holder.one_waiting()
    holder.answer_with(first, Unknown("time-out"))
    cluster.run(0.02)
    second = holder.one_waiting()
    assert second.id != first.id
    assert second.transaction.compares == first.transaction.compares
    seqs = {commit.transaction.puts[LEASE_A] for commit in (first, second)}
    assert len(seqs) == 2, "each write has an id of its own"
    assert not holder.said.reads[-1:] or holder.said.reads[-1].prefix != LEASE_A


def test_of_two_askings_only_one_can_commit(cluster: Cluster, holder: Node) -> None:
    first = holder.one_waiting()
    holder.answer_with(first, Unknown("time-out"))
    cluster.run(0.02)
    outcomes = [cluster.map.commit(c.transaction) for c in (first, holder.one_waiting())]
    assert isinstance(outcomes[1], Conflict)


def test_conflict_reads_before_it_asks_again(cluster: Cluster, holder: Node) -> None:
    holder.watching = False
    first = holder.one_waiting()
    cluster.map.commit(first.transaction)  # the reply is lost
    holder.answer_with(first, Unknown("time-out"))
    cluster.run(0.02)
    holder.answer(holder.one_waiting())
    (read,) = holder.waiting
    assert read == Read(LEASE_A)
    cluster.run(0.2)
    assert holder.waiting == [read], "asked again without having read"
    sent_s = cluster.now_s
    holder.answer(read)
    holder.answer(holder.one_waiting())
    assert holder.kernel["web"] == pytest.approx(sent_s + TTL_S)


def test_a_second_conflict_in_a_row_pauses(cluster: Cluster, holder: Node) -> None:
    for _ in range(2):
        holder.answer_with(holder.one_waiting(), Conflict())
        read = holder.waiting[0]
        assert isinstance(read, Read)
        holder.answer(read)
    assert holder.waiting == []
    cluster.run(derive_timing(TTL_S, 10, 10).attempt_s / 2 - 0.01)
    assert holder.waiting == []
    cluster.run(0.02)
    assert isinstance(holder.one_waiting(), Commit)


def test_misses_are_followed_at_once_then_with_pauses(cluster: Cluster, holder: Node) -> None:
    pauses = []
    for _ in range(4):
        missed_s = cluster.now_s
        holder.answer_with(holder.one_waiting(), Unknown("time-out"))
        pauses.append(cluster.run_until(lambda: bool(holder.waiting)))
        assert cluster.now_s - missed_s < TTL_S
    assert pauses[0] < 0.05
    assert pauses[1] < 0.05
    assert pauses[2:] == pytest.approx([0.25, 0.25], abs=0.02)


def test_what_was_missed_is_told_with_its_reason(holder: Node) -> None:
    holder.answer_with(holder.one_waiting(), Unknown("time-out after 0.5 s"))
    assert holder.said.noticed[-1].detail == "renew: time-out after 0.5 s"


def test_the_deadline_is_looked_at_before_a_reply_that_waited(cluster: Cluster, holder: Node) -> None:
    """A frozen process wakes up with its reply in the queue: too late is too late."""
    request = holder.one_waiting()
    holder.alive = False
    cluster.run(5.0)
    holder.alive = True
    holder.answer(request)
    assert not holder.holds("web")
    assert "web" not in holder.kernel


def test_a_late_renewal_is_followed_by_a_resume_that_compares_the_record(
    cluster: Cluster, holder: Node
) -> None:
    request = holder.one_waiting()
    holder.alive = False
    cluster.run(5.0)
    holder.alive = True
    holder.answer(request)
    resume = holder.one_waiting()
    assert {LEASE_A, KEYS.vip("web"), KEYS.cluster} <= resume.transaction.compares.keys()
    sent_s = cluster.now_s
    holder.answer(resume)
    assert holder.holds("web")
    assert fence_s(holder) == pytest.approx(sent_s + TTL_S - cluster.now_s)


def test_a_resume_that_is_answered_after_its_own_deadline_does_not_hold(
    cluster: Cluster, holder: Node
) -> None:
    request = holder.one_waiting()
    holder.alive = False
    cluster.run(5.0)
    holder.alive = True
    holder.answer(request)
    resume = holder.one_waiting()
    holder.alive = False
    cluster.run(TTL_S)
    holder.alive = True
    holder.answer(resume)
    assert not holder.holds("web")
    assert "web" not in holder.kernel


def test_a_claim_that_is_answered_after_its_own_deadline_does_not_hold(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"))
    cluster.run_until(lambda: node.election.status()["web"].reason.value == "no-record-yet")
    node.link = Link.HELD
    cluster.run_until(lambda: bool(node.waiting))
    claim = node.one_waiting()
    cluster.map.commit(claim.transaction)
    cluster.run(0.01)
    assert not node.holds("web"), "a record that names us is acted on only after our own commit"
    node.alive = False
    cluster.run(TTL_S)
    node.alive = True
    node.answer_with(claim, Unknown("time-out"))
    assert not node.holds("web")
    cluster.run(0.02)
    resume = node.one_waiting()
    assert KEYS.vip("web") in resume.transaction.compares
    node.answer(resume)
    assert node.holds("web")


def test_nothing_is_held_past_the_deadline(cluster: Cluster, holder: Node) -> None:
    last_sent_s = holder.kernel["web"] - TTL_S
    holder.link = Link.CUT
    holder.answer_with(holder.one_waiting(), Unknown("cut off"))
    cluster.run(owner_deadline_s(last_sent_s, TTL_S, FenceKind.BPF) - cluster.now_s - 1e-6)
    assert holder.holds("web")
    cluster.run(2e-6)
    assert not holder.holds("web")
    assert "web" not in holder.kernel


def test_a_shorter_lease_lowers_the_fence_before_the_request_leaves(cluster: Cluster, holder: Node) -> None:
    holder.answer(holder.one_waiting())
    cluster.run(0.1)
    holder.reload(unit("web"), timing=derive_timing(1.0, 10.0, 30.0))
    renewal = holder.one_waiting()
    assert fence_s(holder) == pytest.approx(1.0)
    holder.answer_with(renewal, Unknown("time-out"))
    assert fence_s(holder) == pytest.approx(1.0), "it may have committed: the shorter one counts"
    cluster.run(0.02)
    holder.answer(holder.one_waiting())
    lease = decoded(cluster.map, LEASE_A, LeaseRecord)
    assert lease is not None
    assert lease.ttl_ms == 1000


def test_a_lease_gets_no_shorter_while_something_leaves_the_kernel(cluster: Cluster) -> None:
    """What is withdrawn slowly still answers, behind the fence of the longer lease."""
    node = cluster.start("a", unit("web"), unit("mail"))
    cluster.run_until(lambda: node.holds("web") and node.holds("mail"))
    other = cluster.start("b", unit("web"), unit("mail"))
    cluster.run(0.1)
    slow_until_s = node.kernel["mail"]
    node.kernel_confirms = False
    node.fit("mail", unfit=Reason.INTERFACE_DOWN)
    node.reload(unit("web"), unit("mail"), timing=derive_timing(1.0, 10.0, 30.0))
    node.fit("mail", unfit=Reason.INTERFACE_DOWN)
    cluster.run(0.1)
    node.kill()
    cluster.run_until(lambda: other.holds("mail"))
    assert cluster.now_s > slow_until_s


def test_the_lease_gets_shorter_once_the_kernel_is_clean(cluster: Cluster) -> None:
    node = cluster.start("a", unit("web"), unit("mail"))
    cluster.run_until(lambda: node.holds("web") and node.holds("mail"))
    node.kernel_confirms = False
    node.fit("mail", unfit=Reason.INTERFACE_DOWN)
    node.reload(unit("web"), unit("mail"), timing=derive_timing(1.0, 10.0, 30.0))
    node.fit("mail", unfit=Reason.INTERFACE_DOWN)
    node.hear_withdrawn("mail")
    cluster.run(1.0)
    lease = decoded(cluster.map, LEASE_A, LeaseRecord)
    assert lease is not None
    assert lease.ttl_ms == 1000


def test_an_absent_lease_record_ends_the_proof(cluster: Cluster, holder: Node) -> None:
    """A wiped store, and a watch that did not say so: a renewal alone would hold for ever."""
    holder.watching = False
    cluster.map.wipe(KEYS.prefix)
    holder.answer(holder.one_waiting())
    read = holder.waiting[0]
    assert isinstance(read, Read)
    holder.answer(read)
    assert not holder.holds("web")
    assert KEYS.vip("web") in holder.one_waiting().transaction.compares


def test_another_process_of_our_incarnation_ends_the_proof(cluster: Cluster, holder: Node) -> None:
    write(cluster.map, LEASE_A, lease_record(holder.settings.incarnation, seq="host-a/boot1/p2-1"))
    cluster.run(0.01)
    assert not holder.holds("web")
    assert "web" not in holder.kernel


def test_an_answer_to_nothing_is_a_defect_of_ours(holder: Node) -> None:
    request = holder.one_waiting()
    holder.answer(request)
    holder.waiting.append(request)
    with pytest.raises(ProgrammingError, match=f"transaction {request.id}, which is not under way"):
        holder.answer(request)


def test_300_vips_cost_one_write_a_renewal(cluster: Cluster) -> None:
    many = [unit(f"v{n}", f"10.0.{n // 200}.{n % 200 + 1}") for n in range(300)]
    node = cluster.start(settings_of("a", *many))
    cluster.run_until(lambda: all(node.holds(u.name) for u in many))
    claims = [c.transaction for c in node.said.commits if len(c.transaction.puts) > 1]
    assert len(claims) == 8, "42 claims of three keys each fit beside the lease"
    for claim in claims:
        assert max(len(claim.puts), len(claim.compares)) <= MAX_TRANSACTION_OPERATIONS
    before = len(node.said.commits)
    cluster.run(10.0)
    renewals = node.said.commits[before:]
    assert 9 <= len(renewals) <= 11
    assert all(c.transaction.puts.keys() == c.transaction.compares.keys() == {LEASE_A} for c in renewals)


def test_time_that_passes_early_changes_nothing(holder: Node) -> None:
    assert holder.hear(TimePassed()) == []
