"""From what the election holds to what this host's kernel should have.

Rules of this file: pure. Every address gets a lifetime that outlives its deadline by a slack: the kernel then
cleans up after a killed agent, and where there is no packet fence the lifetime is the fence.

How the slack follows from `config/timing_rules.py`: an address must be gone `lifetime_s(ttl)` seconds after
the renewal was sent (the kernel may be 1.5 s late, which a challenger adds). A deadline is `sent + ttl`, and
`lifetime_s` is `ceil(ttl) + 1` without a packet fence and `ceil(ttl) + 2` with one, so `deadline + 1` and
`deadline + 2` are never later than that. The kernel counts whole seconds, so a range must be at least one
second wide: without a packet fence it is [deadline, deadline + 1].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from vipkeeper.election.effects import Holding
from vipkeeper.model.address_options import PLAIN, AddressOptions
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import HostState, Lifetime
from vipkeeper.model.vips import Unit, VipAddress

LIFETIME_SLACK_S = 1.0
FENCED_SLACK_S = 2.0

# A new lifetime for n IPv6 addresses costs time quadratic in n (287 ms for 1000, measured), while 200 take
# about 12 ms. Beyond that number each one adds this much slack, so that they are refreshed less often.
CHEAP_IPV6_COUNT = 200
SLACK_PER_IPV6_S = 0.05

# Behind a packet fence an address is refreshed when a quarter of its slack is left.
LEAST_SLACK_LEFT = 0.25


_NO_OPTIONS: Mapping[str, AddressOptions] = {}


def wanted_host(
    units: Iterable[Unit],
    holdings: Mapping[str, Holding],
    standing: HostState,
    fence: FenceKind,
    now_s: float,
    *,
    options: Mapping[str, AddressOptions] = _NO_OPTIONS,
) -> HostState:
    """What the kernel should have for `holdings` (by unit name); `options` by the text of an address.

    A holding without a deadline keeps what stands, as it is and as long as its own deadline runs, and adds
    nothing. A holding whose deadline has passed is not wanted at all.
    """
    held = [
        (unit, holding)
        for unit in units
        if (holding := holdings.get(unit.name)) is not None
        and (holding.deadline_s is None or holding.deadline_s > now_s)
    ]
    ipv6_count = sum(vip.version == 6 for unit, _ in held for vip in unit.addresses)
    addresses: dict[VipAddress, Lifetime] = {}
    deadlines: dict[str, float] = {}
    looks: dict[VipAddress, AddressOptions] = {}
    for unit, holding in held:
        end = holding.deadline_s
        for vip in unit.addresses:
            if end is not None:
                addresses[vip] = lifetime(end, fence, ipv6_count if vip.version == 6 else 0)
                deadlines[vip.address] = end
                look = options.get(vip.address, PLAIN)
            elif still_stands(vip, standing, fence, now_s):
                addresses[vip] = standing.addresses[vip]
                look = standing.options.get(vip, PLAIN)
                if fence is not FenceKind.LIFETIME:
                    deadlines[vip.address] = standing.deadlines[vip.address]
            else:
                continue
            if look != PLAIN:
                looks[vip] = look
    return HostState(addresses, {} if fence is FenceKind.LIFETIME else deadlines, looks)


def answers_until_s(vip: VipAddress, standing: HostState, fence: FenceKind) -> float:
    """When the kernel stops answering for an address that stands, at the earliest."""
    if fence is FenceKind.LIFETIME:
        return standing.addresses[vip].not_before_s - LIFETIME_SLACK_S
    return standing.deadlines[vip.address]


def served_until_s(
    vip: VipAddress,
    units: Iterable[Unit],
    holdings: Mapping[str, Holding],
    standing: HostState,
    fence: FenceKind,
) -> float:
    """The end of the lease that this node may answer for `vip` by; 0 if there is none."""
    if fence is not FenceKind.LIFETIME:
        return standing.deadlines.get(vip.address, 0.0)
    held = (holdings[unit.name] for unit in units if vip in unit.addresses and unit.name in holdings)
    return max((one.deadline_s for one in held if one.deadline_s is not None), default=0.0)


def still_stands(vip: VipAddress, standing: HostState, fence: FenceKind, now_s: float) -> bool:
    """Whether `vip` is in the kernel and something there will end its lease without us."""
    span = standing.addresses.get(vip)
    if span is None:
        return False
    if fence is FenceKind.LIFETIME:
        return now_s < span.not_after_s < float("inf")
    return standing.deadlines.get(vip.address, 0.0) > now_s


@lru_cache(maxsize=16)
def lifetime(deadline_s: float, fence: FenceKind, ipv6_count: int = 0) -> Lifetime:
    """When an address whose lease ends at `deadline_s` may go by itself. One node has one deadline."""
    if fence is FenceKind.LIFETIME:
        return Lifetime(deadline_s, deadline_s + LIFETIME_SLACK_S)
    slack = FENCED_SLACK_S + SLACK_PER_IPV6_S * max(0, ipv6_count - CHEAP_IPV6_COUNT)
    return Lifetime(deadline_s + LEAST_SLACK_LEFT * slack, deadline_s + slack)
