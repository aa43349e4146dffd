"""A plan leads from any host to the wanted one, and may be stopped anywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from tests.changes.prefix_safety import NOW_S, carried_out, dangers
from vipkeeper.changes.change_kinds import (
    AddAddresses,
    ForgetDeadlines,
    RefreshAddresses,
    RemoveAddresses,
    SetDeadlines,
)
from vipkeeper.changes.plan import plan
from vipkeeper.desired.wanted_host import lifetime
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import CLOSED_S, ENDLESS, HostState, Lifetime
from vipkeeper.model.vips import VipAddress

WEB = VipAddress("192.0.2.1", 32, "eth0")
WEB_WIDE = VipAddress("192.0.2.1", 24, "eth0")  # as it would be with another prefix configured
MAIL = VipAddress("192.0.2.2", 32, "eth0")
NEWS = VipAddress("2001:db8::1", 128, "eth1")
POOL = (WEB, WEB_WIDE, MAIL, NEWS, VipAddress("192.0.2.3", 32, "eth1"))

SOON_S = NOW_S + 2
LATER_S = NOW_S + 4


def held(deadline_s: float, *vips: VipAddress) -> HostState:
    """A host that serves these until then, just refreshed."""
    return HostState(
        {vip: lifetime(deadline_s, FenceKind.BPF) for vip in vips},
        {vip.address: deadline_s for vip in vips},
    )


NOTHING = HostState()

instants = some.floats(NOW_S - 5, NOW_S + 10)


@some.composite
def wanted_hosts(draw: some.DrawFn, kind: FenceKind = FenceKind.BPF) -> HostState:
    ends = draw(some.dictionaries(some.sampled_from(POOL), some.floats(NOW_S + 1, NOW_S + 10)))
    by_text = {vip.address: end for vip, end in ends.items()}
    deadlines = {} if kind is FenceKind.LIFETIME else by_text
    return HostState({vip: lifetime(by_text[vip.address], kind) for vip in ends}, deadlines)


@some.composite
def found_hosts(draw: some.DrawFn) -> HostState:
    """Whatever an earlier process or other people may have left."""
    known = some.one_of(
        some.just(ENDLESS),
        instants.map(lambda end: Lifetime(end - 1, end)),
    )
    addresses = draw(some.dictionaries(some.sampled_from(POOL), known))
    texts = some.sampled_from([vip.address for vip in POOL])
    deadlines = draw(some.dictionaries(texts, some.one_of(some.just(CLOSED_S), instants)))
    return HostState(addresses, deadlines)


def test_an_address_is_fenced_before_it_is_added() -> None:
    assert [type(change) for change in plan(held(SOON_S, WEB), NOTHING, fenced=True)] == [
        SetDeadlines,
        AddAddresses,
    ]


def test_an_address_that_leaves_is_closed_first_and_its_entry_outlives_it() -> None:
    first = plan(NOTHING, held(SOON_S, WEB), fenced=True)
    assert first == (SetDeadlines({WEB.address: CLOSED_S}), RemoveAddresses((WEB,)))
    left = carried_out(first, held(SOON_S, WEB))
    assert plan(NOTHING, left, fenced=True) == (ForgetDeadlines((WEB.address,)),)


def test_a_renewal_moves_deadlines_and_nothing_else_until_a_lifetime_runs_short() -> None:
    standing = carried_out(plan(held(SOON_S, WEB, NEWS), NOTHING, fenced=True), NOTHING)
    assert plan(held(SOON_S + 0.5, WEB, NEWS), standing, fenced=True) == (
        SetDeadlines({WEB.address: SOON_S + 0.5, NEWS.address: SOON_S + 0.5}),
    )
    much_later = plan(held(SOON_S + 2.5, WEB, NEWS), standing, fenced=True)
    assert [type(change) for change in much_later] == [SetDeadlines, RefreshAddresses]


def test_a_shorter_lease_lowers_deadline_and_lifetime() -> None:
    assert plan(held(SOON_S, WEB), held(LATER_S, WEB), fenced=True) == (
        SetDeadlines({WEB.address: SOON_S}),
        RefreshAddresses({WEB: lifetime(SOON_S, FenceKind.BPF)}),
    )


def test_what_ends_is_written_before_what_goes_on() -> None:
    (change, *_) = plan(held(LATER_S, MAIL), held(SOON_S, MAIL, WEB), fenced=True)
    assert isinstance(change, SetDeadlines)
    assert list(change.deadlines) == [WEB.address, MAIL.address]


def test_another_prefix_for_a_held_address_never_closes_it() -> None:
    changes = plan(held(SOON_S, WEB_WIDE), held(SOON_S, WEB), fenced=True)
    assert [type(change) for change in changes] == [RemoveAddresses, AddAddresses]


def test_without_a_packet_fence_only_addresses_change() -> None:
    wanted = HostState({WEB: lifetime(SOON_S, FenceKind.LIFETIME)})
    left = carried_out(plan(wanted, NOTHING, fenced=False), NOTHING)
    assert plan(wanted, left, fenced=False) == ()
    assert plan(NOTHING, left, fenced=False) == (RemoveAddresses((WEB,)),)


@given(wanted_hosts(), found_hosts(), some.frozensets(some.sampled_from(POOL)))
def test_every_beginning_of_a_plan_is_safe(
    wanted: HostState, found: HostState, refusing: frozenset[VipAddress]
) -> None:
    changes = plan(wanted, found, fenced=True)
    assert dangers(changes, found, wanted.deadlines, refusing=refusing) == []


@given(wanted_hosts(), found_hosts())
def test_a_plan_leads_to_the_wanted_host(wanted: HostState, found: HostState) -> None:
    state = carried_out(plan(wanted, found, fenced=True), found)
    assert state.addresses.keys() == wanted.addresses.keys()
    assert wanted.deadlines.items() <= state.deadlines.items()
    # What is left to do after a fresh reading is to forget what is gone.
    rest = plan(wanted, state, fenced=True)
    assert all(isinstance(change, ForgetDeadlines) for change in rest)
    state = carried_out(rest, state)
    assert state.deadlines == wanted.deadlines
    assert plan(wanted, state, fenced=True) == ()


@given(wanted_hosts(FenceKind.LIFETIME), found_hosts())
def test_lifetimes_alone_lead_to_the_wanted_host(wanted: HostState, found: HostState) -> None:
    start = HostState(found.addresses)
    state = carried_out(plan(wanted, start, fenced=False), start)
    assert state.addresses.keys() == wanted.addresses.keys()
    assert all(wanted.addresses[vip].covers(span) for vip, span in state.addresses.items())
    assert plan(wanted, state, fenced=False) == ()


def test_the_judge_catches_an_address_that_is_added_before_its_fence() -> None:
    fence, add = plan(held(SOON_S, WEB), NOTHING, fenced=True)
    assert dangers((add, fence), NOTHING, {WEB.address: SOON_S}) == [f"step 1: {WEB} is not fenced"]


def test_the_judge_catches_a_removal_before_the_fence_is_closed() -> None:
    observed = held(SOON_S, WEB)
    close, remove = plan(NOTHING, observed, fenced=True)
    assert dangers((remove, close), observed, {}, refusing=frozenset({WEB})) == [
        f"step 1: {WEB} is answered for beyond its lease"
    ]


def test_the_judge_catches_an_entry_that_is_forgotten_too_early() -> None:
    observed = held(SOON_S, WEB)
    close, remove = plan(NOTHING, observed, fenced=True)
    forget = ForgetDeadlines((WEB.address,))
    assert dangers((close, forget, remove), observed, {}) == [f"step 2: {WEB} is not fenced"]


def test_the_judge_catches_a_lease_that_is_lowered_late() -> None:
    observed = held(LATER_S, WEB)
    lower, refresh = plan(held(SOON_S, WEB), observed, fenced=True)
    assert dangers((refresh, lower), observed, {WEB.address: SOON_S}) == [
        f"step 1: {WEB} is answered for beyond its lease"
    ]
