"""The log's lines of real servers and quorums."""

from __future__ import annotations

import logging

from vipkeeper.agent.logs import log
from vipkeeper.model.server_changes import RealServerChange, ServerChange, ServerState


def log_change(change: ServerChange) -> None:
    """A state that was not there before."""
    level = logging.WARNING if change.state is ServerState.DOWN else logging.INFO
    if isinstance(change, RealServerChange):
        log(
            level,
            "real-server",
            change.detail,
            virtual_server=change.virtual_server,
            real_server=change.real_server,
            state=change.state.value,
        )
    else:
        log(
            level,
            "quorum",
            change.detail,
            virtual_server=change.virtual_server,
            state=change.state.value,
            weight=change.weight,
            quorum=change.quorum,
        )


def log_drain(virtual_server: str, real_server: str, *, drained: bool) -> None:
    """An operator's word."""
    message = "drained: it gets nothing new" if drained else "taken back: it serves again if it is well"
    log(logging.INFO, "drain", message, virtual_server=virtual_server, real_server=real_server)
