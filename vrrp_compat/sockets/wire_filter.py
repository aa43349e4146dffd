"""The socket filter of a wire tap: classic BPF that lets VRRP through; if asked, ARP and neighbour discovery.

Rules of this file: pure. Other traffic must not wake the listener, however much there is of it. A frame of a
VLAN on top of the interface is refused: it belongs to another wire, and the kernel shows it here without its
tag. A frame that is too short is refused: a load beyond its end returns 0.
"""

from __future__ import annotations

import struct

from vrrp_compat.wire.advertisement import PROTOCOL_AH, PROTOCOL_VRRP

SNAP_BYTES = 0xFFFF

_INSTRUCTION = struct.Struct("=HBBI")  # code, jump if true, jump if false, operand (linux/filter.h)
_LOAD = {1: 0x30, 2: 0x28, 4: 0x20}  # bytes -> code; absolute, big-endian
_JUMP_IF_EQUAL = 0x15
_RETURN = 0x06
_VLAN_TAG_PRESENT = 0xFFFFF000 + 48  # what is known of a frame beside its bytes

_ETHER_TYPE_AT, _IPV4_PROTOCOL_AT, _IPV6_NEXT_HEADER_AT, _ICMPV6_TYPE_AT = 12, 23, 20, 54
_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_ICMPV6 = 58
_SOLICITATION, _ADVERTISEMENT = 135, 136

_Code = list[tuple[int, int, int, int]]
_REFUSE = (_RETURN, 0, 0, 0)
_ACCEPT = (_RETURN, 0, 0, SNAP_BYTES)


def wire_filter(*, neighbours: bool) -> bytes:
    """Instructions for a socket that receives every protocol. `neighbours`: ARP and NS/NA as well."""
    discovery: _Code = [
        *_unless(_ICMPV6, _REFUSE),
        _load(1, _ICMPV6_TYPE_AT),
        *_accept_if(_SOLICITATION),
        *_accept_if(_ADVERTISEMENT),
    ]
    code = [
        _load(4, _VLAN_TAG_PRESENT),
        *_unless(0, _REFUSE),
        _load(2, _ETHER_TYPE_AT),
        *(_accept_if(_ARP) if neighbours else []),
        *_block_if(
            _IPV4,
            [_load(1, _IPV4_PROTOCOL_AT), *_accept_if(PROTOCOL_VRRP), *_accept_if(PROTOCOL_AH), _REFUSE],
        ),
        *_block_if(
            _IPV6,
            [
                _load(1, _IPV6_NEXT_HEADER_AT),
                *_accept_if(PROTOCOL_VRRP),
                *(discovery if neighbours else []),
                _REFUSE,
            ],
        ),
        _REFUSE,
    ]
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in code)


def _load(size: int, offset: int) -> tuple[int, int, int, int]:
    return (_LOAD[size], 0, 0, offset)


def _accept_if(value: int) -> _Code:
    return [(_JUMP_IF_EQUAL, 0, 1, value), _ACCEPT]


def _unless(value: int, then: tuple[int, int, int, int]) -> _Code:
    return [(_JUMP_IF_EQUAL, 1, 0, value), then]


def _block_if(value: int, block: _Code) -> _Code:
    return [(_JUMP_IF_EQUAL, 0, len(block), value), *block]
