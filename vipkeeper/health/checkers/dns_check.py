"""DNS_CHECK: the real server is well when it answers a question over UDP without an error.

Rules of this file: IO. How many records it answers does not matter, nor whether they fit: a truncated answer
is one. What comes with another id or another question is waited past, as a resolver would.
"""

from __future__ import annotations

import asyncio
import secrets
import socket

from vipkeeper.health.checkers.dns_messages import answer_found, question
from vipkeeper.health.checkers.results import CannotCheck, Failed, Turn
from vipkeeper.health.checkers.sockets import (
    answered_with,
    opened,
    readable,
    refused_with,
    socket_address,
    where,
)
from vipkeeper.model.balancing import CheckOutcome, DnsAsk, Reach

_LONGEST = 65535


async def check(ask: DnsAsk, reach: Reach, *, timeout_s: float, turn: Turn) -> CheckOutcome:
    """One question. Raises Failed and CannotCheck."""
    try:
        asked = question(secrets.randbits(16), ask.name, ask.record_type)
    except ValueError as error:
        raise CannotCheck(f"{error}: correct `name`") from error
    with opened(reach, socket.SOCK_DGRAM) as sock:
        code = sock.connect_ex(socket_address(reach))
        if code:
            raise refused_with(code, reach)
        try:
            sock.send(asked)
        except OSError as error:
            raise refused_with(error.errno or 0, reach) from error
        found = await _answered(sock, asked, reach, timeout_s=timeout_s)
    return CheckOutcome(ok=True, detail=found)


async def _answered(sock: socket.socket, asked: bytes, reach: Reach, *, timeout_s: float) -> str:
    clock = asyncio.get_running_loop().time
    deadline_s = clock() + timeout_s
    while await readable(sock, max(0.0, deadline_s - clock())):
        try:
            packet = sock.recv(_LONGEST)
        except BlockingIOError:
            continue
        except OSError as error:  # an ICMP error came: nobody listens there
            raise answered_with(error.errno or 0, reach) from error
        found = answer_found(asked, packet)
        if found is not None:
            return found
    raise Failed(f"{where(reach)} did not answer within {timeout_s:g} s")
