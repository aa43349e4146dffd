"""Our own deadline: the earliest of all writes that may count, and never extended by a late reply."""

from __future__ import annotations

import pytest

from vipkeeper.config.timing_rules import margin_s
from vipkeeper.election.own_lease import Electors, Hold, LeaseWrite, OwnLease
from vipkeeper.model.fences import FenceKind

MARGIN_4_S = margin_s(4.0, FenceKind.BPF)


def write(commit_id: int, sent_at_s: float, ttl_s: float = 4.0) -> LeaseWrite:
    return LeaseWrite(commit_id, sent_at_s, ttl_s, FenceKind.BPF)


@pytest.fixture
def lease() -> OwnLease:
    """Granted by a claim sent at 100 s."""
    lease = OwnLease()
    assert lease.granted(write(1, 100.0), 100.01)
    return lease


def test_the_deadline_counts_from_the_sending(lease: OwnLease) -> None:
    assert lease.deadline_s == pytest.approx(104.0 - MARGIN_4_S)
    assert lease.fence_deadline_s == 104.0


def test_a_grant_that_is_heard_of_after_its_own_deadline_is_none() -> None:
    lease = OwnLease()
    assert not lease.granted(write(1, 100.0), 104.0 - MARGIN_4_S)
    assert lease.deadline_s is None
    assert lease.fence_deadline_s is None


def test_a_renewal_extends(lease: OwnLease) -> None:
    renewal = write(2, 101.0)
    lease.sending(renewal)
    assert lease.fence_deadline_s == 104.0, "not before it committed"
    assert lease.renewed(renewal, 101.01)
    assert lease.fence_deadline_s == 105.0


def test_a_renewal_after_a_lapse_extends_nothing(lease: OwnLease) -> None:
    renewal = write(2, 103.0)
    lease.sending(renewal)
    lease.lapse()
    assert not lease.renewed(renewal, 104.5)
    assert lease.deadline_s is None


def test_a_shorter_lease_counts_from_its_sending_on(lease: OwnLease) -> None:
    shorter = write(2, 101.0, ttl_s=1.0)
    lease.sending(shorter)
    assert lease.fence_deadline_s == 102.0


def test_of_writes_that_may_have_committed_the_earliest_counts(lease: OwnLease) -> None:
    for number, ttl_s in ((2, 2.0), (3, 1.0), (4, 4.0)):
        lease.sending(write(number, 101.0, ttl_s))
    assert lease.fence_deadline_s == 102.0


def test_a_refused_write_counts_no_more(lease: OwnLease) -> None:
    shorter = write(2, 101.0, ttl_s=1.0)
    lease.sending(shorter)
    lease.refused(shorter)
    assert lease.fence_deadline_s == 104.0


def test_a_commit_ends_what_was_uncertain_before_it(lease: OwnLease) -> None:
    lease.sending(write(2, 101.0, ttl_s=1.0))
    renewal = write(3, 101.5)
    lease.sending(renewal)
    assert lease.renewed(renewal, 101.6)
    assert lease.fence_deadline_s == 105.5


def test_nothing_is_uncertain_while_no_lease_runs() -> None:
    lease = OwnLease()
    lease.sending(write(1, 100.0))
    assert lease.deadline_s is None
    assert lease.granted(write(2, 101.0), 101.1)
    assert lease.fence_deadline_s == 105.0


MEMBERS = frozenset({("b", "ib"), ("c", "ic")})


def named(
    commit_id: int, sent_at_s: float, *, ttl_s: float = 4.0, electorate: Electors = MEMBERS
) -> LeaseWrite:
    return LeaseWrite(commit_id, sent_at_s, ttl_s, FenceKind.BPF, electorate, 100.0)


def hold(asked_at_s: float, *promised: tuple[str, str], for_s: float = 4.0) -> Hold:
    asked = Hold(
        nonce="n", asked_at_s=asked_at_s, for_s=for_s, fence=FenceKind.BPF, hold_ms=1,
        names=frozenset({"web"}), units="digest", asked=frozenset({"b", "c"}),
    )  # fmt: skip
    asked.promised_by.update(promised)
    return asked


@pytest.fixture
def outlived() -> OwnLease:
    """Granted by a claim sent at 100 s that names b and c."""
    lease = OwnLease()
    assert lease.granted(named(1, 100.0), 100.01)
    return lease


def test_promises_of_everybody_carry_the_lease_from_the_question_on(outlived: OwnLease) -> None:
    outlived.asking(hold(102.0, *MEMBERS), 102.0)
    assert outlived.deadline_s == pytest.approx(106.0 - MARGIN_4_S)
    assert outlived.fence_deadline_s == 106.0
    assert outlived.promised_by(103.0) is None
    assert outlived.promised_by(104.5) == MEMBERS


@pytest.mark.parametrize("promised", [(), (("b", "ib"),), (("b", "ib"), ("c", "another"))])
def test_less_than_everybody_carries_nothing(
    outlived: OwnLease, promised: tuple[tuple[str, str], ...]
) -> None:
    outlived.asking(hold(102.0, *promised), 102.0)
    assert outlived.fence_deadline_s == 104.0


def test_who_may_have_joined_has_to_promise_too(outlived: OwnLease) -> None:
    outlived.asking(hold(102.0, *MEMBERS), 102.0)
    outlived.sending(named(2, 101.0, electorate=MEMBERS | {("d", "id")}))
    assert outlived.fence_deadline_s == 105.0
    assert outlived.electorate == MEMBERS | {("d", "id")}


def test_no_promise_reaches_beyond_what_outsiders_wait(outlived: OwnLease) -> None:
    outlived.asking(hold(199.0, *MEMBERS), 199.0)
    assert outlived.fence_deadline_s == 200.0


def test_a_promise_for_longer_than_the_lease_counts_for_nothing(outlived: OwnLease) -> None:
    outlived.asking(hold(102.0, *MEMBERS, for_s=4.1), 102.0)
    assert outlived.fence_deadline_s == 104.0


def test_a_lease_that_everybody_may_claim_is_carried_by_nothing() -> None:
    lease = OwnLease()
    assert lease.granted(write(1, 100.0), 100.01)
    lease.asking(hold(102.0, *MEMBERS), 102.0)
    assert lease.fence_deadline_s == 104.0


def test_promises_that_do_not_speak_of_what_was_gained_end(outlived: OwnLease) -> None:
    outlived.asking(hold(102.0, *MEMBERS), 102.0)
    claim = named(2, 101.9)
    outlived.sending(claim)
    assert outlived.granted(claim, 102.1, frozenset({"other"}))
    assert outlived.fence_deadline_s == 105.9


def test_promises_end_with_the_lease(outlived: OwnLease) -> None:
    outlived.asking(hold(102.0, *MEMBERS), 102.0)
    outlived.lapse()
    assert outlived.granted(named(2, 102.5), 102.6)
    assert outlived.fence_deadline_s == 106.5


def test_an_outage_of_an_hour_leaves_few_writes_in_doubt(outlived: OwnLease) -> None:
    for number in range(2, 5000):
        outlived.sending(named(number, 100.0 + number))
    assert len(outlived.writes) == 2
    outlived.asking(hold(150.0, *MEMBERS), 150.0)
    assert outlived.fence_deadline_s == 154.0
