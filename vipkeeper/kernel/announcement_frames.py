"""Frames that tell a segment where a VIP is: gratuitous ARP, and unsolicited neighbour advertisements.

Rules of this file: pure; whole Ethernet frames. IPv4 is announced twice, because neighbours differ in what
they take: Linux takes the request at any time, and a reply at any time only if its target hardware address
is the sender's own (the form of RFC 5944 section 4.6). IPv6 needs the Override flag, or no entry changes.
"""

from __future__ import annotations

import functools
import ipaddress
import struct

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
_ICMPV6 = 58
_NEIGHBOUR_ADVERTISEMENT = 136
_OVERRIDE = 0x20000000
_TARGET_LINK_LAYER_ADDRESS = 2
_ON_LINK = 255  # the hop limit that no router can have forwarded; all others are ignored (section 7.1.2)
_ALL_NODES = ipaddress.IPv6Address("ff02::1").packed
_ALL_NODES_MAC = b"\x33\x33" + _ALL_NODES[12:]  # RFC 2464 section 7


def announcements(vip: VipAddress, mac: bytes) -> tuple[bytes, ...]:
    """The frames that announce `vip` at `mac`; none for a link whose address is not an Ethernet address."""
    if len(mac) != MAC_BYTES:
        return ()
    address = address_bytes(vip.address)
    if vip.version == 6:
        return (_neighbour_advertisement(address, mac),)
    return (
        _gratuitous_arp(_ARP_REQUEST, address, mac, target_mac=bytes(MAC_BYTES)),
        _gratuitous_arp(_ARP_REPLY, address, mac, target_mac=mac),
    )


@functools.lru_cache(maxsize=8192)
def address_bytes(address: str) -> bytes:
    """An address text as 4 or 16 bytes."""
    return ipaddress.ip_address(address).packed


def _gratuitous_arp(operation: int, address: bytes, mac: bytes, *, target_mac: bytes) -> bytes:
    return _ETHERNET.pack(_EVERYBODY, mac, ETH_ARP) + _ARP.pack(
        _ARP_ETHERNET, _ARP_IPV4, MAC_BYTES, 4, operation, mac, address, target_mac, address
    )


def _neighbour_advertisement(address: bytes, mac: bytes) -> bytes:
    option_units = 1  # of 8 bytes
    message = bytearray(
        _ADVERTISEMENT.pack(
            _NEIGHBOUR_ADVERTISEMENT, 0, 0, _OVERRIDE, address, _TARGET_LINK_LAYER_ADDRESS, option_units, mac
        )
    )
    pseudo_header = address + _ALL_NODES + struct.pack("!II", len(message), _ICMPV6)
    struct.pack_into("!H", message, _CHECKSUM_AT, _internet_checksum(pseudo_header + message))
    header = _IPV6.pack(6 << 28, len(message), _ICMPV6, _ON_LINK, address, _ALL_NODES)
    return _ETHERNET.pack(_ALL_NODES_MAC, mac, ETH_IPV6) + header + message


def _internet_checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
