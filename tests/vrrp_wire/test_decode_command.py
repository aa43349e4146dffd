"""`vipkeeper vrrp decode` as a user runs it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.vrrp_wire.capture_files import on_ethernet, pcap, pcapng
from tests.vrrp_wire.worked_packets import ALL, V2_AH, V2_NONE, V2_PASS, V3_IPV6
from vrrp_compat.wire.checksum import ChecksumRule
from vrrp_compat.wire.discards import DiscardReason

ARP = bytes.fromhex("ffffffffffff 020000000001 0806") + bytes(28)


def decoded(*words: str) -> list[dict[str, object]]:
    done = run("vrrp", "decode", "-o", "json", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def piped(data: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "vipkeeper", "vrrp", "decode", "-o", "json", *words, "-"],
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    return done


def test_a_packet_as_digits() -> None:
    assert decoded(V2_AH.hex(), "--auth-key", "s3cretAH") == [
        {
            "version": 2,
            "type": 1,
            "vrid": 121,
            "priority": 255,
            "addresses": ["10.77.0.100"],
            "auth_type": "ah",
            "auth_data": None,
            "interval_cs": 100,
            "checksum_ok": True,
            "checksum_rule": "v2",
            "ah": {"spi": 0x0A4D0001, "sequence": 1, "icv_ok": True},
            "source": "10.77.0.1",
            "destination": "224.0.0.18",
            "ttl": 255,
            "verdict": "accept",
            "reason": None,
        }
    ]


@pytest.mark.parametrize("separator", [" ", ":", "\n", ""])
def test_digits_may_be_spaced(separator: str) -> None:
    (packet,) = decoded(V3_IPV6.hex(separator) if separator else V3_IPV6.hex().upper())
    assert packet["addresses"] == ["fe80::77:100", "fd77::100"]


def test_digits_may_be_several_words() -> None:
    (packet,) = decoded(V2_NONE[:20].hex(), V2_NONE[20:].hex())
    assert packet["vrid"] == 85


def test_a_wrong_key() -> None:
    (packet,) = decoded(V2_PASS.hex(), "--auth-key", "other")
    assert (packet["verdict"], packet["reason"]) == ("discard", "auth-password")


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_a_file(tmp_path: Path, make: type) -> None:
    path = tmp_path / "seen.pcap"
    path.write_bytes(make([ARP, *map(on_ethernet, ALL.values()), ARP], link_type=1))
    done = run("vrrp", "decode", str(path), "-o", "json")
    assert done.returncode == 0
    assert done.stderr == "vipkeeper: 2 other frames are no VRRP, and skipped\n"
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["version"] for each in shown] == [2, 2, 2, 2, 3, 3, 3]


def test_standard_input() -> None:
    for data in (pcap([V2_NONE]), V2_NONE.hex().encode(), V2_NONE.hex(" ").encode() + b"\n"):
        done = piped(data)
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout)["vrid"] == 85


def test_a_pipe_is_followed() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "vipkeeper", "vrrp", "decode", "-o", "json", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(pcap([V2_NONE]))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["vrid"] == 85  # while the pipe is open
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_a_damaged_file_shows_what_was_good(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap([V2_NONE, V2_NONE])[:-3])
    for form in ("json", "table"):
        done = run("vrrp", "decode", str(path), "-o", form)
        assert done.returncode == 65
        assert "10.77.0.100" in done.stdout
        assert done.stderr == (
            "vipkeeper: the capture is malformed at byte 96: it ends within a packet, 3 bytes short; "
            "capture again\n"
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("/nonexistent.pcap",),
            "/nonexistent.pcap cannot be read: No such file or directory; give a pcap file",
        ),
        (("/",), "/ cannot be read: Is a directory"),
        (("/dev/null",), "what was given is empty"),
        (("",), "what was given is empty"),
        (("abc",), "nor an even number of digits"),
        (("45c0", "zz"), "is neither a capture (pcap, pcapng) nor an even number of digits"),
        (("45c0",), "the 2 bytes begin with no whole IPv4"),
        (("-",), "what was given is empty"),
        ((sys.executable,), "is neither a capture"),
    ],
)
def test_what_cannot_be_read(words: tuple[str, ...], said: str) -> None:
    done = run("vrrp", "decode", *words)
    assert (done.returncode, done.stdout) == (65, "")
    assert said in done.stderr


@pytest.mark.parametrize("words", [("vrrp",), ("vrrp", "decode"), ("vrrp", "guess")])
def test_wrong_usage(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert "usage: vipkeeper vrrp" in done.stderr


def test_a_digit_row_longer_than_a_file_name() -> None:
    many = on_ethernet(V2_NONE) + bytes(400)
    (packet,) = decoded(many.hex())
    assert packet["vrid"] == 85


def test_the_table_explains_its_reasons() -> None:
    done = run("vrrp", "decode", (V2_NONE[:-1] + b"\1").hex())
    header, row, empty, explained = done.stdout.splitlines()
    assert header.split()[:3] == ["SOURCE", "DESTINATION", "TTL"]
    assert row.split()[-2:] == ["discard:", "checksum"]
    assert empty == ""
    assert explained.startswith("checksum: its checksum is wrong by every rule")


def test_the_page_has_every_reason_and_rule() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "vrrp-tools.md").read_text()
    first_cells = {
        line.split("|")[1].strip().strip("`") for line in page.splitlines() if line.startswith("| `")
    }
    assert {each.value for each in (*DiscardReason, *ChecksumRule)} <= first_cells


def test_on_a_terminal_there_is_colour_and_no_control_character_of_strangers() -> None:
    evil = V2_PASS[:-8] + b"\x1b[31mred"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "vipkeeper", "vrrp", "decode", evil.hex()],
        stdout=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200", "NO_COLOR": ""},
    ) as process:
        assert process.wait(timeout=30) == 0
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "\x1b[31mdiscard: checksum" in shown
    assert "0x1b5b33316d726564" in shown
