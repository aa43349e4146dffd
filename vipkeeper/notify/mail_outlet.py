"""Which notification is mailed, and what the mail says.

Rules of this file: a setting of a VIP or sync group counts before the general one; the same state of the same
VIP is not mailed twice in a row.
"""

from __future__ import annotations

import getpass
import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, make_msgid

from vipkeeper.config.schema import Config
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.mail_delivery import MailCounts, MailDelivery
from vipkeeper.notify.mail_text import bare_address, body, one_line, subject
from vipkeeper.notify.memory import Mail
from vipkeeper.notify.notification import REMARKS, Notification
from vipkeeper.notify.saying import Say
from vipkeeper.notify.server_notification import ServerNotification


class MailOutlet:
    """One agent's mail."""

    def __init__(self, config: Config, say: Say, clock: Callable[[], float]) -> None:
        self._config = config
        self._say = say
        self._clock = clock
        self._delivery = MailDelivery(config.mail, say, clock)
        self._examine()

    @property
    def counts(self) -> MailCounts:
        """Since the start of the agent."""
        return self._delivery.counts

    @property
    def waiting(self) -> int:
        """Mails that are not delivered and not given up."""
        return self._delivery.waiting

    def reconfigure(self, config: Config) -> None:
        """What waits goes to whom it was for, by the new server."""
        changed = config.mail != self._config.mail
        self._config = config
        self._delivery.reconfigure(config.mail)
        if changed:
            self._examine()

    def add(self, notification: Notification) -> None:
        """Mail it, if that is wanted."""
        if self._wanted(notification):
            self._send(
                subject(self._router_id, notification), body(self._config.node, _now_text(), notification)
            )

    def add_server(self, notification: ServerNotification) -> None:
        """The same, of a virtual or real server."""
        if notification.mailed:
            from vipkeeper.notify import server_mail_text as text

            self._send(
                text.subject(self._router_id, notification),
                text.body(self._config.node, _now_text(), notification),
            )

    def go_on(self, mails: list[Mail]) -> None:
        """An earlier agent left these."""
        for mail in mails:
            self._delivery.add(mail)

    async def leave(self) -> list[Mail]:
        """See `MailDelivery.leave`."""
        return await self._delivery.leave()

    async def end(self) -> None:
        """See `MailDelivery.end`."""
        await self._delivery.end()

    def _wanted(self, notification: Notification) -> bool:
        mail, own = self._config.mail, notification.notify.smtp_alert
        if notification.state in REMARKS or (notification.state is VipState.FAULT and not mail.email_faults):
            return False
        return mail.smtp_alert if own is None else own

    @property
    def _router_id(self) -> str:
        return self._config.mail.router_id or self._config.node

    def _send(self, subject: str, body: str) -> None:
        mail = self._config.mail
        if not mail.notification_email:
            return
        made = Mail(
            subject=subject,
            body=body,
            recipients=mail.notification_email,
            sender=mail.notification_email_from or f"{_own_user()}@{socket.gethostname()}",
            date=format_datetime(datetime.now(UTC)),
            message_id=make_msgid(domain=one_line(socket.gethostname()) or "localhost"),
            made_at_s=self._clock(),
        )
        self._delivery.add(made)

    def _examine(self) -> None:
        """Say now what no mail server would take."""
        mail = self._config.mail
        for address in (*(mail.notification_email or ()), mail.notification_email_from):
            try:
                if address is not None:
                    bare_address(address)
            except ValueError as error:
                self._say(logging.ERROR, "mail-address", str(error))


def _now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _own_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "vipkeeper"
