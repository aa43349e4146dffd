"""One conversation with a real mail server: what is taken, put off and refused, and that nothing leaks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.contract.certificates import Authority, Certificate
from tests.notify.mail_servers import Inbox, dawdling, free_port, server_context, serving
from tests.notify.test_mail_text import MAIL
from vipkeeper.config.notify_schema import Mail as MailSettings
from vipkeeper.notify.mail_text import Mail
from vipkeeper.notify.smtp import Delivered, PutOff, Refused, Result, deliver, server_of


def settings(port: int, **more: object) -> MailSettings:
    made = MailSettings(smtp_server=f"127.0.0.1:{port}", smtp_helo_name="lb1", smtp_connect_timeout_s=10.0)
    return replace(made, **more)


def send(port: int, mail: Mail = MAIL, **more: object) -> Result:
    return deliver(settings(port, **more), mail, lambda _connection: None)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def port(inbox: Inbox) -> Iterator[int]:
    with serving(inbox) as port:
        yield port


def test_it_arrives_as_it_is(inbox: Inbox, port: int) -> None:
    assert send(port) == Delivered()
    ((mail,), (envelope,)) = inbox.mails, inbox.envelopes
    assert envelope == ("vipkeeper@lb1", ["ops@example.com", "zoe@example.com"])
    assert mail["Subject"] == MAIL.subject
    assert mail["To"] == "ops@example.com, Zoë <zoe@example.com>"
    assert mail["Date"] == MAIL.date
    assert mail.get_content().strip() == MAIL.body.strip()
    assert inbox.greeted == ["lb1"]


def test_words_beyond_ascii_arrive(inbox: Inbox, port: int) -> None:
    assert send(port, replace(MAIL, subject="[lb1] Störung", body="Zoë\n.\nmore\n")) == Delivered()
    assert inbox.mails[0]["Subject"] == "[lb1] Störung"
    assert inbox.mails[0].get_content().splitlines() == ["Zoë", ".", "more"]


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        ("451 greylisted, come again", PutOff("451 greylisted, come again", MAIL.recipients)),
        ("554 no", Refused("554 no")),
    ],
)
def test_what_the_server_says_of_the_mail_counts(inbox: Inbox, port: int, reply: str, result: Result) -> None:
    inbox.replies.append(reply)
    assert send(port) == result


def test_one_recipient_may_be_put_off_and_another_refused(inbox: Inbox, port: int) -> None:
    inbox.refused = {"ops@example.com": "450 greylisted"}
    assert send(port) == PutOff("450 greylisted", ("ops@example.com",))
    inbox.refused = {"ops@example.com": "550 unknown"}
    assert send(port) == Delivered(("ops@example.com: 550 unknown",))
    assert [each for _, each in inbox.envelopes] == [["zoe@example.com"]] * 2
    inbox.refused["zoe@example.com"] = "450 greylisted"
    late = PutOff("450 greylisted", MAIL.recipients[1:], ("ops@example.com: 550 unknown",))
    assert send(port) == late
    inbox.refused["zoe@example.com"] = "550 unknown"
    assert send(port) == Refused("ops@example.com: 550 unknown; zoe@example.com: 550 unknown")


def test_a_wrong_address_never_reaches_the_server(inbox: Inbox, port: int) -> None:
    result = send(port, replace(MAIL, recipients=("ops@example.com>\r\nRCPT TO:<x@y",)))
    assert isinstance(result, Refused)
    assert "is no mail address" in result.why
    assert inbox.envelopes == []


def test_nobody_there() -> None:
    result = send(free_port())
    assert isinstance(result, PutOff)
    assert "refused" in result.why


def test_a_server_that_says_nothing() -> None:
    with dawdling() as port:
        result = send(port, smtp_connect_timeout_s=0.3)
    assert result == PutOff("the server does not answer in time", MAIL.recipients)


def test_a_server_that_wants_nobody() -> None:
    with dawdling(b"554 go away\r\n") as port:
        assert send(port) == PutOff("554 go away", MAIL.recipients)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("mail") / "authority")


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    return authority.sign("mail")


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text("secret\n")
    return str(file)


class TestEncryption:
    """Asked for is asked for: without it nothing is said."""

    def test_starttls(self, inbox: Inbox, authority: Authority, certificate: Certificate) -> None:
        with serving(inbox, tls_context=server_context(certificate), require_starttls=True) as port:
            assert send(port, encryption="starttls", ca_file=str(authority.ca_file)) == Delivered()
            refused = send(port)
        assert inbox.encrypted == [True]
        assert refused == Refused("530 Must issue a STARTTLS command first")

    def test_tls_from_the_beginning(
        self, inbox: Inbox, authority: Authority, certificate: Certificate
    ) -> None:
        with serving(inbox, ssl_context=server_context(certificate)) as port:
            assert send(port, encryption="tls", ca_file=str(authority.ca_file)) == Delivered()

    def test_a_server_without_starttls_gets_no_mail(self, inbox: Inbox, port: int) -> None:
        result = send(port, encryption="starttls")
        assert isinstance(result, PutOff)
        assert "STARTTLS" in result.why
        assert inbox.mails == []

    @pytest.mark.parametrize("name", ["tls", "starttls"])
    def test_a_certificate_for_another_host_or_of_nobody_is_not_trusted(
        self, inbox: Inbox, authority: Authority, certificate: Certificate, name: str
    ) -> None:
        other = authority.sign("other", "IP:127.0.0.2")
        for shown, ca_file in ((certificate, None), (other, str(authority.ca_file))):
            context = server_context(shown)
            how: dict[str, Any] = {"ssl_context": context} if name == "tls" else {"tls_context": context}
            with serving(inbox, **how) as port:
                result = send(port, encryption=name, ca_file=ca_file)
            assert isinstance(result, PutOff)
            assert "certificate verify failed" in result.why
        assert inbox.mails == []

    def test_login(
        self, inbox: Inbox, authority: Authority, certificate: Certificate, password: str, tmp_path: Path
    ) -> None:
        context = server_context(certificate)
        known: dict[str, Any] = {
            "encryption": "starttls",
            "ca_file": str(authority.ca_file),
            "username": "vipkeeper",
        }
        (tmp_path / "wrong").write_text("wrong\n")
        options: dict[str, Any] = {
            "authenticator": inbox.authenticate,
            "auth_required": True,
        }
        with serving(inbox, tls_context=context, **options) as port:
            assert send(port, password_file=password, **known) == Delivered()
            wrong = send(port, password_file=str(tmp_path / "wrong"), **known)
            missing = send(port, password_file=str(tmp_path / "missing"), **known)
        assert isinstance(wrong, PutOff)
        assert wrong.why.startswith("535 ")
        assert isinstance(missing, PutOff)
        assert "No such file" in missing.why


def test_an_address_beyond_ascii_needs_a_server_that_knows_it(inbox: Inbox) -> None:
    mail = replace(MAIL, recipients=("zoë@example.com",))
    with serving(inbox, enable_SMTPUTF8=True) as port:
        assert send(port, mail) == Delivered()
    assert inbox.envelopes[0][1] == ["zoë@example.com"]
    with serving(inbox, enable_SMTPUTF8=False) as port:
        result = send(port, mail)
    assert isinstance(result, Refused)
    assert "write addresses in ASCII" in result.why


def test_the_connection_is_handed_out_before_anything_is_said() -> None:
    opened: list[socket.socket] = []
    with dawdling() as port:
        deliver(settings(port, smtp_connect_timeout_s=0.2), MAIL, opened.append)
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("text", "encryption", "found"),
    [
        ("smtp.example.com", "none", ("smtp.example.com", 25)),
        ("smtp.example.com", "starttls", ("smtp.example.com", 587)),
        ("smtp.example.com", "tls", ("smtp.example.com", 465)),
        ("smtp.example.com:2525", "tls", ("smtp.example.com", 2525)),
        ("[2001:db8::1]:26", "none", ("2001:db8::1", 26)),
        ("[2001:db8::1]", "none", ("2001:db8::1", 25)),
        ("2001:db8::1", "none", ("2001:db8::1", 25)),
    ],
)
def test_where_the_server_is(text: str, encryption: str, found: tuple[str, int]) -> None:
    assert server_of(replace(MailSettings(smtp_server=text), encryption=encryption)) == found


@pytest.mark.parametrize("text", ["", ":25", "a:b", "a:0", "a:70000", "[::1", "[::1]25"])
def test_where_no_server_can_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"write HOST, HOST:PORT or \[IPV6\]:PORT"):
        server_of(MailSettings(smtp_server=text))
