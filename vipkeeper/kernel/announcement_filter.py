"""The socket filter of the conflict watch: classic BPF that lets through announcements of given addresses.

Rules of this file: pure. The filter is coarse where that is cheap, and never misses: the reader checks each
frame again. It looks at the last 31 bits of an address (the kernel needs two instructions to compare more),
by a binary search that ends in short runs of comparisons. Classic BPF is used because it asks for no
capability beyond the socket's own.

Up to EXACT_ADDRESSES of them are told from all others. Beyond that the lowest bits are left out, as few as
will do, because the kernel limits a filter: to 4096 instructions, and (before Linux 6.8) to 20 KiB of
translated code (net.core.optmem_max). A frame that is too short is refused: a load beyond its end returns 0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from vipkeeper.kernel.announcement_frames import (
    ADVERTISED_ADDRESS_AT,
    ARP_SENDER_ADDRESS_AT,
    ICMPV6,
    ICMPV6_TYPE_AT,
    IPV6_NEXT_HEADER_AT,
    NEIGHBOUR_ADVERTISEMENT,
    SOURCE_MAC_AT,
)

EXACT_ADDRESSES = 2000
SNAP_BYTES = 256  # of an accepted frame; an advertisement with its option has 86

_ENDS = 0x7FFFFFFF
_RUN = 32  # comparisons that share one pair of returns

_INSTRUCTION = struct.Struct("=HBBI")  # code, jump if true, jump if false, operand (linux/filter.h)
_LOAD = {1: 0x30, 2: 0x28, 4: 0x20}  # bytes -> code; absolute, big-endian
_SHIFT_RIGHT = 0x74
_AND = 0x54
_JUMP = 0x05
_JUMP_IF_EQUAL = 0x15
_JUMP_UNLESS_LESS = 0x35
_RETURN = 0x06
_FARTHEST = 255  # of a conditional jump

# What is known of a frame beside its bytes.
_ANCILLARY = 0xFFFFF000
_PACKET_TYPE = _ANCILLARY + 4
_INTERFACE_INDEX = _ANCILLARY + 8
_OTHERHOST = 3

_Code = list[tuple[int, int, int, int]]
_REFUSE = (_RETURN, 0, 0, 0)
_ACCEPT = (_RETURN, 0, 0, SNAP_BYTES)


def announcement_filter(version: int, addresses: Iterable[bytes], *, index: int, mac: bytes) -> bytes:
    """Instructions for a socket that receives ARP (version 4) or IPv6 (6) on interface `index`.

    Refused are frames that `mac` sent, and what the interface received for somebody else: on a VLAN's parent
    those are frames of its VLANs, where the same address may mean another host.
    """
    code = [
        *_refuse_if(4, _PACKET_TYPE, _OTHERHOST),
        *_refuse_unless(4, _INTERFACE_INDEX, index),
        *_refuse_own(mac),
    ]
    address_at = ARP_SENDER_ADDRESS_AT
    if version == 6:
        code += _refuse_unless(1, IPV6_NEXT_HEADER_AT, ICMPV6)
        code += _refuse_unless(1, ICMPV6_TYPE_AT, NEIGHBOUR_ADVERTISEMENT)
        address_at = ADVERTISED_ADDRESS_AT + 12
    code += [(_LOAD[4], 0, 0, address_at), (_AND, 0, 0, _ENDS)]
    ends = {int.from_bytes(address[-4:]) & _ENDS for address in addresses}
    shift = 0
    while len(ends) > EXACT_ADDRESSES:
        ends = {end >> 1 for end in ends}
        shift += 1
    if shift:
        code.append((_SHIFT_RIGHT, 0, 0, shift))
    code += _search(sorted(ends))
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in code)


def _refuse_if(size: int, offset: int, value: int) -> _Code:
    return [(_LOAD[size], 0, 0, offset), (_JUMP_IF_EQUAL, 0, 1, value), _REFUSE]


def _refuse_unless(size: int, offset: int, value: int) -> _Code:
    return [(_LOAD[size], 0, 0, offset), (_JUMP_IF_EQUAL, 1, 0, value), _REFUSE]


def _refuse_own(mac: bytes) -> _Code:
    refused_if_rest_is_ours = _refuse_if(2, SOURCE_MAC_AT + 4, int.from_bytes(mac[4:]))
    return [
        (_LOAD[4], 0, 0, SOURCE_MAC_AT),
        (_JUMP_IF_EQUAL, 0, len(refused_if_rest_is_ours), int.from_bytes(mac[:4])),
        *refused_if_rest_is_ours,
    ]


def _search(values: Sequence[int]) -> _Code:
    """Accept if the accumulator is one of these sorted values, refuse otherwise."""
    count = len(values)
    if count <= _RUN:
        run = [(_JUMP_IF_EQUAL, count - place, 0, value) for place, value in enumerate(values)]
        return [*run, _REFUSE, _ACCEPT]
    middle = count // 2
    lower, upper = _search(values[:middle]), _search(values[middle:])
    if len(lower) <= _FARTHEST:
        choice = [(_JUMP_UNLESS_LESS, len(lower), 0, values[middle])]
    else:
        choice = [(_JUMP_UNLESS_LESS, 0, 1, values[middle]), (_JUMP, 0, 0, len(lower))]
    return [*choice, *lower, *upper]
