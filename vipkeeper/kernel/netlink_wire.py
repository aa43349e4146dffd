"""Netlink messages and attributes as bytes (RFC 3549, linux/netlink.h).

Rules of this file: pure; host byte order, as the kernel wants it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

NLM_F_REQUEST = 0x01
NLM_F_ACK = 0x04
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
NLM_F_DUMP = 0x300
NLM_F_DUMP_INTR = 0x10

NLMSG_ERROR = 2
NLMSG_DONE = 3

HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_NESTED = 0x8000
_TYPE_MASK = 0x3FFF


class Message(NamedTuple):
    """One message without its header's length, sequence and port."""

    kind: int
    flags: int
    body: bytes


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = 4 + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + bytes(-length % 4)


def text_attribute(kind: int, text: str) -> bytes:
    """A string attribute, with the terminating zero that the kernel's policies ask for."""
    return attribute(kind, text.encode() + b"\0")


def nested(kind: int, *children: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(children))


def pack(message: Message, sequence: int) -> bytes:
    """A message as it is sent."""
    length = HEADER.size + len(message.body)
    return HEADER.pack(length, message.kind, message.flags, sequence, 0) + message.body + bytes(-length % 4)


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """(type, flags, sequence, body) of each message in one datagram."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, offset)
        if length < HEADER.size:
            return
        yield kind, flags, sequence, data[offset + HEADER.size : offset + length]
        offset += (length + 3) & ~3


def attributes(body: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """(type, payload) of each attribute from `offset` on; the nesting flag is taken off the type."""
    while offset + 4 <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if length < 4:
            return
        yield kind & _TYPE_MASK, body[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def attribute_map(body: bytes, offset: int = 0, end: int | None = None) -> dict[int, bytes]:
    """What `attributes` gives, as a dictionary; a third of the time for a table of thousands."""
    unpack = _ATTRIBUTE.unpack_from
    end = len(body) if end is None else end
    found: dict[int, bytes] = {}
    while offset + 4 <= end:
        length, kind = unpack(body, offset)
        if length < 4:
            break
        found[kind & _TYPE_MASK] = body[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def nested_map(body: bytes, offset: int, wanted: int) -> dict[int, bytes]:
    """What the one attribute at `offset` holds; nothing when it is another one than `wanted`."""
    if offset + 4 > len(body):
        return {}
    length, kind = _ATTRIBUTE.unpack_from(body, offset)
    return attribute_map(body, offset + 4, offset + length) if kind & _TYPE_MASK == wanted else {}
