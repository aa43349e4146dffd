"""UDP_CHECK: the real server is well when no ICMP error comes back, or the right answer does.

Rules of this file: IO. Without `require_reply` silence is well, and that takes the whole time limit to know;
any answer is well at once.
"""

from __future__ import annotations

import socket

from vipkeeper.health.checkers.datagrams import exchange_opened, received, send
from vipkeeper.health.checkers.results import Failed, Turn
from vipkeeper.health.checkers.sockets import where
from vipkeeper.model.balancing import CheckOutcome, Reach, UdpAsk

_USUAL_PAYLOAD = bytes(16)
_SHOWN_DIGITS = 32  # of an answer that is not the right one


async def check(ask: UdpAsk, reach: Reach, *, timeout_s: float, turn: Turn) -> CheckOutcome:
    """Send one datagram and wait."""
    del turn
    with exchange_opened(reach, socket.SOCK_DGRAM) as sock:
        send(sock, bytes.fromhex(ask.payload) if ask.payload else _USUAL_PAYLOAD, reach)
        answer = await received(sock, ask.max_reply_length + 1, reach, timeout_s=timeout_s)
    needed = ask.require_reply or bool(ask.reply)
    if answer is None:
        if needed:
            raise Failed(f"no answer from {where(reach)} within {timeout_s:g} s")
        return CheckOutcome(ok=True, detail=f"no ICMP error within {timeout_s:g} s")
    if needed:
        wrong = why_wrong(ask, answer)
        if wrong:
            raise Failed(wrong)
    return CheckOutcome(ok=True, detail=f"an answer of {len(answer)} bytes")


def why_wrong(ask: UdpAsk, answer: bytes) -> str:
    """Why this is not the answer that is asked for, for people; "" if it is.

    At most one byte more than allowed has been read of it.
    """
    if len(answer) < ask.min_reply_length:
        return f"the answer has {len(answer)} bytes and not at least {ask.min_reply_length}"
    if len(answer) > ask.max_reply_length:
        return f"the answer has more than {ask.max_reply_length} bytes"
    digits = answer.hex()
    wanted = ask.reply.lower()
    fits = len(digits) >= len(wanted) and all(
        want in ("x", digit) for want, digit in zip(wanted, digits, strict=False)
    )
    return (
        "" if fits else f"the answer begins with {digits[:_SHOWN_DIGITS] or 'nothing'} and not with {wanted}"
    )
