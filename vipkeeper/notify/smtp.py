"""One conversation with a mail server, to its end: it blocks, and belongs into a thread of its own.

Rules of this file: it never raises; what concerns the server or the login is put off, because somebody may
repair it; what concerns the mail is put off or refused as the server says (4xx, 5xx).
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from vipkeeper.config.notify_schema import Mail as MailSettings
from vipkeeper.notify.mail_text import Mail, bare_address, message

_PORTS = {"none": 25, "starttls": 587, "tls": 465}


class Delivered(msgspec.Struct, frozen=True):
    """The server has it for all but these, who will never get it; with the reason for each."""

    refused: tuple[str, ...] = ()


class PutOff(msgspec.Struct, frozen=True):
    """Later perhaps, for those that are left."""

    why: str
    left: tuple[str, ...]
    refused: tuple[str, ...] = ()


class Refused(msgspec.Struct, frozen=True):
    """Nobody will ever get it."""

    why: str


Result = Delivered | PutOff | Refused


def server_of(settings: MailSettings) -> tuple[str, int]:
    """Host and port. Raises ValueError."""
    text, usual = settings.smtp_server or "", _PORTS[settings.encryption]
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise ValueError(f"{text!r} is no mail server: write HOST, HOST:PORT or [IPV6]:PORT")
        port = port[1:]
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise ValueError(f"{text!r} is no mail server: write HOST, HOST:PORT or [IPV6]:PORT")
    return host, int(port) if port else usual


def deliver(settings: MailSettings, mail: Mail, opened: Callable[[socket.socket], None]) -> Result:
    """Send it. `opened` gets the connection, so that somebody else can end it."""
    try:
        made, sender = message(mail), bare_address(mail.sender)
        recipients = {bare_address(text): text for text in mail.recipients}
    except ValueError as error:
        return Refused(str(error))
    try:
        server = _greeted(settings, opened)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return PutOff(_explained(error), mail.recipients)
    try:
        refused = server.send_message(made, sender, list(recipients))
    except smtplib.SMTPRecipientsRefused as error:
        return _partly(recipients, error.recipients, mail)
    except smtplib.SMTPResponseException as error:
        permanent = 500 <= error.smtp_code < 600
        return Refused(_explained(error)) if permanent else PutOff(_explained(error), mail.recipients)
    except smtplib.SMTPNotSupportedError as error:
        return Refused(f"{error}; write addresses in ASCII, or use a server with SMTPUTF8")
    except (OSError, smtplib.SMTPException) as error:
        return PutOff(_explained(error), mail.recipients)
    finally:
        _leave(server)
    return _partly(recipients, refused, mail)


def _greeted(settings: MailSettings, opened: Callable[[socket.socket], None]) -> smtplib.SMTP:
    """Connected, encrypted if asked for, and logged in. Raises OSError, SMTPException or ValueError."""
    host, port = server_of(settings)
    kind = _EncryptedServer if settings.encryption == "tls" else _Server
    server = kind(settings, opened)
    try:
        code, said = server.connect(host, port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if settings.encryption == "starttls":
            server.starttls(context=_context(settings))
        server.ehlo_or_helo_if_needed()
        if settings.username is not None:
            server.login(settings.username, _password(settings))
    except BaseException:
        server.close()
        raise
    return server


class _Server(smtplib.SMTP):
    """Hands out its connection before anything is said over it."""

    def __init__(self, settings: MailSettings, opened: Callable[[socket.socket], None]) -> None:
        name = settings.smtp_helo_name or socket.gethostname()
        super().__init__(local_hostname=name, timeout=settings.smtp_connect_timeout_s)
        self._settings = settings
        self._opened = opened

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        self._host = host  # starttls() checks the certificate against it
        connection = socket.create_connection((host, port), timeout)
        self._opened(connection)
        return connection


class _EncryptedServer(_Server):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        return _context(self._settings).wrap_socket(plain, server_hostname=host)


def _context(settings: MailSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.ca_file)


def _password(settings: MailSettings) -> str:
    if settings.password_file is None:
        return ""
    return Path(settings.password_file).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")


def _leave(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _partly(recipients: Mapping[str, str], refused: Mapping[str, tuple[int, bytes]], mail: Mail) -> Result:
    """Some may not get it, or not now (greylisting)."""
    later = tuple(recipients[address] for address, (code, _) in refused.items() if code < 500)
    never = tuple(
        f"{address}: {code} {_text(said)}" for address, (code, said) in refused.items() if code >= 500
    )
    if later:
        code, said = next(answer for answer in refused.values() if answer[0] < 500)
        return PutOff(f"{code} {_text(said)}", later, never)
    if len(never) == len(mail.recipients):
        return Refused("; ".join(never))
    return Delivered(never)


def _explained(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "the server does not answer in time"
    return f"{type(error).__name__}: {error}"


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
