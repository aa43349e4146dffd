"""From what is held to what the kernel should have: deadlines as given, lifetimes a little longer."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vipkeeper.config.timing_rules import lifetime_s
from vipkeeper.desired.wanted_host import CHEAP_IPV6_COUNT, lifetime, still_stands, wanted_host
from vipkeeper.election.effects import Holding
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import CLOSED_S, ENDLESS, HostState, Lifetime
from vipkeeper.model.vips import Unit, VipAddress

NOW_S = 1000.0
END_S = NOW_S + 2

WEB = VipAddress("192.0.2.1", 32, "eth0")
WEB6 = VipAddress("2001:db8::1", 128, "eth0")
MAIL = VipAddress("192.0.2.2", 32, "eth1")
UNITS = (Unit("web", (WEB, WEB6), 100), Unit("mail", (MAIL,), 100))

PACKET_FENCES = (FenceKind.BPF, FenceKind.NFTABLES)


def wanted(
    holdings: dict[str, Holding], standing: HostState | None = None, fence: FenceKind = FenceKind.BPF
) -> HostState:
    return wanted_host(UNITS, holdings, standing or HostState(), fence, NOW_S)


@pytest.mark.parametrize("fence", PACKET_FENCES)
def test_every_address_of_a_held_unit_is_fenced_to_the_unit_s_deadline(fence: FenceKind) -> None:
    host = wanted({"web": Holding(END_S)}, fence=fence)
    assert host.addresses.keys() == {WEB, WEB6}
    assert host.deadlines == {WEB.address: END_S, WEB6.address: END_S}


def test_without_a_packet_fence_there_are_only_lifetimes() -> None:
    host = wanted({"mail": Holding(END_S)}, fence=FenceKind.LIFETIME)
    assert host == HostState({MAIL: Lifetime(END_S, END_S + 1)})


def test_a_lease_that_is_over_is_not_wanted() -> None:
    assert wanted({"web": Holding(NOW_S), "mail": Holding(END_S)}).addresses.keys() == {MAIL}


def test_an_unknown_unit_is_not_wanted() -> None:
    assert wanted({"other": Holding(END_S)}) == HostState()


@pytest.mark.parametrize("fence", PACKET_FENCES)
def test_without_a_deadline_what_runs_stays_as_it_is(fence: FenceKind) -> None:
    standing = HostState({WEB: Lifetime(END_S, END_S + 1)}, {WEB.address: END_S - 0.5})
    assert wanted({"web": Holding(None)}, standing, fence) == standing


def test_without_a_deadline_what_is_over_goes_and_nothing_is_added() -> None:
    span = Lifetime(END_S, END_S + 1)
    assert wanted({"web": Holding(None)}) == HostState()
    assert wanted({"web": Holding(None)}, HostState({WEB: span}, {WEB.address: CLOSED_S})) == HostState()
    assert wanted({"web": Holding(None)}, HostState({WEB: span})) == HostState()


def test_without_packet_fence_and_deadline_only_what_ends_by_itself_stays() -> None:
    running = HostState({WEB: Lifetime(END_S, END_S + 1)})
    assert wanted({"web": Holding(None)}, running, FenceKind.LIFETIME) == running
    endless = HostState({WEB: ENDLESS})
    assert wanted({"web": Holding(None)}, endless, FenceKind.LIFETIME) == HostState()
    assert not still_stands(WEB, endless, FenceKind.LIFETIME, NOW_S)


@given(
    some.floats(0.2, 3600.0),
    some.floats(0.0, 1.0),
    some.sampled_from(FenceKind),
)
def test_an_address_never_outlives_what_a_challenger_waits_for(
    ttl_s: float, elapsed: float, fence: FenceKind
) -> None:
    sent_at_s = NOW_S
    now_s = sent_at_s + elapsed * ttl_s * 0.999
    span = lifetime(sent_at_s + ttl_s, fence)
    given_s = span.whole_seconds(now_s)
    assert given_s >= 1, "a lease that runs can always be given a lifetime"
    assert now_s + given_s <= sent_at_s + lifetime_s(ttl_s, fence) + 1e-6
    assert now_s + given_s >= sent_at_s + ttl_s - 1e-6, "and does not end before the lease"


@given(some.floats(0.2, 100.0), some.floats(0.0, 50.0), some.sampled_from(FenceKind))
def test_a_lifetime_just_given_needs_no_new_one(ttl_s: float, now_s: float, fence: FenceKind) -> None:
    span = lifetime(now_s + ttl_s, fence)
    end_s = now_s + span.whole_seconds(now_s)
    # Rounding in the last bit is no reason, a real second is.
    assert Lifetime(span.not_before_s - 1e-6, span.not_after_s).covers(Lifetime(end_s, end_s))


def test_many_ipv6_addresses_are_refreshed_less_often() -> None:
    few = lifetime(END_S, FenceKind.BPF, CHEAP_IPV6_COUNT)
    many = lifetime(END_S, FenceKind.BPF, 1000)
    assert few == lifetime(END_S, FenceKind.BPF)
    assert many.not_after_s - many.not_before_s > 20
    vips = tuple(VipAddress(f"2001:db8::{number:x}", 128, "eth0") for number in range(1, 1001))
    host = wanted_host(
        (Unit("many", (*vips, WEB), 100),), {"many": Holding(END_S)}, HostState(), FenceKind.BPF, NOW_S
    )
    assert set(host.addresses.values()) == {many, few}
    assert host.addresses[WEB] == few


def test_an_endless_lifetime_is_never_given() -> None:
    with pytest.raises(ValueError, match="endless"):
        Lifetime(END_S, math.inf).whole_seconds(NOW_S)
