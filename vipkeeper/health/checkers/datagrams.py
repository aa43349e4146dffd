"""One datagram out and what comes back of it: for checks over UDP and ICMP.

Rules of this file: IO. The socket is connected and asks for errors (IP_RECVERR), so that a router's or the
kernel's "host unreachable" ends a check at once instead of by its time limit; without that option the kernel
keeps all but "port unreachable" for itself, and a host that is off would look like one that is silent.
"""

from __future__ import annotations

import asyncio
import socket

from vipkeeper.health.checkers.sockets import (
    answered_with,
    opened,
    readable,
    refused_with,
    socket_address,
)
from vipkeeper.model.balancing import Reach

_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h


def exchange_opened(reach: Reach, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
    """A socket that sends to the real server alone and hears from it alone. The caller closes it."""
    sock = opened(reach, kind, protocol)
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        code = sock.connect_ex(socket_address(reach))
        if code:
            raise refused_with(code, reach)
    except BaseException:
        sock.close()
        raise
    return sock


def send(sock: socket.socket, datagram: bytes, reach: Reach) -> None:
    """Raises Failed or CannotCheck."""
    try:
        sock.send(datagram)
    except OSError as error:
        raise refused_with(error.errno or 0, reach) from error


async def received(sock: socket.socket, most_bytes: int, reach: Reach, *, timeout_s: float) -> bytes | None:
    """The next datagram; None: nothing came, not even an error. Raises Failed for an ICMP error."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + timeout_s
    while (left_s := until_s - loop.time()) > 0 and await readable(sock, left_s):
        try:
            return sock.recv(most_bytes)
        except BlockingIOError:  # one whose checksum was wrong
            continue
        except OSError as error:
            raise answered_with(error.errno or 0, reach) from error
    return None
