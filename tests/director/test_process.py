"""The director as a process: what ends it and what does not, and how the agent starts it again.

Nothing here is written to this host's kernel: what is kept belongs to a VIP that is not here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.config.sources import config_of
from tests.director.serving import EMPTY, PATIENCE_S, SERVED, serving
from tests.kernel_segment.segment import until, until_so
from vipkeeper.agent.director_link import DirectorLink, director_plan
from vipkeeper.director.process import still_so
from vipkeeper.model.balancing import BalancingPlan
from vipkeeper.model.director_files import DIRECTOR_SOCKET, OWN_IPVS
from vipkeeper.model.director_frames import Frames, frame
from vipkeeper.model.director_messages import End, Ended, Follow, Standing


@contextmanager
def started(run_dir: Path) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A director, and the agent's end of its stream."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "vipkeeper.director", str(run_dir)], stdin=theirs.fileno()
        )
        theirs.close()
        try:
            yield process, ours
        finally:
            process.kill()
            process.wait()


def test_it_ends_when_the_agent_is_gone_and_for_no_signal(tmp_path: Path) -> None:
    with started(tmp_path) as (process, ours):
        ours.sendall(frame(Follow(BalancingPlan())))
        until(lambda: serving(tmp_path, process.pid))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process.send_signal(number)
        assert Path(f"/proc/{process.pid}/comm").read_text() == "vk-director\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        ours.close()
        assert process.wait(PATIENCE_S) == 0
        assert not (tmp_path / DIRECTOR_SOCKET).exists()


def test_what_is_past_when_it_is_read_is_not_acted_upon() -> None:
    """A VIP that went and came back while a director began would else take its virtual servers along."""
    gone, back = Standing(frozenset()), Standing(frozenset({"web"}))
    follow, end = Follow(BalancingPlan()), End(keep=True)
    assert list(still_so([follow, gone, back])) == [follow, back]
    assert list(still_so([gone, follow, back, end])) == [follow, back, end]
    assert list(still_so([follow])) == [follow]


def test_it_says_that_it_has_ended(tmp_path: Path) -> None:
    with started(tmp_path) as (process, ours):
        ours.sendall(frame(Follow(BalancingPlan())) + frame(End(keep=False)))
        ours.settimeout(PATIENCE_S)
        assert list(Frames().bodies(ours.recv(100))) == [frame(Ended())[4:]]
        assert process.wait(PATIENCE_S) == 0


def test_one_that_is_stuck_makes_way_for_the_next(tmp_path: Path) -> None:
    with started(tmp_path) as (stuck, first):
        first.sendall(frame(Follow(BalancingPlan())))
        until(lambda: serving(tmp_path, stuck.pid))
        stuck.send_signal(signal.SIGSTOP)
        first.close()
        with started(tmp_path) as (process, second):
            second.sendall(frame(Follow(BalancingPlan())))
            until(lambda: serving(tmp_path, process.pid))
            assert stuck.wait(PATIENCE_S) == -signal.SIGKILL


class Bench:
    """An agent's link to a director of its own."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.link = DirectorLink(str(run_dir), lambda _change: None, clock=time.monotonic)

    def want(self, text: str) -> None:
        config = config_of(text)
        self.link.want(config, director_plan(config))

    @property
    def pid(self) -> int:
        """Of the one that serves; 0: none."""
        lock = self.run_dir / "director.lock"
        pid = int(lock.read_text() or 0) if lock.exists() else 0
        return (
            pid if pid and Path(f"/proc/{pid}").exists() and (self.run_dir / DIRECTOR_SOCKET).exists() else 0
        )


@asynccontextmanager
async def linked(run_dir: Path, text: str) -> AsyncIterator[Bench]:
    bench = Bench(run_dir)
    bench.want(text)
    bench.link.stand(frozenset())
    try:
        yield bench
    finally:
        await bench.link.end(keep=False)
        assert bench.pid == 0


def test_one_that_is_killed_is_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with linked(tmp_path, SERVED) as bench:
            await until_so(lambda: bench.pid != 0)
            killed = bench.pid
            os.kill(killed, signal.SIGKILL)
            await until_so(lambda: bench.pid not in (0, killed))

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert caplog.text.count("it ended by signal 9") == 1


def test_it_is_there_while_there_is_something_to_keep(tmp_path: Path) -> None:
    async def story() -> None:
        async with linked(tmp_path, EMPTY) as bench:
            bench.want(SERVED)
            await until_so(lambda: bench.pid != 0)
            bench.want(EMPTY)
            bench.want(SERVED)  # while the first one ends
            first = bench.pid
            await until_so(lambda: bench.pid not in (0, first))
            bench.want(EMPTY)
            await until_so(lambda: bench.pid == 0)

    asyncio.run(story())


def test_for_what_a_killed_agent_left_one_is_started(tmp_path: Path) -> None:
    """And ends. That it takes it out is seen in tests/ipvs/test_agent.py."""

    async def story() -> None:
        (tmp_path / OWN_IPVS).write_text("{}")
        async with linked(tmp_path, EMPTY):
            await until_so((tmp_path / "director.lock").exists)

    asyncio.run(story())


def test_one_that_was_to_be_started_again_is_started_for_the_end(tmp_path: Path) -> None:
    """Else what is ours would stay in the table of an agent that stops while its director is gone."""

    async def story() -> None:
        async with linked(tmp_path, SERVED) as bench:
            await until_so(lambda: bench.pid != 0)
            killed = bench.pid
            os.kill(killed, signal.SIGKILL)
            await until_so(
                lambda: not Path(f"/proc/{killed}").exists()
            )  # reaped: the next waits for its time
            (tmp_path / OWN_IPVS).write_text("{}")
            await bench.link.end(keep=False)
            assert (tmp_path / "director.lock").read_text() not in ("", f"{killed}\n")

    asyncio.run(story())


def test_it_answers_nobody_before_it_has_a_plan(tmp_path: Path) -> None:
    """It would say that there are no virtual servers."""
    with started(tmp_path) as (process, ours):
        until((tmp_path / "director.lock").exists)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        assert not (tmp_path / DIRECTOR_SOCKET).exists()
        ours.sendall(frame(Follow(BalancingPlan())))
        until(lambda: serving(tmp_path, process.pid))
