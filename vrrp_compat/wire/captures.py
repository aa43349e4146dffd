"""Capture files (pcap, pcapng), frame by frame.

Rules of this file: it reads from whatever has `read`, so a pipe is followed while it is written; a file that
is cut, damaged or made to hurt raises MalformedCapture with the offset, and nothing else; no length in a file
makes us reserve more than MOST_BYTES.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Protocol

import msgspec

from vipkeeper.model.errors import MalformedInput
from vrrp_compat.wire.link_layers import LINK_NAMES

MOST_BYTES = 16 << 20  # of one block; a frame is 256 KiB at most

# The first four bytes of a pcap file -> byte order, and nanoseconds in one tick.
_PCAP = {
    bytes.fromhex("a1b2c3d4"): (">", 1000),
    bytes.fromhex("d4c3b2a1"): ("<", 1000),
    bytes.fromhex("a1b23c4d"): (">", 1),
    bytes.fromhex("4d3cb2a1"): ("<", 1),
}
_PCAPNG = bytes.fromhex("0a0d0d0a")
_PCAPNG_ORDERS = {bytes.fromhex("1a2b3c4d"): ">", bytes.fromhex("4d3c2b1a"): "<"}
_INTERFACE, _SIMPLE_PACKET = 1, 3  # block types
# Blocks of a packet, the old and the new one: interface, (drops,) time in two halves, captured, original.
_PACKET_HEADS = {2: "HHIIII", 6: "IIIII"}
_TIME_RESOLUTION = 9  # option of an interface
_MOST_INTERFACES = 0x10000  # a packet cannot name more


class MalformedCapture(MalformedInput):
    """The capture stops making sense at `offset`."""

    def __init__(self, offset: int, wrong: str) -> None:
        super().__init__(f"the capture is malformed at byte {offset}: {wrong}; capture again")
        self.offset = offset


class Frame(msgspec.Struct, frozen=True):
    """One captured frame. `missing`: how many bytes it had that were not captured."""

    link_type: int
    data: bytes
    missing: int
    time_ns: int | None  # since 1970


class Readable(Protocol):
    """A binary file, as far as it is needed here."""

    def read(self, size: int, /) -> bytes: ...


def is_capture(beginning: bytes) -> bool:
    """Whether a file that begins so is to be read here."""
    return beginning[:4] in _PCAP or beginning[:4] == _PCAPNG


def read_capture(file: Readable) -> Iterator[Frame]:
    """All frames. Raises MalformedCapture where the file stops making sense; what came before is good."""
    source = _Source(file)
    magic = source.take(4, "file header")
    if magic in _PCAP:
        yield from _read_pcap(source, *_PCAP[magic])
    elif magic == _PCAPNG:
        yield from _read_pcapng(source)
    else:
        raise MalformedCapture(0, "neither a pcap nor a pcapng file begins so")


class _Source:
    """Counts the bytes, and insists on those that were promised."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self.offset = 0

    def take(self, size: int, what: str) -> bytes:
        """Exactly that many. Raises MalformedCapture."""
        data = self.take_or_end(size, what)
        if data is None:
            raise MalformedCapture(self.offset, f"it ends where a {what} should begin")
        return data

    def take_or_end(self, size: int, what: str) -> bytes | None:
        """The same, or None at the end of the file."""
        if size > MOST_BYTES:
            raise MalformedCapture(self.offset, f"a {what} of {size} bytes; {MOST_BYTES} are possible")
        data = self._file.read(size)
        if not data and size:
            return None
        if len(data) < size:
            raise MalformedCapture(self.offset, f"it ends within a {what}, {size - len(data)} bytes short")
        self.offset += size
        return data


def _read_pcap(source: _Source, order: str, tick_ns: int) -> Iterator[Frame]:
    *_, network = struct.unpack(order + "HHiIII", source.take(20, "file header"))
    link_type = network & 0xFFFF  # above: whether frames end in a check sequence
    if link_type not in LINK_NAMES:
        known = ", ".join(sorted(set(LINK_NAMES.values())))
        raise MalformedCapture(20, f"link type {link_type} is not one that is understood ({known})")
    record = struct.Struct(order + "IIII")
    while (head := source.take_or_end(record.size, "packet header")) is not None:
        seconds, ticks, captured, original = record.unpack(head)
        data = source.take(captured, "packet")
        yield Frame(link_type, data, max(0, original - captured), seconds * 10**9 + ticks * tick_ns)


