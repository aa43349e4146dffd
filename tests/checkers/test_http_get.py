"""HTTP_GET against servers that are well, odd, slow, broken and mad."""

from __future__ import annotations

import functools
import hashlib
import http.server
import socket
import threading
from pathlib import Path

import pytest

from tests.checkers.asked import outcome
from tests.checkers.scripted_servers import ANY, Script, serving
from vipkeeper.health.checkers import http_answer
from vipkeeper.health.checkers.results import Turn
from vipkeeper.model.balancing import CheckOutcome, HttpAsk, Page

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
)
MD5 = hashlib.md5(b"hello", usedforsecurity=False).hexdigest()
HELLO = Page("/", digest=MD5)
TINY_S = 0.3


def get(script: Script, page: Page = HELLO, protocol: str = "1.0", timeout_s: float = 20.0) -> CheckOutcome:
    with serving(script):
        return outcome(HttpAsk((page,), protocol=protocol), script.port, timeout_s=timeout_s)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(OK), id="content-length"),
        pytest.param(Script(OK, then="hold"), id="the server keeps the connection"),
        pytest.param(Script(OK + b"\r\nHTTP/1.1 500 No\r\n\r\n"), id="something follows"),
        pytest.param(Script(CHUNKED, then="hold"), id="chunked"),
        pytest.param(Script(b"HTTP/1.0 200 OK\r\n\r\nhello"), id="until the end"),
        pytest.param(Script(b"HTTP/1.0 200\r\n\r\nhello"), id="no reason"),
        pytest.param(Script(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"), id="bare line feeds"),
        pytest.param(Script(b"HTTP/1.1 100 Continue\r\n\r\n" + OK), id="1xx before"),
        pytest.param(Script(*(OK[at : at + 1] for at in range(len(OK)))), id="byte by byte"),
        pytest.param(
            Script(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello"),
            id="less than promised, as keepalived",
        ),
    ],
)
@pytest.mark.parametrize("protocol", ["1.0", "1.0C", "1.1"])
def test_answers_of_all_forms_have_the_same_body(script: Script, protocol: str) -> None:
    script.ended.clear()
    found = get(script, protocol=protocol)
    assert (found.ok, found.part) == (True, False), found
    assert found.detail.startswith("/: status 200, the right MD5")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (Script(b""), "it closed the connection without an answer"),
        (Script(b"HTTP/1.1 200 OK\r\nServer: x"), "it closed the connection within the header"),
        (Script(b"", then="reset"), "connection reset by 127.0.0.1"),
        (Script(OK[:-2], then="reset"), "connection reset by 127.0.0.1"),
        (Script(b"SSH-2.0-OpenSSH_9\r\n"), 'it does not speak HTTP; it sent "SSH-2.0-OpenSSH_9\\r\\n"'),
        (Script(b"\x15\x03\x01\x00\x02\x02\x16"), 'it does not speak HTTP; it sent "\\x15\\x03'),
        (Script(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000), "its header is longer than 64 KiB"),
        (
            Script(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"),
            "its answer is broken after 5 bytes",
        ),
        (
            Script(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            "its MD5 is d41d8cd98f00b204e9800998ecf8427e instead of",
        ),
    ],
)
def test_what_is_no_good_answer_is_said_in_words(script: Script, why: str) -> None:
    found = get(script)
    assert not found.ok
    assert found.detail.startswith(f"/: {why}")


@pytest.mark.parametrize(
    ("status", "ranges", "ok"),
    [
        (200, ((200, 299),), True),
        (204, ((200, 299),), True),
        (301, ((200, 299),), False),
        (301, ((200, 200), (301, 304)), True),
        (305, ((200, 200), (301, 304)), False),
        (599, ((100, 599),), True),
        (500, (), True),
    ],
)
def test_status_codes(status: int, ranges: tuple[tuple[int, int], ...], ok: bool) -> None:
    script = Script(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
    found = get(script, Page("/a", status=ranges))
    assert found.ok is ok
    assert found.detail.startswith(f"/a: status {status}")


def test_the_wanted_status_is_told() -> None:
    found = get(
        Script(b"HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n"), Page("/", status=((200, 200), (204, 206)))
    )
    assert found.detail == "/: status 302 instead of 200 204-206"


def test_what_is_missing_of_a_page_is_told() -> None:
    found = get(Script(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello"), Page("/"))
    assert found == CheckOutcome(ok=True, detail="/: status 200, cut short after 5 of 500 bytes")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(then="hold"), id="silent"),
        pytest.param(Script(OK[:-1], then="hold"), id="the last byte is missing"),
        pytest.param(
            Script(*[b"HTTP/1.0 200 OK\r\n\r\n"] + [b"x"] * 3000, pause_s=0.02), id="a byte now and then"
        ),
    ],
)
def test_the_time_limit_is_for_the_whole_answer(script: Script) -> None:
    found = get(script, timeout_s=TINY_S)
    assert found.detail == f"/: 127.0.0.1:{script.port} did not answer in full within 0.3 s"


@pytest.mark.parametrize("line", [b"0\r\nA: ", b"1;"], ids=["trailer", "chunk extension"])
def test_what_is_no_body_has_an_end_too(line: bytes) -> None:
    begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + line
    script = Script(begin, *[b"x" * 2**16] * 3, then="hold")
    assert get(script, Page("/")).detail == "/: its trailer is longer than 64 KiB"


def test_a_page_without_end_is_not_taken_into_memory() -> None:
    chunk = b"x" * 2**20
    count = http_answer.LONGEST_BODY // len(chunk) + 1
    script = Script(b"HTTP/1.0 200 OK\r\n\r\n", *[chunk] * count, then="hold")
    assert (
        "the page is longer than 16 MiB: let the check ask for a smaller one" in get(script, Page("/")).detail
    )


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = outcome(HttpAsk((HELLO,)), port)
    assert (found.ok, found.detail) == (False, f"/: connection refused by 127.0.0.1:{port}")


def test_ipv6_has_brackets_in_its_host() -> None:
    with serving(Script(OK), family=socket.AF_INET6) as script:
        assert outcome(HttpAsk((HELLO,)), script.port, address=ANY[socket.AF_INET6]).ok
    assert f"Host: [::1]:{script.port}\r\n".encode() in script.requests[0]


class TestPages:
    """Several pages: which one is asked for, and what it counts for."""

    PAGES = (Page("/a"), Page("/b"), Page("/c"))

    def asked(self, turn: Turn, *, fast: bool = False, bad: str = "") -> tuple[list[str], CheckOutcome]:
        script = Script(OK, by_path={bad: OK.replace(b"200", b"500")} if bad else None)
        with serving(script):
            found = outcome(HttpAsk(self.PAGES, fast_recovery=fast), script.port, turn=turn)
        return script.paths, found

    @pytest.mark.parametrize(("up", "fast"), [(False, False), (True, False), (True, True)])
    def test_one_at_each_turn_in_their_order(self, up: bool, fast: bool) -> None:
        for parts, path in enumerate(["/a", "/b", "/c"]):
            paths, found = self.asked(Turn(parts, up=up), fast=fast)
            assert (paths, found.ok, found.part) == ([path], True, path != "/c")

    def test_fast_recovery_asks_for_all_at_one_turn(self) -> None:
        paths, found = self.asked(Turn(0, up=False), fast=True)
        assert (paths, found.ok, found.part) == (["/a", "/b", "/c"], True, False)

    def test_fast_recovery_stops_at_the_first_that_fails(self) -> None:
        paths, found = self.asked(Turn(0, up=False), fast=True, bad="/b")
        assert (paths, found.ok) == (["/a", "/b"], False)
        assert found.detail == "/b: status 500 instead of 200-299"

    def test_fewer_pages_than_before_a_reload(self) -> None:
        paths, found = self.asked(Turn(7, up=True))
        assert (paths, found.part) == (["/b"], True)


def test_the_standard_librarys_server(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_bytes(b"hello")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            port = server.server_port
            for protocol in ("1.0", "1.0C", "1.1"):
                assert outcome(HttpAsk((HELLO,), protocol=protocol), port).ok
            missing = outcome(HttpAsk((Page("/none"),)), port)
            assert missing.detail == "/none: status 404 instead of 200-299"
        finally:
            server.shutdown()
            thread.join()
