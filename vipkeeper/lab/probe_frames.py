"""Frames that ask one VIP "who has you?", and what an answer proves.

Rules of this file: pure; Ethernet frames in, (kind, VIP, sequence number, who) out. Three kinds of answer:

    arp     a broadcast ARP request, or a neighbour solicitation: whoever answers says it has the address
    udp     a UDP datagram in a frame addressed to one node's MAC: each node is asked on its own, so that a
            second owner answers although the client's ARP cache knows only one
    client  a UDP datagram sent by an ordinary client's kernel: what a user of the service sees

and `announce`: a gratuitous ARP or an unsolicited neighbour advertisement, which nobody asked for.

ARP carries no sequence number. Each probe is sent in the name of one of PROBE_SENDERS addresses in turn, and
the answer is addressed to that name, so it tells which of the last PROBE_SENDERS probes it belongs to.
"""

from __future__ import annotations

import functools
import ipaddress
import struct
from dataclasses import dataclass

ETH_IPV4, ETH_ARP, ETH_IPV6 = 0x0800, 0x0806, 0x86DD
ECHO_PORT = 7007
PROBE_PORT = 7008
PROBE_SENDERS = 256
BROADCAST_MAC = "ff:ff:ff:ff:ff:ff"

_UDP, _ICMPV6 = 17, 58
_NEIGHBOUR_SOLICITATION, _NEIGHBOUR_ADVERTISEMENT = 135, 136
_SOLICITED = 0x40
_MAGIC = b"vkpb"
_PAYLOAD = struct.Struct("!4sHI")  # magic, VIP number, sequence number
_ARP = struct.Struct("!HHBBH6s4s6s4s")


@dataclass(frozen=True, slots=True)
class Heard:
    """What one frame says. `who` is a MAC, or the node's own name where an echo service gave it.

    `sequence` is complete for udp and client; for arp it is the probe's number modulo PROBE_SENDERS.
    """

    kind: str
    address: str
    sequence: int
    who: str


@functools.lru_cache(maxsize=8192)
def address_bytes(address: str) -> bytes:
    """4 or 16 bytes in network order."""
    return ipaddress.ip_address(address).packed


@functools.lru_cache(maxsize=8192)
def address_text(raw: bytes) -> str:
    return str(ipaddress.ip_address(raw))


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def mac_text(raw: bytes) -> str:
    return raw.hex(":")


def probe_sender(version: int, sequence: int) -> str:
    """In whose name the ARP probe or solicitation with this number is sent."""
    number = sequence % PROBE_SENDERS
    return f"10.77.255.{number}" if version == 4 else f"fd77::ff:{number:x}"


def probe_payload(vip_number: int, sequence: int) -> bytes:
    return _PAYLOAD.pack(_MAGIC, vip_number, sequence)


def read_payload(payload: bytes) -> tuple[int, int, str] | None:
    """VIP number, sequence number and the answering node's name; None when it is not ours."""
    if len(payload) < _PAYLOAD.size:
        return None
    magic, vip_number, sequence = _PAYLOAD.unpack_from(payload)
    if magic != _MAGIC:
        return None
    return vip_number, sequence, payload[_PAYLOAD.size :].decode(errors="replace")


def who_has_frame(vip: str, sequence: int, own_mac: str) -> bytes:
    """Broadcast ARP request for an IPv4 address, neighbour solicitation for an IPv6 one."""
    address, own = address_bytes(vip), mac_bytes(own_mac)
    version = 4 if len(address) == 4 else 6
    sender = address_bytes(probe_sender(version, sequence))
    if version == 4:
        arp = _ARP.pack(1, ETH_IPV4, 6, 4, 1, own, sender, bytes(6), address)
        return mac_bytes(BROADCAST_MAC) + own + struct.pack("!H", ETH_ARP) + arp
    group = bytes.fromhex("ff0200000000000000000001ff") + address[13:]
    message = struct.pack("!BBHI", _NEIGHBOUR_SOLICITATION, 0, 0, 0) + address + b"\x01\x01" + own
    packet = _ipv6_packet(sender, group, _ICMPV6, 255, message, checksum_at=2)
    return b"\x33\x33" + group[12:] + own + struct.pack("!H", ETH_IPV6) + packet


