"""SMTP_CHECK against a real mail server, and against those that greet in odd ways."""

from __future__ import annotations

import pytest

from tests.checkers.asked import outcome
from tests.checkers.scripted_servers import Script, serving
from tests.notify import mail_servers
from vipkeeper.model.balancing import SmtpAsk

ASK = SmtpAsk("lb1.example.com")


class Greeted(mail_servers.Inbox):
    """Remembers who said HELO."""

    def __init__(self) -> None:
        super().__init__()
        self.helo: list[str] = []

    async def handle_HELO(self, server: object, session: object, envelope: object, name: str) -> str:  # noqa: N802 - aiosmtpd calls it so
        self.helo.append(name)
        return "250 well met"


def test_a_real_mail_server() -> None:
    inbox = Greeted()
    with mail_servers.serving(inbox) as port:
        found = outcome(ASK, port)
    assert found.ok
    assert found.detail.startswith("220 ")
    assert inbox.helo == ["lb1.example.com"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"220 hi\r\n250 well met\r\n221 bye\r\n", ""),
        (b"220-hi\r\n220-there\r\n220 you\r\n250-a\r\n250 b\r\n221 bye\r\n", ""),
        (b"220 hi\n250 well met\n221 bye\n", ""),
        (b"220\r\n250\r\n500 what?\r\n", ""),  # what is said to QUIT does not matter
        (b"554 go away\r\n", 'it said "554 go away" as greeting instead of 220'),
        (b"220 hi\r\n503 no\x07\r\n", 'it said "503 no?" to HELO instead of 250'),
        (b"SSH-2.0-OpenSSH_9\r\n", 'it said "SSH-2.0-OpenSSH_9" as greeting instead of 220'),
        (b"", "it closed the connection instead of answering (greeting)"),
        (b"220 hi\r\n", "it closed the connection instead of answering (HELO)"),
        (b"220 hi\r\n250 well met\r\n", "it closed the connection instead of answering (QUIT)"),
        (b"220 " + b"x" * 70000, "its answer (greeting) is longer than 64 KiB"),
        (b"220-x\r\n" * 20000, "its answer (greeting) is longer than 64 KiB"),
    ],
)
def test_dialogues(said: bytes, why: str) -> None:
    with serving(Script(said, reads_request=False)) as script:
        found = outcome(ASK, script.port)
    assert (found.ok, found.detail if why else "") == (not why, why)


def test_a_server_that_dawdles() -> None:
    with mail_servers.dawdling(b"220 hi") as port:
        found = outcome(ASK, port, timeout_s=0.2)
    assert found.detail == f"127.0.0.1:{port} did not answer in full within 0.2 s"