class _Interface(msgspec.Struct, frozen=True):
    link_type: int
    most_bytes: int  # of a frame; 0: no limit
    ticks_per_s: int


def _read_pcapng(source: _Source) -> Iterator[Frame]:
    """The first block's type has been read."""
    order = _begin_section(source)
    interfaces: list[_Interface] = []
    while (kind_bytes := source.take_or_end(4, "block")) is not None:
        if kind_bytes == _PCAPNG:
            order = _begin_section(source)
            interfaces = []
            continue
        begin = source.offset - 4
        (kind,) = struct.unpack(order + "I", kind_bytes)
        body = _read_body(source, order, begin)
        try:
            if kind == _INTERFACE:
                interfaces.append(_read_interface(body, order))
            elif kind in _PACKET_HEADS:
                yield _read_packet(body, struct.Struct(order + _PACKET_HEADS[kind]), interfaces)
            elif kind == _SIMPLE_PACKET:
                yield _read_simple_packet(body, order, interfaces)
        except struct.error:
            raise MalformedCapture(begin, f"a block of type {kind} is too short for what it is") from None
        except IndexError:
            raise MalformedCapture(begin, "a packet of an interface that is not described") from None
        if len(interfaces) > _MOST_INTERFACES:
            raise MalformedCapture(begin, "more interfaces than a packet can name")


def _read_interface(body: bytes, order: str) -> _Interface:
    """Raises struct.error when it is too short."""
    link_type, most_bytes = struct.unpack_from(order + "HxxI", body)
    ticks_per_s, at = 10**6, 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == _TIME_RESOLUTION and length == 1:
            (resolution,) = struct.unpack_from("B", body, at + 4)
            ticks_per_s = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        at += 4 + length + -length % 4
    return _Interface(link_type, most_bytes, ticks_per_s)


def _read_packet(body: bytes, form: struct.Struct, interfaces: list[_Interface]) -> Frame:
    """Raises struct.error when it is too short, IndexError for an unknown interface."""
    interface, *_, high, low, captured, original = form.unpack_from(body)
    described = interfaces[interface]
    data = _cut(body, form.size, captured)
    time_ns = (high << 32 | low) * 10**9 // described.ticks_per_s
    return Frame(described.link_type, data, max(0, original - captured), time_ns)


def _read_simple_packet(body: bytes, order: str, interfaces: list[_Interface]) -> Frame:
    """Of the first interface, and without a time; raises like the other."""
    (original,) = struct.unpack_from(order + "I", body)
    described = interfaces[0]
    captured = min(original, described.most_bytes) if described.most_bytes else original
    return Frame(described.link_type, _cut(body, 4, captured), original - captured, None)


def _cut(body: bytes, at: int, length: int) -> bytes:
    """Raises struct.error where a block is shorter than the packet in it."""
    if at + length > len(body):
        raise struct.error
    return body[at : at + length]


def _begin_section(source: _Source) -> str:
    """The byte order of what follows."""
    begin = source.offset - 4
    length_bytes = source.take(4, "section header")
    order = _PCAPNG_ORDERS.get(source.take(4, "section header"))
    if order is None:
        raise MalformedCapture(begin + 8, "no byte order that exists")
    (length,) = struct.unpack(order + "I", length_bytes)
    if length < 28 or length % 4:
        raise MalformedCapture(begin + 4, f"a section header of {length} bytes")
    source.take(length - 12, "section header")
    return order


def _read_body(source: _Source, order: str, begin: int) -> bytes:
    """Of one block, its type being read; the length stands before and behind it."""
    (length,) = struct.unpack(order + "I", source.take(4, "block"))
    if length < 12 or length % 4:
        raise MalformedCapture(begin + 4, f"a block of {length} bytes")
    body = source.take(length - 12, "block")
    (again,) = struct.unpack(order + "I", source.take(4, "block"))
    if again != length:
        raise MalformedCapture(source.offset - 4, f"a block of {length} bytes says {again} at its end")
    return body
