"""An owner's kernel is silent before anybody else may claim, whatever the clocks do within their bound."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.election.values import settings_of, unit
from vipkeeper.config.timing_rules import (
    FENCE_LATENCY_S,
    LIFETIME_LATENESS_S,
    LONGEST_TTL_S,
    RHO,
    SHORTEST_TTL_S,
    Timing,
    derive_timing,
    fence_deadline_s,
    judge_timing,
    lifetime_s,
    longest_takeover_s,
    owner_deadline_s,
    takeover_after_s,
)
from vipkeeper.election.transactions import LeaseTerms, renewing_batch
from vipkeeper.election.view import StoreView
from vipkeeper.model.fences import FenceKind

ttls_s = st.floats(SHORTEST_TTL_S, LONGEST_TTL_S)
# The extremes are what the margin is for: chance seldom draws both.
rates = st.sampled_from((1 - RHO, 1 + RHO)) | st.floats(1 - RHO, 1 + RHO)
fences = st.sampled_from(FenceKind)


def kernel_silent_s(ttl_s: float, fence: FenceKind, rate: float) -> float:
    """True seconds from the renewal's sending until the owner's kernel is silent, at the latest."""
    if fence is FenceKind.LIFETIME:
        return lifetime_s(ttl_s, fence) / rate + LIFETIME_LATENESS_S
    return fence_deadline_s(0.0, ttl_s) / rate + FENCE_LATENCY_S[fence]


def rounding_s(ttl_s: float) -> float:
    """What these few additions of floating point numbers may be off by."""
    return 8 * math.ulp(ttl_s + 2)


@given(ttls_s, fences, rates, rates)
def test_the_kernel_is_silent_before_a_claim(
    ttl_s: float, fence: FenceKind, owner_rate: float, challenger_rate: float
) -> None:
    earliest_claim_s = takeover_after_s(ttl_s, fence) / challenger_rate
    assert kernel_silent_s(ttl_s, fence, owner_rate) <= earliest_claim_s + rounding_s(ttl_s)


@given(ttls_s, fences, rates, rates)
def test_an_unknown_lease_is_waited_for_as_well(
    ttl_s: float, fence: FenceKind, owner_rate: float, challenger_rate: float
) -> None:
    lease_max_s = ttl_s  # the tightest case: the owner uses the longest lease that is allowed
    earliest_claim_s = longest_takeover_s(lease_max_s) / challenger_rate
    assert kernel_silent_s(ttl_s, fence, owner_rate) <= earliest_claim_s + rounding_s(ttl_s)


@given(ttls_s, fences, rates)
def test_the_owner_withdraws_before_its_kernel_must(ttl_s: float, fence: FenceKind, sent_at_s: float) -> None:
    assert owner_deadline_s(sent_at_s, ttl_s, fence) < fence_deadline_s(sent_at_s, ttl_s)


@given(st.floats(SHORTEST_TTL_S, 60.0))
def test_others_read_no_shorter_lease_than_is_used(ttl_s: float) -> None:
    settings = settings_of("a", unit("web"), ttl_s=ttl_s)
    view = StoreView(settings.keys, settings.node, settings.incarnation)
    key = settings.keys.lease("a")
    view.wrote(key, renewing_batch(view, settings, LeaseTerms(ttl_s), "s", "").puts[key], 2, 2, 0.0)
    lease = view.lease("a")
    assert lease is not None
    assert ttl_s <= lease.ttl_ms / 1000 < ttl_s + 0.0011


def timing(ttl_s: float, *, lease_max_s: float = 3600.0, **changes: float) -> Timing:
    return replace(derive_timing(ttl_s, lease_max_s, 30.0), **changes)


@given(st.floats(3.3, LONGEST_TTL_S))
def test_derived_times_are_accepted(ttl_s: float) -> None:
    assert judge_timing(timing(ttl_s)) == ()


@given(st.floats(SHORTEST_TTL_S, 3.2))
def test_a_lease_that_no_leader_change_survives_is_a_warning(ttl_s: float) -> None:
    (finding,) = judge_timing(timing(ttl_s))
    assert not finding.fatal
    assert f"a lease of {ttl_s:g} s" in finding.message


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (timing(0.1), "a lease of 0.1 s is outside 0.2 s to 3600 s"),
        (timing(3601.0), "a lease of 3601 s is outside 0.2 s to 3600 s"),
        (timing(10.0, lease_max_s=9.0), "the longest lease (9 s) is shorter than the lease (10 s)"),
        (
            timing(4.0, renew_every_s=3.5),
            "a renewal every 3.5 s leaves 0.487 s of a 4 s lease, less than two attempts of 0.5 s",
        ),
    ],
)
def test_what_is_refused_comes_with_its_numbers(times: Timing, said: str) -> None:
    refusals = [finding.message for finding in judge_timing(times) if finding.fatal]
    assert len(refusals) == 1
    assert said in refusals[0]


def test_without_a_packet_fence_the_failover_time_is_said() -> None:
    (finding,) = judge_timing(timing(4.0), FenceKind.LIFETIME)
    assert not finding.fatal
    assert "a failover takes up to 6.5 s, not 4.0 s" in finding.message
