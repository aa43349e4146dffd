"""The tc program of the fence: drop what goes to or comes from an address whose deadline has passed.

Rules of this file: pure. An address that is not in the map is none of our business and goes on to the next
filter, so a host that only routes or serves for a VIP is not touched. The deadline is absolute and compared
with the kernel's own CLOCK_BOOTTIME, so a write that comes late cannot revive a lease.

What counts as the address of a frame:

    ARP    to us: the target (RFC 826); from us: the sender
    IPv4   to us: destination;          from us: source
    IPv6   to us: the target of a neighbour solicitation, else destination;
           from us: the target of a neighbour advertisement (RFC 4861), else source
"""

from __future__ import annotations

import socket

import msgspec

from vipkeeper.kernel.bpf_assembler import Assembler, Register

KEY_BYTES = 16  # an IPv6 address, or an IPv4 one as ::ffff:a.b.c.d
VALUE_BYTES = 8  # CLOCK_BOOTTIME in ns

_SKB_PROTOCOL = 16  # offset in struct __sk_buff; network byte order

_MAP_LOOKUP_ELEM = 1
_SKB_LOAD_BYTES_RELATIVE = 68
_KTIME_GET_BOOT_NS = 125
_FROM_NETWORK_HEADER = 1

_TC_ACT_UNSPEC = -1  # on to the next filter
_TC_ACT_SHOT = 2

_ETH_IPV4 = 0x0800
_ETH_ARP = 0x0806
_ETH_IPV6 = 0x86DD
_ICMPV6 = 58
_IPV6_NEXT_HEADER = 6
_ICMPV6_TYPE = 40
_NEIGHBOUR_TARGET = 48

# The key lies at the end of the stack; an IPv4 address takes its last four bytes. Scratch lies below it.
_KEY = -16
_KEY_IPV4_PREFIX = -8
_KEY_IPV4 = -4
_SCRATCH = -24


class Direction(msgspec.Struct, frozen=True):
    """Where the address of a frame lies, counted from the network header."""

    arp: int
    ipv4: int
    ipv6: int
    neighbour_message: int  # ICMPv6 type whose target counts


INBOUND = Direction(arp=24, ipv4=16, ipv6=24, neighbour_message=135)
OUTBOUND = Direction(arp=14, ipv4=12, ipv6=8, neighbour_message=136)


def fence_program(map_fd: int, direction: Direction) -> bytes:
    """Machine code for a classifier with direct action."""
    code = Assembler()
    code.copy(Register.R6, Register.R1)  # the frame
    code.store_double(Register.FRAME, _KEY, 0)
    code.store_word(Register.FRAME, _KEY_IPV4_PREFIX, _signed(socket.htonl(0x0000FFFF)))
    code.load_word(Register.R7, Register.R6, _SKB_PROTOCOL)
    code.jump_if_equal(Register.R7, socket.htons(_ETH_IPV4), "ipv4")
    code.jump_if_equal(Register.R7, socket.htons(_ETH_ARP), "arp")
    code.jump_if_equal(Register.R7, socket.htons(_ETH_IPV6), "ipv6")
    code.jump("pass")

    code.label("ipv4")
    _load(code, direction.ipv4, _KEY_IPV4, 4)
    code.jump("look up")

    code.label("arp")
    _load(code, direction.arp, _KEY_IPV4, 4)
    code.jump("look up")

    code.label("ipv6")
    _load(code, _IPV6_NEXT_HEADER, _SCRATCH, 1)
    code.load_byte(Register.R1, Register.FRAME, _SCRATCH)
    code.jump_unless_equal(Register.R1, _ICMPV6, "ipv6 address")
    _load(code, _ICMPV6_TYPE, _SCRATCH, 1)
    code.load_byte(Register.R1, Register.FRAME, _SCRATCH)
    code.jump_unless_equal(Register.R1, direction.neighbour_message, "ipv6 address")
    _load(code, _NEIGHBOUR_TARGET, _KEY, 16)
    code.jump("look up")
    code.label("ipv6 address")
    _load(code, direction.ipv6, _KEY, 16)

    code.label("look up")
    code.load_map(Register.R1, map_fd)
    code.copy(Register.R2, Register.FRAME)
    code.add(Register.R2, _KEY)
    code.call(_MAP_LOOKUP_ELEM)
    code.jump_if_equal(Register.R0, 0, "pass")
    code.load_double(Register.R8, Register.R0, 0)
    code.call(_KTIME_GET_BOOT_NS)
    code.jump_if_greater(Register.R0, Register.R8, "drop")

    code.label("pass")
    code.set(Register.R0, _TC_ACT_UNSPEC)
    code.exit()
    code.label("drop")
    code.set(Register.R0, _TC_ACT_SHOT)
    code.exit()
    return code.assemble()


def map_key(address: str) -> bytes:
    """The map's key for an address text."""
    if ":" in address:
        return socket.inet_pton(socket.AF_INET6, address)
    return b"\0" * 10 + b"\xff\xff" + socket.inet_aton(address)


def key_address(key: bytes) -> str:
    """The address text of a key of the map."""
    if key.startswith(b"\0" * 10 + b"\xff\xff"):
        return socket.inet_ntoa(key[12:])
    return socket.inet_ntop(socket.AF_INET6, key)


def _load(code: Assembler, offset: int, into: int, length: int) -> None:
    """Copy bytes of the frame onto the stack; a frame that is too short goes on."""
    code.copy(Register.R1, Register.R6)
    code.set(Register.R2, offset)
    code.copy(Register.R3, Register.FRAME)
    code.add(Register.R3, into)
    code.set(Register.R4, length)
    code.set(Register.R5, _FROM_NETWORK_HEADER)
    code.call(_SKB_LOAD_BYTES_RELATIVE)
    code.jump_unless_equal(Register.R0, 0, "pass")


def _signed(word: int) -> int:
    return word - (1 << 32) if word >= 1 << 31 else word
