"""Real mail servers on loopback: one that takes everything, and those that refuse, dawdle or are dead.

Rules of this file: each runs beside the test in a thread of its own, as a server does.
"""

from __future__ import annotations

import contextlib
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.contract.certificates import Certificate


class Inbox:
    """A server's handler: what it got, and what it says to it. Replies are taken in order, then "250 OK"."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.refused: dict[str, str] = {}  # by recipient: what is answered
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.greeted: list[str] = []
        self.logins: list[bytes] = []
        self.encrypted: list[bool] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        reply = self.replies.pop(0) if self.replies else "250 OK"
        if reply.startswith("250"):
            parser = BytesParser(policy=email.policy.default)
            content = cast("bytes", envelope.content)
            self.mails.append(parser.parsebytes(content))
            self.envelopes.append((envelope.mail_from or "", list(envelope.rcpt_tos)))
            self.greeted.append(session.host_name or "")
            self.encrypted.append(session.ssl is not None)
        return reply

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login)
        return AuthResult(success=data == LoginPassword(b"vipkeeper", b"secret"), handled=False)

    def subjects(self) -> list[str]:
        return [mail["Subject"] for mail in self.mails]


@contextlib.contextmanager
def serving(inbox: Inbox, *, port: int = 0, **options: Any) -> Iterator[int]:
    """A server for this inbox; gives its port. `ssl_context`: encrypted from the beginning."""
    server = Controller(inbox, hostname="127.0.0.1", port=port or free_port(), ready_timeout=20, **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return cast("int", one.getsockname()[1])


@contextlib.contextmanager
def dawdling(greeting: bytes = b"") -> Iterator[int]:
    """A server that says this, a byte every 100 ms, and then nothing more; gives its port."""
    ended = threading.Event()

    def talk(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            for byte in greeting:
                if ended.wait(0.1):
                    return
                connection.sendall(bytes([byte]))
            ended.wait()

    def accept(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        try:
            yield cast("int", listening.getsockname()[1])
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)


def server_context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    return context
