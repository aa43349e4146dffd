"""`vipkeeper ls` against a real etcd, and against none."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tests.cli.commands import run
from tests.cli.stored_records import candidacy, info, vip
from tests.contract.bad_servers import refusing_server, silent_server
from tests.contract.etcd_server import EtcdServer
from vipkeeper.model.records import Keys, LeaseRecord

KEYS = Keys("shop")
# What `ls` may take, in starts of Python with asyncio.
AS_LONG_AS_PYTHON = 4.0


def stored_now() -> dict[str, msgspec.Struct]:
    now = datetime.now(UTC).isoformat()
    lease = LeaseRecord(incarnation="i1", seq="s", ttl_ms=3_600_000, fence="bpf", renewed=now)
    return {
        KEYS.vip("web"): vip(),
        KEYS.lease("n1"): lease,
        KEYS.info("n1"): msgspec.structs.replace(info(candidacy("web")), written=now),
    }


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    with EtcdServer(tmp_path_factory.mktemp("etcd")) as server:
        for key, value in stored_now().items():
            server.etcdctl("put", key, msgspec.json.encode(value).decode())
        yield server


@pytest.mark.etcd
def test_json_has_the_keys_that_scripts_rely_on(etcd: EtcdServer) -> None:
    done = run("ls", "--endpoints", etcd.url, "--cluster", "shop", "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    (web,) = json.loads(done.stdout)
    promised = {"vip", "addresses", "owner", "epoch", "since", "reason", "lease_remaining_ms", "fence"}
    assert promised | {"candidates"} <= web.keys()
    assert (web["vip"], web["owner"], web["epoch"], web["fence"]) == ("web", "n1", 3, "bpf")
    assert 0 < web["lease_remaining_ms"] <= 3_600_000
    (candidate,) = web["candidates"]
    assert {"node", "priority", "eligible", "reason"} <= candidate.keys()


@pytest.mark.etcd
def test_the_table_is_plain_where_nobody_looks(etcd: EtcdServer) -> None:
    done = run("ls", "--endpoints", etcd.url, "--cluster", "shop")
    assert (done.returncode, done.stderr) == (0, "")
    heading, row = done.stdout.splitlines()
    assert heading.split()[:3] == ["VIP", "ADDRESSES", "OWNER"]
    assert row.split()[0] == "web"
    assert "\x1b" not in done.stdout


def on_terminal(*words: str, environment: dict[str, str]) -> str:
    """What a command writes when its standard output is a terminal."""
    ours, theirs = pty.openpty()
    try:
        command = [sys.executable, "-m", "vipkeeper", *words]
        given = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        with subprocess.Popen(command, stdout=theirs, env={**given, **environment}) as process:
            os.close(theirs)
            shown = b""
            try:
                while chunk := os.read(ours, 4096):
                    shown += chunk
            except OSError:  # EIO: the other end is closed
                pass
            assert process.wait(timeout=60) == 0
    finally:
        os.close(ours)
    return shown.decode()


@pytest.mark.etcd
def test_colour_is_for_terminals_and_no_color_is_honoured(etcd: EtcdServer) -> None:
    words = ("ls", "--endpoints", etcd.url, "--cluster", "shop")
    wide = {"TERM": "xterm", "COLUMNS": "200"}
    coloured = on_terminal(*words, environment=wide)
    assert "\x1b[32m" in coloured
    assert "web" in coloured
    plain = on_terminal(*words, environment={**wide, "NO_COLOR": "1"})
    assert "\x1b" not in plain
    assert "web" in plain


@pytest.mark.etcd
def test_a_frozen_first_endpoint_is_passed_over(etcd: EtcdServer) -> None:
    with silent_server() as silent:
        done = run("ls", "--endpoints", f"{silent},{etcd.url}", "--cluster", "shop", "-o", "json")
    assert done.returncode == 0
    assert len(json.loads(done.stdout)) == 1


@pytest.mark.etcd
def test_a_cluster_without_vips_is_said_to_be_empty(etcd: EtcdServer) -> None:
    done = run("ls", "--endpoints", etcd.url, "--cluster", "nobody")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "vipkeeper: cluster nobody has no VIP yet\n"
    assert json.loads(run("ls", "--endpoints", etcd.url, "--cluster", "nobody", "-o", "json").stdout) == []


@pytest.mark.etcd
def test_the_answer_comes_at_once(etcd: EtcdServer) -> None:
    """Little more than Python needs to start: 300 ms on a machine that starts it with asyncio in 75 ms."""
    words = ("ls", "--endpoints", etcd.url, "--cluster", "shop", "-o", "json")
    took_s, bare_s = [], []
    # In the same run, and the best of several: a busy machine slows both.
    for _ in range(15):
        started_s = time.monotonic()
        assert run(*words).returncode == 0
        took_s.append(time.monotonic() - started_s)
        started_s = time.monotonic()
        subprocess.run((sys.executable, "-c", "import asyncio"), check=True)
        bare_s.append(time.monotonic() - started_s)
        if min(took_s) < AS_LONG_AS_PYTHON * min(bare_s):
            break
    assert min(took_s) < AS_LONG_AS_PYTHON * min(bare_s), (took_s, bare_s)


def test_without_a_store_it_ends_with_69_and_says_what_to_do() -> None:
    with refusing_server() as url:
        done = run("ls", "--endpoints", url)
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.startswith("vipkeeper: the store does not answer: ")
    assert done.stderr.endswith(f"check that etcd runs at {url}, or give other --endpoints\n")


@pytest.mark.etcd
def test_a_store_with_users_wants_the_right_one(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    with EtcdServer(tmp_path / "etcd") as server:
        for words in (
            ("user", "add", "root:rootpw"),
            ("user", "grant-role", "root", "root"),
            ("role", "add", "reader"),
            ("role", "grant-permission", "reader", "read", "/vipkeeper/", "--prefix=true"),
            ("user", "add", "watcher:correct horse"),
            ("user", "grant-role", "watcher", "reader"),
            ("auth", "enable"),
        ):
            server.etcdctl(*words)
        endpoint = ("ls", "--endpoints", server.url, "-o", "json")

        right = run(*endpoint, "--user", "watcher", "--password-file", str(password))
        assert (right.returncode, right.stdout) == (0, "[]\n")

        wrong = run(*endpoint, "--user", "watcher:battery staple")
        assert wrong.returncode == 69
        assert "correct the etcd username or password" in wrong.stderr
        assert "staple" not in wrong.stderr

        nobody = run(*endpoint)
        assert nobody.returncode == 69
        assert "give an etcd username and password" in nobody.stderr


@pytest.mark.parametrize("content", [None, "", "\n"], ids=["missing", "empty", "an empty line"])
def test_a_password_file_without_a_password_is_a_mistake(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content)
    done = run("ls", "--user", "watcher", "--password-file", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert str(path) in done.stderr
    assert done.stderr.startswith("etcd.password_file: ")


def test_certificates_that_are_not_there_are_a_mistake() -> None:
    done = run("ls", "--endpoints", "https://127.0.0.1:1", "--cacert", "/nonexistent/ca.pem")
    assert (done.returncode, done.stdout) == (2, "")
    assert "/nonexistent/ca.pem" in done.stderr
