"""DNS_CHECK: the real server is well when it answers a question over UDP without an error.

Rules of this file: IO. How many records it answers does not matter, nor whether they fit: a truncated answer
is one. What comes with another id or another question is waited past, as a resolver would.
"""

from __future__ import annotations

import asyncio
import secrets
import socket

from vipkeeper.health.checkers.datagrams import exchange_opened, received, send
from vipkeeper.health.checkers.dns_messages import answer_found, question
from vipkeeper.health.checkers.results import CannotCheck, Failed, Turn
from vipkeeper.health.checkers.sockets import where
from vipkeeper.model.balancing import CheckOutcome, DnsAsk, Reach

_LONGEST = 65535


async def check(ask: DnsAsk, reach: Reach, *, timeout_s: float, turn: Turn) -> CheckOutcome:
    """One question. Raises Failed and CannotCheck."""
    del turn
    try:
        asked = question(secrets.randbits(16), ask.name, ask.record_type)
    except ValueError as error:
        raise CannotCheck(f"{error}: correct `name`") from error
    clock = asyncio.get_running_loop().time
    deadline_s = clock() + timeout_s
    with exchange_opened(reach, socket.SOCK_DGRAM) as sock:
        send(sock, asked, reach)
        while True:
            packet = await received(sock, _LONGEST, reach, timeout_s=deadline_s - clock())
            if packet is None:
                raise Failed(f"no answer from {where(reach)} within {timeout_s:g} s")
            found = answer_found(asked, packet)
            if found is not None:
                return CheckOutcome(ok=True, detail=found)
