"""A real SMTP server in a host's namespace, on port 25 of its loopback, that keeps what it gets.

It is a thread of this process: a program more on each node takes seconds to start under User-Mode Linux.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import socket
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

from vipkeeper.lab.network import Host

_POLL_S = 0.05
_PATIENCE_S = 30.0


class MailBox:
    """The mails that arrived at one host."""

    def __init__(self) -> None:
        self._contents: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - its name
        self._contents.append(envelope.content)
        return "250 kept"

    def mails(self) -> list[EmailMessage]:
        """In the order of their arrival."""
        return [email.message_from_bytes(each, policy=email.policy.default) for each in list(self._contents)]

    def subjects(self) -> list[str]:
        """In the order of their arrival."""
        return [str(mail["Subject"]) for mail in self.mails()]

    def wait_for(self, words: str) -> EmailMessage:
        """The first mail with these words in its subject. Raises TimeoutError."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            for mail in self.mails():
                if words in str(mail["Subject"]):
                    return mail
            if time.monotonic() > deadline:
                raise TimeoutError(f"no mail {words!r}, only {self.subjects()}")
            time.sleep(_POLL_S)


@contextlib.contextmanager
def run_mail_box(host: Host) -> Iterator[MailBox]:
    """It takes mail from the start to the end of the block."""
    box = MailBox()
    loop = asyncio.new_event_loop()
    listening = host.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 25))
    thread = threading.Thread(target=loop.run_forever, name=f"mail-{host.name}")
    thread.start()
    serving = loop.create_server(lambda: SMTP(box, loop=loop), sock=listening)
    server = asyncio.run_coroutine_threadsafe(serving, loop).result(_PATIENCE_S)
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
