"""The ordered difference between what a host should have and what it has.

Rules of this file: pure. Whoever carries a plan out may stop, or be stopped, after any step and leave a safe
host behind: no address of ours stands without its fence entry, and no entry runs longer than its lease.
Hence the order:

1. deadlines: those that end first, then those that grow; an address is fenced before it is added
2. removals: their fence is closed by then, so the kernel answers for none of them meanwhile. What only has
   to look otherwise (a label) is removed and added again, behind a fence that stays open
3. additions
4. new lifetimes: the second layer, needed last
5. entries of addresses that were already gone when the host was read; those removed by this very plan
   keep theirs until a fresh reading shows that they are gone
"""

from __future__ import annotations

from vipkeeper.changes.change_kinds import (
    AddAddresses,
    Change,
    ForgetDeadlines,
    RefreshAddresses,
    RemoveAddresses,
    SetDeadlines,
)
from vipkeeper.model.address_options import PLAIN
from vipkeeper.model.host import CLOSED_S, HostState, Lifetime
from vipkeeper.model.vips import VipAddress


def plan(wanted: HostState, observed: HostState, *, fenced: bool) -> tuple[Change, ...]:
    """Changes that lead from `observed` to `wanted`; empty when nothing differs.

    `fenced`: a packet fence is in force. Without one the addresses' lifetimes are all there is, and
    both states have no deadlines.
    """
    changes: list[Change] = []
    if fenced:
        deadlines = _deadlines(wanted, observed)
        if deadlines:
            changes.append(SetDeadlines(deadlines))
    restyled = _restyled(wanted, observed)
    leaving = tuple(vip for vip in observed.addresses if vip not in wanted.addresses or vip in restyled)
    if leaving:
        changes.append(RemoveAddresses(leaving, observed.options_of(leaving)))
    missing: dict[VipAddress, Lifetime] = {}
    stale: dict[VipAddress, Lifetime] = {}
    for vip, span in wanted.addresses.items():
        known = observed.addresses.get(vip)
        if known is None or vip in restyled:
            missing[vip] = span
        elif not span.covers(known):
            stale[vip] = span
    if missing:
        changes.append(AddAddresses(missing, wanted.options_of(missing)))
    if stale:
        changes.append(RefreshAddresses(stale, wanted.options_of(stale)))
    gone = _gone(wanted, observed)
    if gone:
        changes.append(ForgetDeadlines(gone))
    return tuple(changes)


def _restyled(wanted: HostState, observed: HostState) -> frozenset[VipAddress]:
    """Addresses that stay, and have to look otherwise: the kernel changes none of that in place."""
    if wanted.options == observed.options:
        return frozenset()
    looking = (wanted.options.keys() | observed.options.keys()) & wanted.addresses.keys()
    return frozenset(
        vip
        for vip in looking & observed.addresses.keys()
        if wanted.options.get(vip, PLAIN) != observed.options.get(vip, PLAIN)
    )


def _deadlines(wanted: HostState, observed: HostState) -> dict[str, float]:
    """Entries to write: closed ones first, for a write of many is not one instant."""
    standing = observed.deadlines
    closing = {
        vip.address: CLOSED_S
        for vip in observed.addresses
        if vip.address not in wanted.deadlines and standing.get(vip.address) != CLOSED_S
    }
    running = {text: end for text, end in wanted.deadlines.items() if standing.get(text) != end}
    return {**closing, **running} if closing else running


def _gone(wanted: HostState, observed: HostState) -> tuple[str, ...]:
    if observed.deadlines.keys() <= wanted.deadlines.keys():
        return ()
    standing = {vip.address for vip in observed.addresses}
    return tuple(text for text in observed.deadlines if text not in wanted.deadlines and text not in standing)
