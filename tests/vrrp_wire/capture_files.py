"""Capture files made in memory, as tcpdump and Wireshark write them."""

from __future__ import annotations

import struct
from collections.abc import Iterable

ETHERNET_IPV4 = bytes.fromhex("01005e000012 020000000001 0800")
ETHERNET_IPV6 = bytes.fromhex("333300000012 020000000001 86dd")
TIME_NS = 1_700_000_000_123_456_789


def on_ethernet(packet: bytes, *tags: int) -> bytes:
    """A frame, with VLAN tags of these types if there are any."""
    header = ETHERNET_IPV6 if packet[0] >> 4 == 6 else ETHERNET_IPV4
    tagged = b"".join(struct.pack("!HH", tag, 0x0007) for tag in tags)
    return header[:12] + tagged + header[12:] + packet


def pcap(
    packets: Iterable[bytes],
    *,
    order: str = "<",
    nanoseconds: bool = False,
    link_type: int = 101,
    original: int | None = None,
) -> bytes:
    """`original`: how long each packet was before it was cut."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    file = bytearray(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link_type))
    seconds, rest_ns = divmod(TIME_NS, 10**9)
    for packet in packets:
        ticks = rest_ns if nanoseconds else rest_ns // 1000
        file += struct.pack(order + "IIII", seconds, ticks, len(packet), original or len(packet)) + packet
    return bytes(file)


def pcapng(
    packets: Iterable[bytes], *, order: str = "<", link_type: int = 101, resolution: int | None = None
) -> bytes:
    """One section, one interface, and an unknown block between; a packet each in the new and the old form."""
    options = b"" if resolution is None else struct.pack(order + "HHBxxxHH", 9, 1, resolution, 0, 0)
    ticks_per_s = 10**6 if resolution is None else 10**resolution
    if resolution is not None and resolution & 0x80:
        ticks_per_s = 2 ** (resolution & 0x7F)
    high, low = divmod(TIME_NS * ticks_per_s // 10**9, 1 << 32)
    file = section(order)
    file += block(1, struct.pack(order + "HHI", link_type, 0, 0) + options, order)
    file += block(0x0BAD, b"what nobody knows", order)
    for number, packet in enumerate(packets):
        sizes = len(packet), len(packet)
        if number % 2:
            file += block(2, struct.pack(order + "HHIIII", 0, 0, high, low, *sizes) + packet, order)
        else:
            file += block(6, struct.pack(order + "IIIII", 0, high, low, *sizes) + packet, order)
    return file


def section(order: str = "<") -> bytes:
    """The block that a file or section begins with."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Padded, and its length on both sides."""
    padded = body + bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(padded) + 12)
    return struct.pack(order + "I", kind) + length + padded + length
