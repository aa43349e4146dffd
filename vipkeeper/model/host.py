"""What a host has in its kernel, or should have: virtual addresses, and the fence before them.

Rules of this file: plain values; wanted and observed are the same type; every instant is CLOCK_BOOTTIME in
seconds. An address is named by its text in the fence (one deadline whatever the interface or prefix is),
because Linux answers for a local address on any interface.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from vipkeeper.model.address_options import AddressOptions
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.vips import VipAddress

# A deadline of zero has passed on every clock: the kernel answers for nothing behind it.
CLOSED_S = 0.0


class Lifetime(NamedTuple):
    """When an address goes by itself. Wanted: the range that will do. Observed: the range that is known."""

    not_before_s: float
    not_after_s: float

    def whole_seconds(self, now_s: float) -> int:
        """The longest lifetime that can be given now: the kernel counts whole seconds. Below 1: too late."""
        if self.not_after_s == math.inf:
            raise ValueError("a virtual address is never given an endless lifetime")
        return math.floor(self.not_after_s - now_s)

    def covers(self, known: Lifetime) -> bool:
        """Whether an address known to go within `known` needs no new lifetime."""
        return self.not_before_s <= known.not_before_s and known.not_after_s <= self.not_after_s


ENDLESS = Lifetime(math.inf, math.inf)


class HostState(msgspec.Struct, frozen=True):
    """Our addresses, and the end of each fenced address's lease. An address without entry is not fenced.

    `options` has those addresses alone that are not plain.
    """

    addresses: Mapping[VipAddress, Lifetime] = msgspec.field(default_factory=dict)
    deadlines: Mapping[str, float] = msgspec.field(default_factory=dict)  # address text -> instant
    options: Mapping[VipAddress, AddressOptions] = msgspec.field(default_factory=dict)

    def options_of(self, vips: Iterable[VipAddress]) -> dict[VipAddress, AddressOptions]:
        """Those of these that are not plain."""
        return {vip: self.options[vip] for vip in vips if vip in self.options}


class HostReading(msgspec.Struct, frozen=True):
    """One fresh reading of the kernel."""

    state: HostState
    foreign: frozenset[VipAddress] = frozenset()  # addresses that are not ours; those on lo left out


class Link(msgspec.Struct, frozen=True):
    """One interface as the kernel shows it."""

    name: str
    index: int
    mac: bytes
    up: bool  # up and with carrier: it can send
    resolves: bool  # it answers ARP or neighbour solicitations for addresses of this host
    port: bool  # of a bridge, bond or team, which passes on what the host itself receives


class FenceInForce(msgspec.Struct, frozen=True):
    """Which fence holds, and why none of the stronger ones does."""

    kind: FenceKind
    note: str = ""
