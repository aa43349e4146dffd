"""The words of a mail about a virtual or real server.

Rules of this file: as in `mail_text.py`. Subjects are keepalived's, and so are the beginnings of the texts,
because filters look for them.
"""

from __future__ import annotations

from vipkeeper.model.server_changes import ServerState
from vipkeeper.notify.mail_text import facts, one_line
from vipkeeper.notify.server_notification import (
    QuorumNotification,
    RealServerNotification,
    ServerNotification,
)


def subject(router_id: str, notification: ServerNotification) -> str:
    """As keepalived has it."""
    if isinstance(notification, RealServerNotification):
        about = f"Realserver {notification.real_address} of virtual server {notification.virtual_address}"
    else:
        about = f"Virtualserver {notification.virtual_address}"
    return one_line(f"[{router_id}] {about} - {notification.heard_as}")


def body(node: str, since: str, notification: ServerNotification) -> str:
    """What keepalived says, then what there is to know."""
    known = {
        "Node": node,
        "Virtual server": f"{notification.virtual_server} {notification.virtual_address}",
        "State": notification.state.value,
        "Before": "" if notification.previous is None else notification.previous.value,
        "Since": since,
        "Why": notification.detail,
    }
    if isinstance(notification, RealServerNotification):
        known["Real server"] = f"{notification.real_server} {notification.real_address}"
    else:
        known["Weight"] = f"{notification.weight} is well, and the quorum is {notification.quorum}"
    return "\n".join((_first_line(notification), "", *facts(known), ""))


def _first_line(notification: ServerNotification) -> str:
    up = notification.state is ServerState.UP
    if notification.state is ServerState.STOP:
        return "=> Shutting down <="
    if not isinstance(notification, QuorumNotification):
        return f"=> CHECK {'succeeded' if up else 'failed'} on service <="
    weight, quorum = notification.weight, notification.quorum
    if notification.previous is None:
        return f"=> Starting with quorum {'up' if up else 'down'} {quorum} {'<=' if up else '>'} {weight} <="
    return f"=> Gained quorum {quorum} <= {weight} <=" if up else f"=> Lost quorum {quorum} > {weight} <="
