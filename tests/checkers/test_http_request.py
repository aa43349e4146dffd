"""What is sent to a web server, beside what keepalived sends."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.checkers.asked import outcome
from tests.checkers.scripted_servers import Script, serving
from vipkeeper.health.checkers.http_request import request
from vipkeeper.model.balancing import HttpAsk, Page, Reach

OK = b"HTTP/1.0 200 OK\r\n\r\nhello"
HERE = Reach("10.0.0.11", 8080)


@pytest.mark.root  # not for a right: where tests run as root, Debian's packages are installed
@pytest.mark.parametrize("protocol", ["1.0", "1.0C", "1.1"])
@pytest.mark.parametrize("host", ["", "www.example.com"])
def test_the_same_as_keepalived_but_for_the_name(protocol: str, host: str) -> None:
    assert shutil.which("genhash")
    with serving(Script(OK)) as script:
        words = ["genhash", "-s", "127.0.0.1", "-p", str(script.port), "-u", "/a?b=c", "-P", protocol.lower()]
        subprocess.run([*words, *(("-V", host) if host else ())], check=True, capture_output=True)
        assert outcome(HttpAsk((Page("/a?b=c", host=host),), protocol=protocol), script.port).ok
    theirs, ours = (re.sub(rb"User-Agent: [^\r]*", b"User-Agent: x", sent) for sent in script.requests)
    assert sorted(ours.split(b"\r\n")) == sorted(theirs.split(b"\r\n"))
    assert ours.split(b"\r\n")[0] == theirs.split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("reach", "host"),
    [
        (Reach("10.0.0.11", 80), "10.0.0.11:80"),
        (Reach("2001:db8::1", 8080), "[2001:db8::1]:8080"),
        (Reach("fe80::1%eth0", 80), "[fe80::1]:80"),
    ],
)
def test_the_host_of_a_server_without_a_name(reach: Reach, host: str) -> None:
    assert f"\r\nHost: {host}\r\n".encode() in request(Page("/"), "1.0", reach)


def test_nothing_in_a_setting_can_begin_another_line() -> None:
    page = Page("/a b\r\nX: y\u00e9", host="a\r\nb")
    lines = request(page, "1.1", HERE).split(b"\r\n")
    assert lines[0] == b"GET /a%20b%0D%0AX:%20y%C3%A9 HTTP/1.1"
    assert lines[2:] == [b"Host: a%0D%0Ab", b"Connection: close", b"", b""]
