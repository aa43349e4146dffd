"""Which module asks for which kind of check.

Rules of this file: each is imported when the first check of its kind is wanted, so that a director with
nothing but TCP checks has no TLS, no regular expressions and no DNS in memory. A module has
`async def check(ask, reach, *, timeout_s, turn) -> CheckOutcome`, or raises what is in `results.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module

from vipkeeper.model.balancing import CheckKind, CheckOutcome

AskOnce = Callable[..., Awaitable[CheckOutcome]]  # each takes its own kind of `ask`

# MISC and FILE go nowhere: `misc_check.py` and `file_check.py` are asked otherwise.
_MODULES = {
    CheckKind.HTTP: "http_get",
    CheckKind.SSL: "http_get",
    CheckKind.TCP: "tcp_check",
    CheckKind.SMTP: "smtp_check",
    CheckKind.DNS: "dns_check",
    CheckKind.UDP: "udp_check",
    CheckKind.PING: "ping_check",
}


@cache
def asking(kind: CheckKind) -> AskOnce:
    """The `check` of that kind."""
    module = import_module(f"vipkeeper.health.checkers.{_MODULES[kind]}")
    found: AskOnce = module.check
    return found
