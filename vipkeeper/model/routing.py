"""Routes, routing rules and addresses that go with what a node serves, or that it has while the agent runs.

Rules of this file: plain values in canonical text; what is not said is empty or None, and then the kernel
decides. Wanted and observed are the same types: `fulfils` tells whether what was found is what was meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from vipkeeper.model.address_options import AddressOptions
from vipkeeper.model.vips import VipAddress

MAIN_TABLE = 254
LOCAL_TABLE = 255
# IPv6 routes without a metric get this one.
IPV6_METRIC = 1024


class NextHop(msgspec.Struct, frozen=True):
    """One way to a destination. `via` may be of the other family (RFC 5549)."""

    via: str = ""
    interface: str = ""
    weight: int = 1
    onlink: bool = False


class Route(msgspec.Struct, frozen=True):
    """One route. `kind` is the word of `ip route`: unicast, blackhole, throw, ..."""

    destination: str  # with prefix length
    version: int
    kind: str = "unicast"
    table: int = MAIN_TABLE
    metric: int | None = None
    tos: int = 0
    scope: int | None = None
    source: str = ""  # preferred source address
    from_: str = ""  # IPv6: for packets from this prefix
    hops: tuple[NextHop, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()  # mtu, advmss, ...: sorted
    preference: int | None = None  # IPv6 router preference

    def __str__(self) -> str:
        ways = " ".join(
            f"{f'via {hop.via} ' if hop.via else ''}{f'dev {hop.interface}' if hop.interface else ''}".strip()
            for hop in self.hops
        )
        head = self.destination if self.kind == "unicast" else f"{self.kind} {self.destination}"
        table = "" if self.table == MAIN_TABLE else f"table {self.table}"
        return " ".join(part for part in (head, ways, table) if part)


class Rule(msgspec.Struct, frozen=True):
    """One routing rule. `action` is the word of `ip rule`: lookup, goto, blackhole, ..."""

    version: int
    action: str = "lookup"
    table: int = 0
    goto: int = 0
    priority: int | None = None
    inverted: bool = False
    from_: str = ""
    to: str = ""
    tos: int = 0
    fwmark: int = 0
    fwmask: int | None = None
    iif: str = ""
    oif: str = ""
    l3mdev: bool = False
    uids: tuple[int, int] | None = None
    ip_protocol: int = 0
    source_ports: tuple[int, int] | None = None
    target_ports: tuple[int, int] | None = None
    tunnel: int = 0
    realm: int = 0
    suppress_length: int | None = None
    suppress_group: int | None = None

    def __str__(self) -> str:
        known = [("from", self.from_), ("to", self.to), ("fwmark", self.fwmark), ("iif", self.iif)]
        known += [("oif", self.oif), ("priority", self.priority), ("table", self.table)]
        shown = " ".join(f"{word} {value}" for word, value in known if value)
        return shown if self.action == "lookup" else f"{shown} {self.action}".strip()


class StaticAddress(msgspec.Struct, frozen=True):
    """An address without a lease. `flags` as in linux/if_addr.h; `preferred_s` None: for ever."""

    vip: VipAddress
    options: AddressOptions = AddressOptions()
    flags: int = 0
    preferred_s: int | None = None

    def __str__(self) -> str:
        return str(self.vip)


class Routing(msgspec.Struct, frozen=True):
    """What of ours there is, or should be, in this order: a rule may name a table, a route an address."""

    addresses: tuple[StaticAddress, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()


Entry = StaticAddress | Route | Rule
_Some = TypeVar("_Some", StaticAddress, Route, Rule)


def fulfils(found: Entry, wanted: Entry) -> bool:
    """Whether this, read from the kernel, is what was wanted, the kernel having filled in the rest."""
    match found, wanted:
        case Route(), Route():
            return _route_as_found(wanted, found) == found
        case Rule(), Rule():
            filled = msgspec.structs.replace(wanted, priority=found.priority)
            return (filled if wanted.priority is None else wanted) == found
        case StaticAddress(), StaticAddress():
            # How long it is preferred runs down.
            return msgspec.structs.replace(found, preferred_s=None) == msgspec.structs.replace(
                wanted, preferred_s=None
            )
    return False


def difference(
    wanted: Iterable[_Some], found: Iterable[_Some]
) -> tuple[tuple[_Some, ...], tuple[_Some, ...]]:
    """Those wanted that nothing found fulfils, and those found that fulfil nothing, the last first.

    Each found one fulfils one. Only those of one destination are compared with each other.
    """
    left: dict[tuple[object, ...], list[_Some]] = {}
    for each in found:
        left.setdefault(_place(each), []).append(each)
    lacking = []
    for one in wanted:
        near = left.get(_place(one), [])
        match = next((each for each in near if fulfils(each, one)), None)
        if match is None:
            lacking.append(one)
        else:
            near.remove(match)
    spare = [each for near in left.values() for each in near]
    return tuple(lacking), tuple(reversed(spare))


def _place(entry: Entry) -> tuple[object, ...]:
    match entry:
        case Route():
            return (entry.destination, entry.table)
        case Rule():
            return (entry.from_, entry.to, entry.table)
        case StaticAddress():
            return (entry.vip,)


def _route_as_found(wanted: Route, found: Route) -> Route:
    """The wanted one with what the kernel decided where nothing was said."""
    hops = wanted.hops
    if len(hops) == len(found.hops):
        hops = tuple(_hop_as_found(*pair) for pair in zip(hops, found.hops, strict=True))
    metric = wanted.metric
    if wanted.version == 6:
        metric = metric or IPV6_METRIC
        if wanted.kind != "unicast":
            hops = found.hops  # the kernel puts the loopback interface there
    return msgspec.structs.replace(
        wanted,
        hops=hops,
        metric=metric or None,
        scope=found.scope if wanted.scope is None or wanted.version == 6 else wanted.scope,
        preference=found.preference if wanted.preference is None else wanted.preference,
        limits=wanted.limits,
    )


def _hop_as_found(wanted: NextHop, found: NextHop) -> NextHop:
    return msgspec.structs.replace(wanted, interface=wanted.interface or found.interface)
