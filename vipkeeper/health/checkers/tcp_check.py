"""TCP_CHECK: the real server is well when a connection can be made.

Rules of this file: IO. It is closed with RST, as other health checkers do too: a close with FIN would leave
one connection in TIME_WAIT for each check of a minute (400 checks a second: 24000).
"""

from __future__ import annotations

from vipkeeper.health.checkers.results import Turn
from vipkeeper.health.checkers.sockets import connected, reset_at_close
from vipkeeper.model.balancing import CheckOutcome, Reach, TcpAsk

_CONNECTED = CheckOutcome(ok=True, detail="connected")


async def check(_ask: TcpAsk, reach: Reach, *, timeout_s: float, turn: Turn) -> CheckOutcome:
    """Connect once."""
    sock = await connected(reach, timeout_s=timeout_s)
    reset_at_close(sock)
    sock.close()
    return _CONNECTED
