"""What an operator is told of this host's own virtual routers, one line each.

Rules of this file: the words are those of the reasons; what neighbours do is told by `vrrp_neighbours.py`.
"""

from __future__ import annotations

import logging

from vipkeeper.agent.logs import log
from vrrp_compat.router.effects import Decided, Noticed


def tell_decision(vip: str, decided: Decided) -> None:
    """The state, and why."""
    reason = decided.reason
    log(
        logging.INFO,
        decided.state.value.lower(),
        reason.explained,
        vip=vip,
        reason=reason.value,
        detail=decided.detail,
    )


def tell_notice(vip: str, noticed: Noticed) -> None:
    """What changed no state."""
    reason = noticed.reason
    log(logging.WARNING, "notice", reason.explained, vip=vip, reason=reason.value, detail=noticed.detail)
