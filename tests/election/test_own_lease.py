"""Our own deadline: the earliest of all writes that may count, and never extended by a late reply."""

from __future__ import annotations

import pytest

from vipkeeper.config.timing_rules import margin_s
from vipkeeper.election.own_lease import LeaseWrite, OwnLease
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