def udp_frame(
    vip: str, vip_number: int, sequence: int, *, own_mac: str, own_address: str, node_mac: str
) -> bytes:
    """A probe for the VIP in a frame that only the node with `node_mac` takes."""
    address, own = address_bytes(vip), address_bytes(own_address)
    payload = probe_payload(vip_number, sequence)
    datagram = struct.pack("!HHHH", PROBE_PORT, ECHO_PORT, 8 + len(payload), 0) + payload
    ethernet = mac_bytes(node_mac) + mac_bytes(own_mac)
    if len(address) == 4:
        # A UDP checksum of 0 means "none" in IPv4.
        return ethernet + struct.pack("!H", ETH_IPV4) + _ipv4_packet(own, address, datagram)
    packet = _ipv6_packet(own, address, _UDP, 64, datagram, checksum_at=6)
    return ethernet + struct.pack("!H", ETH_IPV6) + packet


def hear(frame: bytes) -> Heard | None:
    """What a received frame says about an address; None when it says nothing to us."""
    if len(frame) < 14:
        return None
    (ether_type,) = struct.unpack_from("!H", frame, 12)
    if ether_type == ETH_ARP:
        return _hear_arp(frame)
    if ether_type == ETH_IPV4 and len(frame) >= 42 and frame[14] == 0x45 and frame[23] == _UDP:
        return _hear_udp(frame[34:], address_text(frame[26:30]))
    if ether_type == ETH_IPV6 and len(frame) >= 62:
        if frame[20] == _UDP:
            return _hear_udp(frame[54:], address_text(frame[22:38]))
        if frame[20] == _ICMPV6 and frame[54] == _NEIGHBOUR_ADVERTISEMENT and len(frame) >= 78:
            return _hear_advertisement(frame)
    return None


def _hear_arp(frame: bytes) -> Heard | None:
    if len(frame) < 14 + _ARP.size:
        return None
    _, _, _, _, operation, sender_mac, sender, _, target = _ARP.unpack_from(frame, 14)
    address = address_text(sender)
    if sender == target:
        return Heard("announce", address, 0, mac_text(sender_mac))
    if operation != 2:
        return None
    return Heard("arp", address, target[3], mac_text(sender_mac))


def _hear_advertisement(frame: bytes) -> Heard:
    address = address_text(frame[62:78])
    if not frame[58] & _SOLICITED:
        return Heard("announce", address, 0, mac_text(frame[6:12]))
    return Heard("arp", address, frame[53], mac_text(frame[6:12]))


def _hear_udp(datagram: bytes, source: str) -> Heard | None:
    source_port, target_port = struct.unpack_from("!HH", datagram)
    if source_port != ECHO_PORT or target_port != PROBE_PORT:
        return None
    read = read_payload(datagram[8 : struct.unpack_from("!H", datagram, 4)[0]])
    if read is None:
        return None
    return Heard("udp", source, read[1], read[2])


def _ipv4_packet(source: bytes, target: bytes, datagram: bytes) -> bytes:
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, _UDP, 0, source, target)
    return header[:10] + struct.pack("!H", _checksum(header)) + header[12:] + datagram


def _ipv6_packet(
    source: bytes, target: bytes, protocol: int, hop_limit: int, content: bytes, *, checksum_at: int
) -> bytes:
    pseudo = source + target + struct.pack("!II", len(content), protocol)
    # A computed UDP checksum of 0 is sent as ffff, because 0 would mean "none".
    checksum = struct.pack("!H", _checksum(pseudo + content) or 0xFFFF)
    content = content[:checksum_at] + checksum + content[checksum_at + 2 :]
    return struct.pack("!IHBB", 6 << 28, len(content), protocol, hop_limit) + source + target + content


def _checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
