"""Frames that tell a segment where a VIP is: gratuitous ARP, and neighbour advertisements. Written and read.

Rules of this file: pure; whole Ethernet frames; what a neighbour would ignore says nothing. IPv4 is announced
twice, because neighbours differ in what they take: Linux takes the request at any time, and a reply at any
time only if its target hardware address is the sender's own (the form of RFC 5944 section 4.6). IPv6 needs
the Override flag, or no entry changes.
"""

from __future__ import annotations

import functools
import ipaddress
import struct
from typing import NamedTuple

from vipkeeper.model.vips import VipAddress

ETH_ARP = 0x0806
ETH_IPV6 = 0x86DD
MAC_BYTES = 6

_ETHERNET = struct.Struct("!6s6sH")  # to, from, type
_ARP = struct.Struct("!HHBBH6s4s6s4s")  # RFC 826; for Ethernet and IPv4
_ARP_ETHERNET = 1
_ARP_IPV4 = 0x0800
_ARP_REQUEST = 1
_ARP_REPLY = 2
_EVERYBODY = b"\xff" * MAC_BYTES

_IPV6 = struct.Struct("!IHBB16s16s")  # version, payload length, next header, hop limit, source, destination
_ADVERTISEMENT = struct.Struct("!BBHI16sBB6s")  # RFC 4861 section 4.4, with the option of section 4.6.1
_CHECKSUM_AT = 2
ICMPV6 = 58
NEIGHBOUR_ADVERTISEMENT = 136
_ROUTER = 0x80000000
_OVERRIDE = 0x20000000
_TARGET_LINK_LAYER_ADDRESS = 2
_ON_LINK = 255  # the hop limit that no router can have forwarded; all others are ignored (section 7.1.2)
_ALL_NODES = ipaddress.IPv6Address("ff02::1").packed
_ALL_NODES_MAC = b"\x33\x33" + _ALL_NODES[12:]  # RFC 2464 section 7

# Offsets in a frame.
SOURCE_MAC_AT = 6
ARP_SENDER_ADDRESS_AT = 28
IPV6_NEXT_HEADER_AT = 20
ICMPV6_TYPE_AT = 54
ADVERTISED_ADDRESS_AT = 62


class Claim(NamedTuple):
    """A frame says that `address` (4 or 16 bytes) is at `mac`."""

    address: bytes
    mac: bytes


def announcements(vip: VipAddress, mac: bytes, *, router: bool = False) -> tuple[bytes, ...]:
    """The frames that announce `vip` at `mac`; none for a link whose address is not an Ethernet address.

    `router`: this host forwards IPv6. Hosts that use the VIP as their gateway drop it from their list of
    routers when an advertisement says otherwise (RFC 4861 section 7.2.5).
    """
    if len(mac) != MAC_BYTES:
        return ()
    address = address_bytes(vip.address)
    if vip.version == 6:
        return (_neighbour_advertisement(address, mac, _OVERRIDE | (_ROUTER if router else 0)),)
    return (
        _gratuitous_arp(_ARP_REQUEST, address, mac, target_mac=bytes(MAC_BYTES)),
        _gratuitous_arp(_ARP_REPLY, address, mac, target_mac=mac),
    )


def read_claim(frame: bytes) -> Claim | None:
    """What an ARP packet says of its sender, or a neighbour advertisement of its target; else None."""
    if len(frame) < _ETHERNET.size:
        return None
    _, source_mac, ether_type = _ETHERNET.unpack_from(frame)
    if ether_type == ETH_ARP and len(frame) >= _ETHERNET.size + _ARP.size:
        *form, operation, mac, address, _, _ = _ARP.unpack_from(frame, _ETHERNET.size)
        known = form == [_ARP_ETHERNET, _ARP_IPV4, MAC_BYTES, 4] and operation in (_ARP_REQUEST, _ARP_REPLY)
        return Claim(address, mac) if known else None
    if ether_type == ETH_IPV6 and len(frame) >= ADVERTISED_ADDRESS_AT + 16:
        _, payload_bytes, next_header, hop_limit, _, _ = _IPV6.unpack_from(frame, _ETHERNET.size)
        if (next_header, hop_limit, frame[ICMPV6_TYPE_AT]) != (ICMPV6, _ON_LINK, NEIGHBOUR_ADVERTISEMENT):
            return None
        options = frame[ADVERTISED_ADDRESS_AT + 16 : ICMPV6_TYPE_AT + payload_bytes]
        return Claim(
            frame[ADVERTISED_ADDRESS_AT : ADVERTISED_ADDRESS_AT + 16], _advertised_mac(options) or source_mac
        )
    return None


def _advertised_mac(options: bytes) -> bytes | None:
    """The first target link-layer address among the options (RFC 4861 section 4.6)."""
    while len(options) >= 8 and (length := options[1] * 8):
        if options[0] == _TARGET_LINK_LAYER_ADDRESS:
            return options[2 : 2 + MAC_BYTES]
        options = options[length:]
    return None


@functools.lru_cache(maxsize=8192)
def address_bytes(address: str) -> bytes:
    """An address text as 4 or 16 bytes."""
    return ipaddress.ip_address(address).packed


def _gratuitous_arp(operation: int, address: bytes, mac: bytes, *, target_mac: bytes) -> bytes:
    return _ETHERNET.pack(_EVERYBODY, mac, ETH_ARP) + _ARP.pack(
        _ARP_ETHERNET, _ARP_IPV4, MAC_BYTES, 4, operation, mac, address, target_mac, address
    )


def _neighbour_advertisement(address: bytes, mac: bytes, flags: int) -> bytes:
    option_units = 1  # of 8 bytes
    message = bytearray(
        _ADVERTISEMENT.pack(
            NEIGHBOUR_ADVERTISEMENT, 0, 0, flags, address, _TARGET_LINK_LAYER_ADDRESS, option_units, mac
        )
    )
    pseudo_header = address + _ALL_NODES + struct.pack("!II", len(message), ICMPV6)
    struct.pack_into("!H", message, _CHECKSUM_AT, _internet_checksum(pseudo_header + message))
    header = _IPV6.pack(6 << 28, len(message), ICMPV6, _ON_LINK, address, _ALL_NODES)
    return _ETHERNET.pack(_ALL_NODES_MAC, mac, ETH_IPV6) + header + message


def _internet_checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
