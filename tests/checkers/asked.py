"""Asks once, as the runner of checks does, and says what came of it."""

from __future__ import annotations

import asyncio

from vipkeeper.health.checkers.kinds import asking
from vipkeeper.health.checkers.results import CannotCheck, Failed, Turn
from vipkeeper.model.balancing import Ask, CheckKind, CheckOutcome, DnsAsk, HttpAsk, Reach, SmtpAsk

PATIENCE_S = 20.0  # a check that needs its time limit says so itself
_KINDS = {HttpAsk: CheckKind.HTTP, SmtpAsk: CheckKind.SMTP, DnsAsk: CheckKind.DNS}


def outcome(
    ask: Ask,
    port: int,
    *,
    address: str = "127.0.0.1",
    timeout_s: float = PATIENCE_S,
    turn: Turn | None = None,
) -> CheckOutcome:
    """What the check found; a failure is an outcome too. Raises CannotCheck."""
    return asyncio.run(_asked(ask, Reach(address, port), timeout_s, turn or Turn()))


def trouble(ask: Ask, port: int) -> str:
    """Why this node cannot ask; empty when it can."""
    try:
        outcome(ask, port)
    except CannotCheck as error:
        return str(error)
    return ""


async def _asked(ask: Ask, reach: Reach, timeout_s: float, turn: Turn) -> CheckOutcome:
    try:
        return await asking(_KINDS[type(ask)])(ask, reach, timeout_s=timeout_s, turn=turn)
    except Failed as failure:
        return CheckOutcome(ok=False, detail=str(failure))
