"""One packet by itself, as somebody pasted it: from its IP header on, with an Ethernet header, or bare.

Rules of this file: what could be read in two ways is refused, not guessed.
"""

from __future__ import annotations

from vipkeeper.model.errors import MalformedInput
from vrrp_compat.wire.inspection import Inspected, inspect_message, inspect_packet
from vrrp_compat.wire.ip_packets import IpPacket, carries_vrrp, read_ip
from vrrp_compat.wire.link_layers import ETHERNET, ip_bytes


def inspect_loose(data: bytes, key: bytes | None = None) -> Inspected:
    """Raises MalformedInput when it is not clear what it is, or clear that it is something else."""
    packets = [packet for packet in (read_ip(data), _behind_ethernet(data)) if packet is not None]
    readings = [inspect_packet(packet, key) for packet in packets if carries_vrrp(packet)]
    bare = inspect_message(data, key)
    if bare is not None:
        readings.append(bare)
    if len(readings) == 1:
        return readings[0]
    if readings:
        wrong = "can be read in more than one way; give it from its IP header on"
    elif packets:
        wrong = f"are an IP packet with protocol {packets[0].datagram.protocol}; VRRP has 112, or 51 with AH"
    else:
        wrong = "begin with no whole IPv4, IPv6 or Ethernet header, and are no VRRP message alone"
    raise MalformedInput(f"the {len(data)} bytes {wrong}")


def _behind_ethernet(data: bytes) -> IpPacket | None:
    found = ip_bytes(ETHERNET, data)
    return None if found is None else read_ip(found)
