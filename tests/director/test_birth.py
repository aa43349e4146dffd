"""How a director comes to be: a copy of the agent that begins; later, a program of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.config.sources import config_of
from tests.director.serving import EMPTY, PATIENCE_S, SERVED, serving
from tests.kernel_segment.segment import until, until_so
from vipkeeper.agent.director_birth import started_director
from vipkeeper.agent.director_link import DirectorLink

# Copies are made in a process of their own: this one may have threads.
COPY = """
import os, sys
from vipkeeper.agent.director_birth import copied_director
from vipkeeper.cli.agent_command import be_director
from vipkeeper.model.balancing import BalancingPlan
from vipkeeper.model.director_frames import frame
from vipkeeper.model.director_messages import Begin, Follow
new = copied_director(be_director)
new.link.sendall(frame(Begin(sys.argv[1])) + frame(Follow(BalancingPlan())))
print(new.pid, flush=True)
sys.stdin.readline()
new.dismiss()
"""
FAILING = """
import os, sys
from vipkeeper.agent.director_birth import copied_director
def run(link):
    link.sendall(os.environ.get("NOTIFY_SOCKET", "nowhere").encode())
    raise RuntimeError("a defect")
new = copied_director(run)
said = new.link.recv(100)
print(said.decode(), os.waitstatus_to_exitcode(os.waitpid(new.pid, 0)[1]))
"""


def test_a_copy_serves_under_its_own_name_away_from_the_agents_terminal(tmp_path: Path) -> None:
    words = [sys.executable, "-c", COPY, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        pid = int(agent.stdout.readline())
        until(lambda: serving(tmp_path, pid))
        home = Path(f"/proc/{pid}")
        assert (home / "cmdline").read_bytes().rstrip(b"\0") == b"vipkeeper: director"
        assert (home / "comm").read_text() == "vk-director\n"
        assert os.getpgid(pid) == pid
        assert [str((home / "fd" / number).readlink()) for number in "01"] == [os.devnull] * 2
        agent.stdin.close()
        assert agent.wait(PATIENCE_S) == 0
        assert not home.exists()


def test_a_copy_that_is_killed_with_its_agent_leaves_nothing_behind(tmp_path: Path) -> None:
    words = [sys.executable, "-c", COPY, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        pid = int(agent.stdout.readline())
        until(lambda: serving(tmp_path, pid))
        agent.kill()
        agent.wait()
        until(lambda: not Path(f"/proc/{pid}").exists())


def test_what_goes_wrong_in_a_copy_ends_the_copy() -> None:
    environment = os.environ | {"NOTIFY_SOCKET": "/run/notify"}
    words = [sys.executable, "-c", FAILING]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "nowhere 1\n"
    assert done.stderr.count("RuntimeError: a defect") == 1


def test_a_file_that_is_refused_ends_it_too(tmp_path: Path) -> None:
    """Its standard error is the agent's, so this would wait for one that stays."""
    file = tmp_path / "agent.toml"
    file.write_text(SERVED.replace("port = 80", 'port = "eighty"'))
    words = [sys.executable, "-m", "vipkeeper", "agent", "--config", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert "eighty" in done.stderr or "port" in done.stderr


def test_the_one_that_waits_is_the_first_one(tmp_path: Path) -> None:
    async def story() -> None:
        ahead = started_director()
        link = DirectorLink(str(tmp_path), lambda _change: None, clock=time.monotonic, ahead=ahead)
        link.want(config_of(SERVED))
        await until_so(lambda: serving(tmp_path, ahead.pid))
        os.kill(ahead.pid, signal.SIGKILL)
        await until_so(lambda: _holder(tmp_path) not in (0, ahead.pid))
        await link.end(keep=False)

    asyncio.run(story())


def test_the_one_that_waits_is_dismissed_when_nothing_is_to_be_kept(tmp_path: Path) -> None:
    async def story() -> None:
        ahead = started_director()
        link = DirectorLink(str(tmp_path), lambda _change: None, clock=time.monotonic, ahead=ahead)
        link.want(config_of(EMPTY))
        with pytest.raises(ProcessLookupError):
            os.kill(ahead.pid, 0)
        await link.end(keep=False)

    asyncio.run(story())


def test_by_hand_it_says_who_starts_it() -> None:
    words = [sys.executable, "-m", "vipkeeper.director"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "started by the agent" in done.stderr


def _holder(run_dir: Path) -> int:
    lock = run_dir / "director.lock"
    return int(lock.read_text() or 0) if lock.exists() else 0
