"""The words of a mail, and whom it goes to.

Rules of this file: no IO. Nothing that a store, a peer or a configuration puts into a name or a detail can
begin a new header or a new recipient: control characters are gone before a mail is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage

from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.memory import Mail
from vipkeeper.notify.notification import Kind, Notification

# A mail server may know a user without a host: `root`.
_ADDRESS = r'[^\s<>(),;:\\"@]+(?:@[^\s<>(),;:\\"@]+)?'
_MAILBOX = re.compile(rf"(?P<name>[^<>]*)<(?P<bracketed>{_ADDRESS})>|(?P<bare>{_ADDRESS})")

# The body begins as keepalived's does: filters look for it.
_FIRST_LINES: Mapping[tuple[Kind, VipState], str] = {
    (Kind.INSTANCE, VipState.MASTER): "=> VRRP Instance is now owning VRRP VIPs <=",
    (Kind.GROUP, VipState.MASTER): "=> All VRRP group instances are now in MASTER state <=",
    (Kind.GROUP, VipState.BACKUP): "=> All VRRP group instances are now in BACKUP state <=",
    (Kind.GROUP, VipState.FAULT): "=> All VRRP group instances are now in FAULT state <=",
}
_NOT_OWNING = "=> VRRP Instance is no longer owning VRRP VIPs <="
_GROUP_ENDS = "=> All VRRP group instances have ended <="


def subject(router_id: str, notification: Notification) -> str:
    """As keepalived has it."""
    what = "VRRP Instance" if notification.kind is Kind.INSTANCE else "VRRP Group"
    about = f"{what} {notification.name} - Entering {notification.state.value} state"
    return one_line(f"[{router_id}] {about}")


def body(node: str, since: str, notification: Notification) -> str:
    """What keepalived says, then what there is to know."""
    group = notification.kind is Kind.GROUP
    otherwise = _GROUP_ENDS if group else _NOT_OWNING
    previous = notification.previous
    known = {
        "Node": node,
        "Sync group" if group else "VIP": notification.name,
        "State": notification.state.value,
        "Before": "" if previous is None else previous.value,
        "Since": since,
        "Why": " ".join(filter(None, (notification.reason, notification.detail))),
        "Addresses": ", ".join(notification.addresses),
        "Priority": "" if group else str(notification.priority),
        "Epoch": str(notification.epoch or ""),
    }
    first = _FIRST_LINES.get((notification.kind, notification.state), otherwise)
    return "\n".join((first, "", *facts(known), ""))


def facts(known: Mapping[str, str]) -> list[str]:
    """A line for each that is there, below one another."""
    width = max(len("Sync group"), *(len(name) for name in known)) + 2
    return [f"{name + ':':{width}}{one_line(value)}" for name, value in known.items() if value]


def message(mail: Mail) -> EmailMessage:
    """Ready to be sent. Raises ValueError when an address is none."""
    made = EmailMessage()
    made["From"] = _mailbox(mail.sender)
    made["To"] = [_mailbox(text) for text in mail.recipients]
    made["Subject"] = mail.subject
    made["Date"] = mail.date
    made["Message-ID"] = mail.message_id
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    made["X-Mailer"] = "vipkeeper"
    made.set_content(mail.body)
    return made


def bare_address(text: str) -> str:
    """`user@host` of `user@host` or `Name <user@host>`. Raises ValueError."""
    return _mailbox(text).addr_spec


def one_line(text: str) -> str:
    """Printable, and on one line."""
    return "".join(char if char.isprintable() else " " for char in text)


def _mailbox(text: str) -> Address:
    found = _MAILBOX.fullmatch(text.strip()) if text.isprintable() else None
    if found is None:
        raise ValueError(f"{text!r} is no mail address: write user@host or Name <user@host>")
    user, _, domain = (found["bracketed"] or found["bare"]).partition("@")
    return Address((found["name"] or "").strip(' "'), user, domain)
