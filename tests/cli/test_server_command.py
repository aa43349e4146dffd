"""`vipkeeper server drain` and `undrain` as a user sees them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.cli.commands import run
from tests.cli.served_director import REPORT, ServedDirector, served, web1_as
from vipkeeper.cli.director_view import WITHIN_S
from vipkeeper.model.director_messages import Ask, DirectorReport

STAYS = "web/web1 stays drained; `vipkeeper server undrain` gives it connections again"


def server(run_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run("server", *words, "--run-dir", str(run_dir))


def test_a_drain_waits_until_there_is_no_connection(tmp_path: Path) -> None:
    director = ServedDirector(
        web1_as("draining", active=2, inactive=1),
        web1_as("draining", active=2, inactive=1),
        web1_as("draining", inactive=1, persistent=4),
        web1_as("drained"),
    )
    with served(tmp_path, director):
        done = server(tmp_path, "drain", "web1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "web/web1 has 3 connections (2 active)",
        "web/web1 has 1 connection (0 active), 4 clients that come back",
        "web/web1 has no connections",
    ]
    assert director.asked[0] == Ask("drain", "web1")


def test_it_can_be_asked_not_to_wait(tmp_path: Path) -> None:
    director = ServedDirector(web1_as("draining", active=2))
    with served(tmp_path, director):
        done = server(tmp_path, "drain", "web/web1", "--no-wait")
    assert (done.returncode, director.asked) == (0, [Ask("drain", "web/web1")])
    assert done.stdout.startswith("web/web1 gets no new connections")


def test_when_the_time_is_over_it_stays_drained(tmp_path: Path) -> None:
    with served(tmp_path, ServedDirector(web1_as("draining", active=2))):
        done = server(tmp_path, "drain", "web1", "--timeout", "0")
    assert done.returncode == 1
    assert done.stderr == f"vipkeeper: web/web1: not empty after 0 s\n{STAYS}\n"


def test_ctrl_c_ends_the_waiting_and_nothing_else(tmp_path: Path) -> None:
    director = ServedDirector(web1_as("draining", active=2))
    words = [sys.executable, "-m", "vipkeeper", "server", "drain", "web1", "--run-dir", str(tmp_path)]
    with (
        served(tmp_path, director),
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting,
    ):
        assert waiting.stdout is not None
        waiting.stdout.readline()  # it looks on
        os.kill(waiting.pid, signal.SIGINT)
        _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert STAYS in said
    assert all(ask.ask != "undrain" for ask in director.asked)


@pytest.mark.parametrize(
    ("after", "code", "said"),
    [
        (web1_as("up"), 1, "web/web1 is up: somebody took it back"),
        (DirectorReport(), 0, "web/web1 is not configured any more"),
    ],
)
def test_what_others_do_meanwhile_ends_the_waiting(
    tmp_path: Path, after: DirectorReport, code: int, said: str
) -> None:
    with served(tmp_path, ServedDirector(web1_as("draining", active=1), after)):
        done = server(tmp_path, "drain", "web1")
    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_a_server_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    director = ServedDirector(web1_as("up"))
    director.error = "there is no real server web9; there are: web1"
    with served(tmp_path, director):
        found = [server(tmp_path, action, "web9") for action in ("drain", "undrain")]
    for done in found:
        assert (done.returncode, done.stdout) == (2, "")
        assert "there is no real server web9; there are: web1" in done.stderr


@pytest.mark.parametrize("action", ["drain", "undrain"])
def test_without_a_director_nothing_can_be_done(tmp_path: Path, action: str) -> None:
    assert server(tmp_path, action, "web1").returncode == 69


@pytest.mark.parametrize("text", ["soon", "-1", "inf", "nan"])
def test_a_time_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    assert server(tmp_path, "drain", "web1", f"--timeout={text}").returncode == 2


def test_an_undrain_says_whether_it_serves_again(tmp_path: Path) -> None:
    with served(tmp_path, ServedDirector(web1_as("up"))):
        serves = server(tmp_path, "undrain", "web1")
    with served(tmp_path, ServedDirector(web1_as("down", reason="tcp_check: connection refused"))):
        waits = server(tmp_path, "undrain", "web1")
    assert serves.stdout == "web/web1 gets connections again, with weight 2\n"
    assert "gets no connections yet: tcp_check: connection refused" in waits.stdout
    assert (serves.returncode, waits.returncode) == (0, 0)


class Ending(ServedDirector):
    """It hears, and is gone before it has answered."""

    async def answer(self, line: bytes) -> bytes:
        await super().answer(line)
        return b"{"


class Busy(ServedDirector):
    """It takes orders, and has no time to report."""

    async def answer(self, line: bytes) -> bytes:
        if msgspec.json.decode(line, type=Ask).ask == "ipvs":
            await asyncio.sleep(3600.0)
        return await super().answer(line)


def test_a_busy_director_is_waited_for_no_longer_than_said(tmp_path: Path) -> None:
    began_s = time.monotonic()
    with served(tmp_path, Busy(REPORT)):
        done = server(tmp_path, "drain", "web1", "--timeout", "1")
    assert done.returncode == 1
    assert "not empty after 1 s" in done.stderr
    assert time.monotonic() - began_s < WITHIN_S


def test_a_director_that_is_started_again_is_waited_for(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "vipkeeper", "server", "drain", "web1", "--run-dir", str(tmp_path)]
    with served(tmp_path, ServedDirector(web1_as("draining", active=2))):
        waiting = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert waiting.stdout is not None
        waiting.stdout.readline()
    with served(tmp_path, Ending(web1_as("draining"))) as ending:
        until_s = time.monotonic() + 60.0
        while not ending.asked and waiting.poll() is None:
            assert time.monotonic() < until_s, "it does not ask again"
            time.sleep(0.05)
    with served(tmp_path, ServedDirector(web1_as("drained"))), waiting:
        said, _ = waiting.communicate(timeout=60)
    assert (waiting.returncode, said) == (0, "web/web1 has no connections\n")
