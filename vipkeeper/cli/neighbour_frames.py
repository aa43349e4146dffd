"""ARP and neighbour discovery as a bystander reads them: who asks for an address, and who says he has it.

Rules of this file: pure; whole Ethernet frames; the kinds are what `vipkeeper sniff` prints, and a contract.
"""

from __future__ import annotations

import ipaddress
import struct

import msgspec

ETH_ARP, ETH_IPV6 = 0x0806, 0x86DD
_ETHERNET_BYTES = 14
_ARP = struct.Struct("!HHBBH6s4s6s4s")  # RFC 826; for Ethernet and IPv4
_ARP_FORM = (1, 0x0800, 6, 4)
_REQUEST, _REPLY = 1, 2
_NOBODY = bytes(4)

_ICMPV6 = 58
_SOLICITATION, _ADVERTISEMENT = 135, 136
_ICMPV6_AT, _TARGET_AT, _OPTIONS_AT = 54, 62, 78
_SOLICITED = 0x40
_ON_LINK = 255  # RFC 4861 7.1: everything else is ignored, because a router may have forwarded it
_SOURCE_MAC, _TARGET_MAC = 1, 2  # options


class Claim(msgspec.Struct, frozen=True):
    """`address` is at `mac`. `asker`: to whom that was the answer."""

    address: str
    mac: str
    asker: str | None = None


class NeighbourFrame(msgspec.Struct, frozen=True):
    """`asked`: the address that it asks for. A frame may ask for one address and claim another."""

    kind: str  # arp-request, arp-probe, arp-reply, arp-announce, ns, na, na-announce
    sender_mac: str
    sender: str | None = None
    asked: str | None = None
    claim: Claim | None = None
    reason: str | None = None  # why everybody ignores it


def read_neighbour_frame(frame: bytes) -> NeighbourFrame | None:
    """None for what is neither ARP for IPv4 nor a neighbour solicitation or advertisement."""
    ether_type = int.from_bytes(frame[12:14])
    if ether_type == ETH_ARP and len(frame) >= _ETHERNET_BYTES + _ARP.size:
        return _read_arp(frame)
    if ether_type == ETH_IPV6 and len(frame) >= _OPTIONS_AT and frame[20] == _ICMPV6:
        return _read_discovery(frame)
    return None


def _read_arp(frame: bytes) -> NeighbourFrame | None:
    *form, operation, mac, sender, _, target = _ARP.unpack_from(frame, _ETHERNET_BYTES)
    if tuple(form) != _ARP_FORM or operation not in {_REQUEST, _REPLY}:
        return None
    from_mac, says, of = _mac(frame[6:12]), _text(sender), _text(target)
    claim = Claim(says, _mac(mac))
    if sender == _NOBODY:  # RFC 5227 1.1: somebody makes sure that nobody has the address
        return NeighbourFrame("arp-probe", from_mac, asked=of)
    if sender == target:
        return NeighbourFrame("arp-announce", from_mac, says, claim=claim)
    if operation == _REQUEST:
        return NeighbourFrame("arp-request", from_mac, says, asked=of, claim=claim)
    return NeighbourFrame("arp-reply", from_mac, says, claim=Claim(says, _mac(mac), asker=of))


def _read_discovery(frame: bytes) -> NeighbourFrame | None:
    kind, from_mac = frame[_ICMPV6_AT], _mac(frame[6:12])
    source, destination = _text(frame[22:38]), _text(frame[38:54])
    target = _text(frame[_TARGET_AT : _TARGET_AT + 16])
    end = _ICMPV6_AT + int.from_bytes(frame[18:20])
    options = frame[_OPTIONS_AT:end]
    reason = None if frame[21] == _ON_LINK else "ttl"
    if kind == _SOLICITATION:
        mac = _option(options, _SOURCE_MAC)
        claim = Claim(source, mac) if mac and not reason else None
        return NeighbourFrame("ns", from_mac, source, asked=target, claim=claim, reason=reason)
    if kind != _ADVERTISEMENT:
        return None
    solicited = bool(frame[_ICMPV6_AT + 4] & _SOLICITED)
    mac = _option(options, _TARGET_MAC) or from_mac
    claim = Claim(target, mac, destination if solicited else None)
    return NeighbourFrame(
        "na" if solicited else "na-announce",
        from_mac,
        source,
        claim=None if reason else claim,
        asked=target if reason else None,
        reason=reason,
    )


def _option(options: bytes, wanted: int) -> str | None:
    """The first link-layer address of that kind (RFC 4861 4.6)."""
    while len(options) >= 8 and (length := options[1] * 8):
        if options[0] == wanted:
            return _mac(options[2:8])
        options = options[length:]
    return None


def _mac(raw: bytes) -> str:
    return raw.hex(":")


def _text(raw: bytes) -> str:
    return str(ipaddress.ip_address(raw))
