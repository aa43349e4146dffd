"""SSL_GET: what is shown, what is trusted, and how it ends."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkers.asked import outcome, trouble
from tests.checkers.scripted_servers import Script, serving
from tests.contract.certificates import Authority, Certificate
from vipkeeper.health.checkers.page_search import end_searching
from vipkeeper.health.checkers.tls_contexts import context_for
from vipkeeper.model.balancing import HttpAsk, Page, Tls

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
TO_THE_END = b"HTTP/1.0 200 OK\r\n\r\nhello"
HELLO = Page("/", digest="5d41402abc4b2a76b9719d911017c592")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    return authority.sign("server")


@pytest.fixture
def context(certificate: Certificate) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate.cert_file, certificate.key_file)
    return made


def ask(page: Page = HELLO, tls: Tls = Tls()) -> HttpAsk:  # noqa: B008 - a frozen value
    return HttpAsk((page,), tls=tls)


def test_any_certificate_is_taken_without_a_ca(context: ssl.SSLContext) -> None:
    with serving(Script(OK), context=context) as script:
        found = outcome(ask(), script.port)
    assert (found.ok, found.detail) == (True, "/: status 200, the right MD5")
    assert script.names == [None]


@pytest.mark.parametrize(
    ("page", "settings", "said"),
    [
        (Page("/", host="www.example.com"), Tls(enable_sni=True), "www.example.com"),
        (Page("/", host="www.example.com:8443"), Tls(enable_sni=True), "www.example.com"),
        (Page("/", host="www.example.com"), Tls(enable_sni=True, sni="a.example.com"), "a.example.com"),
        (Page("/", host="www.example.com"), Tls(sni="a.example.com"), "a.example.com"),
        (Page("/", host="www.example.com"), Tls(), None),
        (Page("/"), Tls(enable_sni=True), None),
    ],
)
def test_which_name_the_handshake_says(
    context: ssl.SSLContext, page: Page, settings: Tls, said: str | None
) -> None:
    with serving(Script(OK), context=context) as script:
        assert outcome(HttpAsk((page,), tls=settings), script.port).ok
    assert script.names == [said]


def test_a_ca_judges_the_certificate(authority: Authority, context: ssl.SSLContext, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    with serving(Script(OK), context=context) as script:
        assert outcome(ask(tls=Tls(ca=str(authority.ca_file))), script.port).ok
        found = outcome(ask(tls=Tls(ca=str(stranger.ca_file))), script.port)
    assert not found.ok
    assert found.detail.startswith(f"/: no TLS with 127.0.0.1:{script.port}: its certificate is not trusted")


def test_the_check_shows_its_own_certificate(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path
) -> None:
    own = authority.sign("director")
    locked, password = tmp_path / "locked.key", tmp_path / "password"
    password.write_text("pass word\nand no more\n")
    encrypt = ("openssl", "pkey", "-aes256", "-passout", "pass:pass word", "-in", str(own.key_file))
    subprocess.run([*encrypt, "-out", str(locked)], check=True, capture_output=True)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    with serving(Script(OK), context=context) as script:
        assert not outcome(ask(), script.port).ok
        for key, word in ((own.key_file, ""), (locked, str(password))):
            shown = ask(tls=Tls(certificate=str(own.cert_file), key=str(key), password_file=word))
            assert outcome(shown, script.port).ok
        said = password.read_text().partition("\n")[0]
        written = ask(tls=Tls(certificate=str(own.cert_file), key=str(locked), password=said))
        assert outcome(written, script.port).ok
        assert script.client_certificates.count(True) == 3
        # A wrong or missing password is this node's trouble, and nobody is asked for it at a terminal.
        password.write_text("long" * 1000)
        for word in ("", str(own.cert_file), str(password)):
            shown = ask(tls=Tls(certificate=str(own.cert_file), key=str(locked), password_file=word))
            assert "correct the file, its key or its password" in trouble(shown, script.port)


def test_missing_files_are_this_nodes_trouble(context: ssl.SSLContext, tmp_path: Path) -> None:
    none, nonsense = str(tmp_path / "none.pem"), tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")
    with serving(Script(OK), context=context) as script:
        said = trouble(ask(tls=Tls(ca=none)), script.port)
        assert said == f"{none} cannot be read (No such file or directory): correct `[ssl]`"
        assert f"TLS checks cannot trust {nonsense} (" in trouble(ask(tls=Tls(ca=str(nonsense))), script.port)
        assert f"TLS checks cannot show {nonsense} (" in trouble(
            ask(tls=Tls(certificate=str(nonsense))), script.port
        )


def test_a_renewed_certificate_counts_from_the_next_check_on(authority: Authority, tmp_path: Path) -> None:
    first, second = authority.sign("first"), authority.sign("second")
    whole = tmp_path / "own.pem"
    whole.write_text(first.cert_file.read_text() + first.key_file.read_text())
    settings = Tls(certificate=str(whole))
    context = context_for(settings)
    assert context_for(settings) is context  # one for all checks
    whole.write_text(second.cert_file.read_text() + second.key_file.read_text())
    assert context_for(settings) is not context


@pytest.mark.parametrize(
    ("script", "ok"),
    [
        pytest.param(Script(OK, then="close"), True, id="said goodbye"),
        pytest.param(Script(OK, then="cut"), False, id="length known, no goodbye"),
        pytest.param(Script(TO_THE_END, then="cut"), False, id="until the end, no goodbye"),
        pytest.param(Script(TO_THE_END, then="close"), True, id="until the end"),
    ],
)
def test_a_missing_goodbye_matters_only_when_asked_for(
    context: ssl.SSLContext, script: Script, ok: bool
) -> None:
    with serving(script, context=context):
        assert outcome(ask(), script.port).ok
        found = outcome(ask(Page("/", tls_compliant=True)), script.port)
    assert found.ok is ok
    assert ok or found.detail == "/: the TLS connection ended without close_notify (`tls_compliant`)"


def test_no_tls_is_spoken_there() -> None:
    with serving(Script(b"HTTP/1.1 400 Bad\r\n\r\n", reads_request=False)) as script:
        found = outcome(ask(), script.port)
    assert found.detail.startswith(f"/: no TLS with 127.0.0.1:{script.port}: ")
    with serving(Script(b"", reads_request=False)) as script:
        found = outcome(ask(), script.port)
    where = f"127.0.0.1:{script.port}"
    assert found.detail == f"/: {where} closed the connection during the TLS handshake"


def test_a_server_that_says_nothing_in_the_handshake() -> None:
    with serving(Script(then="hold", reads_request=False)) as script:
        found = outcome(ask(), script.port, timeout_s=0.2)
    assert found.detail == f"/: 127.0.0.1:{script.port} did not answer in full within 0.2 s"


OLD = ("-tls1", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
WITHOUT_CERTIFICATE = ("-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0")


@contextlib.contextmanager
def openssls_server(*options: str) -> Iterator[int]:
    """A server of others: `openssl s_server -www` shows a page about the connection. Gives its port."""
    command = ["openssl", "s_server", "-www", "-accept", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            line = next(line for line in server.stdout if line.startswith(b"ACCEPT"))
            yield int(line.rpartition(b":")[2])
        finally:
            server.terminate()
            end_searching()


@pytest.mark.parametrize(
    ("options", "spoken"),
    [
        pytest.param((), "TLSv1.3", id="of today"),
        # What OpenSSL 3 refuses by default; keepalived's check takes it too.
        pytest.param(OLD, "TLSv1", id="of 1999"),
    ],
)
def test_servers_of_all_times(certificate: Certificate, options: tuple[str, ...], spoken: str) -> None:
    own = ("-cert", str(certificate.cert_file), "-key", str(certificate.key_file))
    with openssls_server(*own, *options) as port:
        page = Page("/", regex=f"Protocol *: {spoken}\\s", tls_compliant=True)
        assert outcome(ask(page), port).detail == "/: status 200, a match"


def test_a_server_that_shows_no_certificate_is_none_that_the_ca_knows(authority: Authority) -> None:
    with openssls_server("-nocert", *WITHOUT_CERTIFICATE) as port:
        assert outcome(ask(Page("/")), port).ok
        found = outcome(ask(Page("/"), Tls(ca=str(authority.ca_file))), port)
    assert found.detail.startswith(f"/: no TLS with 127.0.0.1:{port}: ")
