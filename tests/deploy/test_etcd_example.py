"""The etcd example starts, asks for certificates, compacts by itself, and vipkeeper gets on with it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.commands import run

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
START_TIMEOUT_S = 60.0

pytestmark = [
    pytest.mark.etcd,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl (Debian package openssl)"),
]


@dataclass(frozen=True)
class Member:
    """A running member, made from the example."""

    url: str
    certificates: Path
    log: Path

    def tls_flags(self, *, client: bool = True) -> tuple[str, ...]:
        own = ("--cert", f"{self.certificates}/client.pem", "--key", f"{self.certificates}/client.key")
        return ("--endpoints", self.url, "--cacert", f"{self.certificates}/ca.pem", *(own if client else ()))


def free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def make_certificates(directory: Path) -> None:
    script = DEPLOY / "etcd" / "make-certificates"
    subprocess.run([script, directory, "node-a=127.0.0.1"], capture_output=True, timeout=60, check=True)


def adapted(certificates: Path, data: Path, client_port: int, peer_port: int) -> str:
    """The example with this machine's paths and ports, and without the two other members."""
    text = (DEPLOY / "etcd" / "etcd.yml").read_text()
    for old, new in (
        (",node-b=https://10.0.0.12:2380,node-c=https://10.0.0.13:2380", ""),
        ("10.0.0.11:2379", f"127.0.0.1:{client_port}"),
        ("10.0.0.11:2380", f"127.0.0.1:{peer_port}"),
        ("/etc/etcd/", f"{certificates}/"),
        ("/var/lib/etcd/vipkeeper", str(data)),
        ('"1h"', '"1s"'),  # nobody waits an hour for a test
    ):
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def running_member(directory: Path) -> Iterator[Member]:
    make_certificates(directory / "pki")
    client_port, peer_port = free_ports()
    config = directory / "etcd.yml"
    config.write_text(adapted(directory / "pki", directory / "data", client_port, peer_port))
    log = directory / "log"
    member = Member(f"https://127.0.0.1:{client_port}", directory / "pki", log)
    with log.open("wb") as output:
        process = subprocess.Popen(["etcd", "--config-file", config], stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while run("ls", *member.tls_flags()).returncode != 0:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield member
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    with running_member(tmp_path_factory.mktemp("etcd")) as started:
        yield started


def test_vipkeeper_reads_through_tls_with_a_client_certificate(member: Member) -> None:
    done = run("ls", *member.tls_flags(), "-o", "json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_the_example_file_for_tls_reaches_it(member: Member, tmp_path: Path) -> None:
    text = (DEPLOY / "examples" / "tls.toml").read_text()
    text = text.replace("/etc/vipkeeper/", f"{member.certificates}/").replace(
        "https://10.0.0.11:2379", member.url
    )
    text = text.replace('"https://10.0.0.12:2379", "https://10.0.0.13:2379"', "")
    # Without authentication switched on, etcd has no user to look for.
    lines = [line for line in text.splitlines() if not line.startswith(("username", "password_file"))]
    path = tmp_path / "tls.toml"
    path.write_text("\n".join(lines))
    done = run("ls", "--config", str(path))
    assert done.returncode == 0, done.stderr


def test_a_client_without_a_certificate_is_refused(member: Member) -> None:
    done = run("ls", *member.tls_flags(client=False))
    assert done.returncode == 69
    assert done.stderr.startswith("vipkeeper: the store ")


def test_a_client_that_does_not_know_the_authority_is_told_where_to_look(member: Member) -> None:
    done = run("ls", "--endpoints", member.url)
    assert done.returncode == 69
    assert "check ca_file" in done.stderr


def etcdctl(member: Member, *words: str) -> subprocess.CompletedProcess[str]:
    # vipkeeper's options for TLS are named as etcdctl's are.
    environment = {**os.environ, "ETCDCTL_API": "3"}
    command = ["etcdctl", *member.tls_flags(), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_old_revisions_are_compacted_by_itself(member: Member) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    oldest = ""
    while "compacted" not in oldest:
        assert time.monotonic() < deadline, member.log.read_text()
        assert etcdctl(member, "put", "x", "y").returncode == 0
        oldest = etcdctl(member, "get", "x", "--rev=2").stderr
        time.sleep(0.2)


def test_certificates_that_are_there_are_kept(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix in {".pem", ".key"}}
    make_certificates(tmp_path)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name in before}
    assert set(before) == {"ca.pem", "ca.key", "node-a.pem", "node-a.key", "client.pem", "client.key"}
