"""IP packets as a capture has them: headers included, perhaps cut, perhaps a fragment.

Rules of this file: a fragment is named and never guessed at; what is no VRRP gives None.
"""

from __future__ import annotations

import ipaddress

import msgspec

from vrrp_compat.wire.advertisement import GROUP_IPV4, PROTOCOL_AH, PROTOCOL_VRRP, Datagram
from vrrp_compat.wire.ipv4_datagram import read_ipv4

_VRRP_FOLLOWS = bytes([PROTOCOL_VRRP])
_IPV6_BYTES = 40
_FRAGMENT_HEADER = 44
# Hop-by-hop options, routing, destination options: each has its successor first, and its length second.
_EXTENSIONS = frozenset({0, 43, 60})


class IpPacket(msgspec.Struct, frozen=True):
    """One packet. `missing`: how many bytes its header promises that are not there."""

    datagram: Datagram
    missing: int = 0
    fragment: bool = False


def read_ip(packet: bytes) -> IpPacket | None:
    """None if it does not begin with a header of IPv4 or IPv6."""
    if packet and packet[0] >> 4 == 6:
        return _read_ipv6(packet)
    datagram = read_ipv4(packet)
    if datagram is None:
        return None
    missing = max(0, int.from_bytes(packet[2:4], "big") - len(packet))
    offset_and_flags = int.from_bytes(packet[6:8], "big")
    return IpPacket(datagram, missing, fragment=bool(offset_and_flags & 0x3FFF))  # all but "don't fragment"


def carries_vrrp(packet: IpPacket) -> bool:
    """Whether it is VRRP, or AH in front of it: AH protects other things too, but not to VRRP's group."""
    datagram = packet.datagram
    if datagram.protocol == PROTOCOL_AH and len(datagram.source) == 4:
        return datagram.destination == GROUP_IPV4 or datagram.payload[:1] == _VRRP_FOLLOWS
    return datagram.protocol == PROTOCOL_VRRP


def address_text(address: bytes) -> str:
    """A packed address as text."""
    return str(ipaddress.ip_address(address))


def _read_ipv6(packet: bytes) -> IpPacket | None:
    if len(packet) < _IPV6_BYTES:
        return None
    length = int.from_bytes(packet[4:6], "big")
    payload = packet[_IPV6_BYTES : _IPV6_BYTES + length]
    missing = length - len(payload)
    following, fragment = packet[6], False
    while following in _EXTENSIONS and len(payload) >= 8:
        following, payload = payload[0], payload[(payload[1] + 1) * 8 :]
    if following == _FRAGMENT_HEADER and len(payload) >= 8:
        following, fragment = payload[0], True
    datagram = Datagram(
        source=packet[8:24], destination=packet[24:40], ttl=packet[7], protocol=following, payload=payload
    )
    return IpPacket(datagram, missing, fragment)
