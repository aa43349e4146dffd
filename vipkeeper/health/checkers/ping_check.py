"""PING_CHECK: the real server is well when it answers an ICMP echo request.

Rules of this file: IO. The kernel's ping socket needs no right but a group in net.ipv4.ping_group_range, and
keeps the answers of others away; where it is refused a raw socket does the same with CAP_NET_RAW. The
setting is left as it is found (keepalived widens it for the whole host).
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import socket
import struct

from vipkeeper.health.checkers.datagrams import exchange_opened, received, send
from vipkeeper.health.checkers.results import CannotCheck, Failed, Turn
from vipkeeper.health.checkers.sockets import NoSocket, where
from vipkeeper.model.balancing import CheckOutcome, PingAsk, Reach
from vipkeeper.model.ipvs import ip_version

_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
_DATA = b"vipkeeper"
_MOST_BYTES = 2048
_ICMP_ECHO, _ICMP_ECHO_REPLY = 8, 0
_ICMPV6_ECHO, _ICMPV6_ECHO_REPLY = 128, 129
_ICMP_FILTER, _SOL_RAW, _ICMPV6_FILTER = 1, 255, 1  # linux/icmp.h, linux/icmpv6.h

_SEQUENCES = itertools.count(1)


async def check(_ask: PingAsk, reach: Reach, *, timeout_s: float, turn: Turn) -> CheckOutcome:
    """Send one request and wait for its answer."""
    del turn
    ipv6 = ip_version(reach.address) == 6
    sock, raw = _opened(Reach(reach.address, 0, reach.bindto, 0, reach.bind_if, reach.fwmark), ipv6=ipv6)
    sequence = next(_SEQUENCES) & 0xFFFF
    identifier = (os.getpid() ^ sequence * 7919) & 0xFFFF  # a ping socket has its own instead
    with sock:
        send(sock, request(identifier, sequence, ipv6=ipv6), reach)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_s
        while (left_s := until_s - loop.time()) > 0:
            packet = await received(sock, _MOST_BYTES, reach, timeout_s=left_s)
            if packet is None:
                break
            icmp = packet[(packet[0] & 0xF) * 4 :] if raw and not ipv6 else packet
            if is_answer(icmp, identifier if raw else None, sequence, ipv6=ipv6):
                return CheckOutcome(ok=True, detail="answered")
    raise Failed(f"no answer to a ping of {where(reach)} within {timeout_s:g} s")


def request(identifier: int, sequence: int, *, ipv6: bool) -> bytes:
    """An echo request. The kernel puts in the checksum of ICMPv6, and of whatever a ping socket sends."""
    kind = _ICMPV6_ECHO if ipv6 else _ICMP_ECHO
    packet = _HEADER.pack(kind, 0, 0, identifier, sequence) + _DATA
    if ipv6:
        return packet
    return _HEADER.pack(kind, 0, _checksum(packet), identifier, sequence) + _DATA


def is_answer(icmp: bytes, identifier: int | None, sequence: int, *, ipv6: bool) -> bool:
    """Whether it is the reply to that request. Without an identifier the kernel has looked at it."""
    if len(icmp) < _HEADER.size:
        return False
    kind, _, _, said_identifier, said_sequence = _HEADER.unpack_from(icmp)
    expected = _ICMPV6_ECHO_REPLY if ipv6 else _ICMP_ECHO_REPLY
    return (
        kind == expected
        and said_sequence == sequence
        and (identifier is None or said_identifier == identifier)
        and icmp[_HEADER.size :] == _DATA
    )


def _opened(reach: Reach, *, ipv6: bool) -> tuple[socket.socket, bool]:
    """The socket, and whether it is a raw one."""
    protocol = socket.IPPROTO_ICMPV6 if ipv6 else socket.IPPROTO_ICMP
    try:
        return exchange_opened(reach, socket.SOCK_DGRAM, protocol), False
    except NoSocket as refused:
        if refused.code not in (errno.EACCES, errno.EPERM):
            raise
    try:
        sock = exchange_opened(reach, socket.SOCK_RAW, protocol)
    except NoSocket as refused:
        raise CannotCheck(
            "this process may not send pings: put a group of it into the sysctl net.ipv4.ping_group_range, "
            "or grant it CAP_NET_RAW"
        ) from refused
    if ipv6:  # only echo replies, of all ICMP that this host gets
        blocked = bytearray(b"\xff" * 32)
        blocked[_ICMPV6_ECHO_REPLY // 8] &= ~(1 << _ICMPV6_ECHO_REPLY % 8)
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMPV6_FILTER, bytes(blocked))
    else:
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("@I", 0xFFFFFFFF & ~(1 << _ICMP_ECHO_REPLY)))
    return sock, True


def _checksum(packet: bytes) -> int:
    """RFC 1071."""
    padded = packet + b"\0" * (len(packet) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
