"""What one virtual router expects of its neighbours' advertisements.

Rules of this file: values alone; the defaults are what the RFC in force asks (RFC 9568), and where it leaves
a choice, what lets keepalived and FRR be neighbours.
"""

from __future__ import annotations

import enum

import msgspec

from vrrp_compat.wire.advertisement import GROUP_IPV4
from vrrp_compat.wire.authentication import NO_AUTHENTICATION, Authentication
from vrrp_compat.wire.checksum import ANY_RULE, ChecksumRule


class AddressPolicy(enum.Enum):
    """What becomes of an advertisement with other addresses than ours."""

    LOG = "log"  # RFC 9568 7.1, keepalived since 2.3.3, FRR
    DROP = "drop"  # RFC 3768 7.1 (but for an address owner's), keepalived before


class Expectation(msgspec.Struct, frozen=True):
    """One virtual router, as a receiver. `address_bytes` (4 or 16) says the family."""

    version: int
    vrid: int
    addresses: tuple[bytes, ...]
    group: bytes | None = GROUP_IPV4  # the multicast group it listens to; None: unicast
    address_bytes: int = 4
    interval_cs: int = 100  # version 2: everybody's. Version 3 learns the master's.
    authentication: Authentication = NO_AUTHENTICATION
    address_policy: AddressPolicy = AddressPolicy.LOG
    checksums: frozenset[ChecksumRule] = ANY_RULE
    sources: frozenset[bytes] = frozenset()  # who may send; empty: anybody
    least_ttl: int = 0  # of unicast; by multicast always 255
    # keepalived sends and takes version 2 with no address at all.
    without_addresses: bool = False
