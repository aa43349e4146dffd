"""`vipkeeper genhash` prints what keepalived's genhash prints, and what a check compares."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.checkers.scripted_servers import Script, serving
from tests.cli.commands import run
from tests.contract.certificates import Authority

BODY = bytes(range(256)) * 400
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()


def test_the_md5_of_a_page() -> None:
    with serving(Script(PAGE)) as script:
        done = run("genhash", "--server", "127.0.0.1", "--port", str(script.port), "--url", "/a")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{MD5}\n", "")
    assert script.paths == ["/a"]


def test_over_tls_with_a_name(tmp_path: Path) -> None:
    certificate = Authority(tmp_path / "authority").sign("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    with serving(Script(PAGE), context=context) as script:
        words = ("-s", "127.0.0.1", "-p", str(script.port), "-u", "/", "-S", "-I", "-V", "www.example.com")
        done = run("genhash", *words)
    assert (done.returncode, done.stdout) == (0, f"{MD5}\n")
    assert script.names == ["www.example.com"]


@pytest.mark.root  # not for a right: where tests run as root, Debian's packages are installed
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(PAGE, id="content-length"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n" + BODY, id="until the end"),
        pytest.param(PAGE + b"more than promised", id="more"),
        pytest.param(PAGE[:-5000], id="less than promised"),
        pytest.param(b"HTTP/1.0 404 No\r\n\r\n" + BODY, id="an error"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", id="empty"),
    ],
)
def test_the_same_as_keepaliveds(page: bytes) -> None:
    with serving(Script(page)) as script:
        words = ("-s", "127.0.0.1", "-p", str(script.port), "-u", "/")
        ours = run("genhash", *words)
        theirs = subprocess.run(["genhash", *words], check=True, capture_output=True, text=True)
    assert ours.stdout.strip() in theirs.stdout.replace(" ", "").lower()
    assert len(ours.stdout.strip()) == 32


@pytest.mark.parametrize(
    ("page", "remark"),
    [
        (b"HTTP/1.0 404 No\r\n\r\nx", "vipkeeper: this is the page of an error (status 404)\n"),
        (
            b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nx",
            "vipkeeper: the page was cut short after 1 of 9 bytes\n",
        ),
    ],
)
def test_a_page_that_one_should_look_at_again(page: bytes, remark: str) -> None:
    with serving(Script(page)) as script:
        done = run("genhash", "-s", "127.0.0.1", "-p", str(script.port), "-u", "/")
    assert (done.returncode, done.stderr) == (0, remark)
    assert len(done.stdout) == 33


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("-s", "web1", "-u", "/"), 2, '--server: "web1" is not an address; write for example 10.0.0.11'),
        (("-s", "127.0.0.1", "-p", "70000", "-u", "/"), 2, "--port: 70000 is no port; there are 1 to 65535"),
        (("-s", "127.0.0.1", "-t", "nan", "-u", "/"), 2, "--timeout: nan: it has to be more than 0"),
        (("-s", "127.0.0.1", "-p", "0", "-u", "/"), 2, "--port: 0 is no port; there are 1 to 65535"),
        (("-s", "127.0.0.1", "-p", "1", "-u", "/"), 1, "no page to hash: connection refused by 127.0.0.1:1"),
    ],
)
def test_when_there_is_nothing_to_hash(words: tuple[str, ...], code: int, said: str) -> None:
    done = run("genhash", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
