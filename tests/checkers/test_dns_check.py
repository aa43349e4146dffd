"""DNS_CHECK: its question as scapy reads it, a real DNS server, and answers that are none."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from scapy.layers.dns import DNS

from tests.checkers.asked import outcome, trouble
from tests.checkers.scripted_servers import datagrams
from vipkeeper.health.checkers.dns_messages import TYPES, answer_found, question
from vipkeeper.model.balancing import DnsAsk

ASK = DnsAsk("SOA", ".")
QR, TC = 0x8000, 0x0200


def answered(asked: bytes, flags: int = QR, *, answers: int = 1, number: int | None = None) -> bytes:
    """An answer with that header, and the question as it came."""
    own = struct.unpack_from("!H", asked)[0]
    return struct.pack("!HHHHHH", own if number is None else number, flags, 1, answers, 0, 0) + asked[12:]


@pytest.mark.parametrize("kind", sorted(TYPES))
@pytest.mark.parametrize("name", [".", "com", "www.example.com", "www.example.com.", "büro.example"])
def test_the_question_is_what_scapy_reads(kind: str, name: str) -> None:
    read = DNS(question(4711, name, kind))
    wanted = name.rstrip(".").encode("idna") + b"."
    assert (read.id, read.qr, read.rd, read.qdcount, read.ancount) == (4711, 0, 1, 1, 0)
    assert (read.qd[0].qname, read.qd[0].qtype, read.qd[0].qclass) == (wanted, TYPES[kind], 1)


@pytest.mark.parametrize("name", ["a..b", ".a", "x" * 64, ".".join(["x" * 60] * 5)])
def test_what_is_no_domain_name(name: str) -> None:
    with pytest.raises(ValueError, match="is no domain name"):
        question(1, name, "A")
    assert trouble(DnsAsk("A", name), 53).endswith("correct `name`")


def test_a_name_of_the_greatest_length() -> None:
    name = ".".join(["x" * 63] * 3 + ["x" * 61])
    assert len(question(1, name, "A")) == 12 + 255 + 4


@pytest.mark.parametrize(
    ("answers", "detail"),
    [
        (lambda asked: [answered(asked)], "1 record"),
        (lambda asked: [answered(asked, answers=0)], "0 records"),
        (lambda asked: [answered(asked, QR | TC, answers=0)], "0 records, truncated"),
        (
            lambda asked: [b"", b"x", answered(asked, number=0, flags=0), answered(asked, answers=2)],
            "2 records",
        ),
    ],
)
def test_answers(answers: Callable[[bytes], Sequence[bytes]], detail: str) -> None:
    with datagrams(answers) as port:
        found = outcome(ASK, port)
    assert (found.ok, found.detail) == (True, detail)


@pytest.mark.parametrize(
    ("rcode", "word"), [(1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED"), (9, "rcode 9")]
)
def test_errors(rcode: int, word: str) -> None:
    with datagrams(lambda asked: [answered(asked, QR | rcode, answers=0)]) as port:
        found = outcome(ASK, port)
    assert (found.ok, found.detail) == (False, f"it answers {word}")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(
            lambda asked: answered(asked, number=struct.unpack_from("!H", asked)[0] ^ 1), id="other id"
        ),
        pytest.param(lambda asked: answered(asked, flags=0), id="a question"),
        pytest.param(lambda asked: answered(asked)[:11], id="too short"),
        pytest.param(lambda asked: answered(asked)[:-4] + struct.pack("!HH", 1, 1), id="other type"),
        pytest.param(lambda asked: answered(question(1, "example.org", "SOA")), id="other name"),
    ],
)
def test_what_is_not_the_answer_is_waited_past(wrong: Callable[[bytes], bytes]) -> None:
    with datagrams(lambda asked: [wrong(asked), answered(asked)]) as port:
        assert outcome(ASK, port).ok
    with datagrams(lambda asked: [wrong(asked)]) as port:
        found = outcome(ASK, port, timeout_s=0.2)
    assert (found.ok, found.detail) == (False, f"no answer from 127.0.0.1:{port} within 0.2 s")


def test_the_case_of_the_name_does_not_matter() -> None:
    asked = question(7, "WWW.example.com", "A")
    assert answer_found(asked, answered(asked).lower()) == "1 record"


def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    found = outcome(ASK, port)
    assert (found.ok, found.detail) == (False, f"connection refused by 127.0.0.1:{port}")


@pytest.fixture
def dnsmasq(tmp_path: Path) -> Iterator[int]:
    """A real server for the zone example.test."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = tmp_path / "dnsmasq.conf"
    settings.write_text(
        f"port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\n"
        "local=/example.test/\nhost-record=www.example.test,192.0.2.1\ntxt-record=www.example.test,hello\n"
        "mx-host=example.test,www.example.test\n"
    )
    with subprocess.Popen(["dnsmasq", "--keep-in-foreground", f"--conf-file={settings}"]) as server:
        try:
            deadline_s = time.monotonic() + 20
            while not outcome(DnsAsk("A", "www.example.test"), port, timeout_s=1.0).ok:
                assert time.monotonic() < deadline_s
                time.sleep(0.01)
            yield port
        finally:
            server.terminate()


@pytest.mark.root  # not for a right: where tests run as root, Debian's packages are installed
def test_a_real_server(dnsmasq: int) -> None:
    for kind, name, ok, detail in (
        ("A", "www.example.test", True, "1 record"),
        ("TXT", "www.example.test.", True, "1 record"),
        ("MX", "example.test", True, "1 record"),
        ("AAAA", "www.example.test", True, "0 records"),
        ("A", "none.example.test", False, "it answers NXDOMAIN"),
        ("A", "www.example.com", False, "it answers REFUSED"),
    ):
        found = outcome(DnsAsk(kind, name), dnsmasq)
        assert (found.ok, found.detail) == (ok, detail), (kind, name)
