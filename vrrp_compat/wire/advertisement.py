"""What VRRP routers say to each other, and what it travels in.

Rules of this file: plain values, no IO; an address is packed (4 or 16 bytes), because that is how it is
compared, summed and sent; an interval is in centiseconds in both versions.
"""

from __future__ import annotations

import ipaddress

import msgspec

PROTOCOL_VRRP = 112
PROTOCOL_AH = 51

GROUP_IPV4 = ipaddress.IPv4Address("224.0.0.18").packed
GROUP_IPV6 = ipaddress.IPv6Address("ff02::12").packed

# RFC 9568 5.1.1.3: nobody further away than the segment can send this.
FULL_TTL = 255

PRIORITY_LEAVING = 0  # the master is going: backups wait for their skew time alone
PRIORITY_OWNER = 255  # RFC 9568 5.2.4: the router that owns the addresses


class Advertisement(msgspec.Struct, frozen=True):
    """One advertisement. In version 2 `interval_cs` is a multiple of 100: the wire has whole seconds."""

    version: int  # 2 or 3
    vrid: int  # 1-255
    priority: int  # 0-255
    interval_cs: int
    addresses: tuple[bytes, ...] = ()


class Datagram(msgspec.Struct, frozen=True):
    """One IP datagram as a raw socket gives it, IPv4 and IPv6 alike.

    `payload` is what follows the IP header: the VRRP message, or AH and then the message. `header` is the
    whole IPv4 header as received, which AH's check value covers; it is empty for IPv6.
    """

    source: bytes
    destination: bytes
    ttl: int  # or hop limit
    protocol: int  # 112, or 51 with AH
    payload: bytes
    header: bytes = b""
