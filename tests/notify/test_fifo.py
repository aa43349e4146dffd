"""A real FIFO and its reader: nobody waits for it, and what is lost is counted."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.notify.told import Journal, script, told, until
from vipkeeper.config.notify_schema import Scripts
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.fifo import Fifo
from vipkeeper.notify.fifo_outlet import FifoOutlet, fifo_of_all

LINE = b'INSTANCE "web" MASTER 100\n'


def read_now(path: Path) -> bytes:
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(reading, 1 << 20)
    finally:
        os.close(reading)


def test_it_is_made_for_its_owner_alone_and_removed_at_the_end(tmp_path: Path) -> None:
    path, journal = tmp_path / "fifo", Journal()
    fifo = Fifo(str(path), None, journal)
    status = path.stat()
    assert stat.S_ISFIFO(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600
    fifo.write(LINE)
    assert fifo.unread == len(LINE)
    assert read_now(path) == LINE, "a reader that comes later finds it"
    assert fifo.unread == 0
    fifo.close(keep=False)
    assert not path.exists()
    assert journal.lines == []


def test_one_that_was_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path, 0o640)
    fifo = Fifo(str(path), None, Journal())
    fifo.write(LINE)
    assert read_now(path) == LINE
    fifo.close(keep=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_restart_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    Fifo(str(path), None, Journal()).close(keep=True)
    assert path.exists()


def test_without_a_reader_lines_are_lost_at_last_and_that_is_said_once(tmp_path: Path) -> None:
    path, journal = tmp_path / "fifo", Journal()
    fifo = Fifo(str(path), None, journal)
    for _ in range(5000):
        fifo.write(LINE)
    assert journal.events() == ["fifo"]
    kept = read_now(path)
    assert kept == LINE * (5000 - fifo.lost), "whole lines"
    assert fifo.lost > 0
    lost = fifo.lost
    fifo.write(LINE)
    assert (fifo.lost, read_now(path)) == (lost, LINE), "and goes on when there is room"
    fifo.close(keep=False)


@pytest.mark.parametrize("kind", ["file", "link", "directory"])
def test_what_is_no_fifo_is_not_written_to(tmp_path: Path, kind: str) -> None:
    path, precious, journal = tmp_path / "fifo", tmp_path / "precious", Journal()
    precious.write_text("precious")
    if kind == "file":
        path.write_text("precious")
    elif kind == "link":
        os.mkfifo(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()
    fifo = Fifo(str(path), None, journal)
    fifo.write(LINE)
    assert fifo.lost == 1
    ((_, event, text),) = journal.lines
    assert event == "fifo"
    assert "it is no FIFO; remove it, or write another name" in text
    fifo.close(keep=False)
    assert path.exists()


def play(story: Callable[[], Coroutine[object, object, None]]) -> None:
    async def played() -> None:
        async with asyncio.timeout(100):
            await story()

    asyncio.run(played())


def reader(directory: Path, text: str) -> Scripts:
    """A FIFO and the program that reads it."""
    program = directory / "reader"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return Scripts(user="root", fifo=str(directory / "fifo"), fifo_script=script(f"{program} first"))


@pytest.mark.root
class TestReader:
    """The program that the agent starts for it."""

    def test_its_last_argument_is_the_name_and_it_reads_to_the_end(self, tmp_path: Path) -> None:
        async def story() -> None:
            slow = f'echo "$@" > {tmp_path}/words; sleep 0.3; exec cat "$2" > {tmp_path}/read'
            outlet = FifoOutlet(fifo_of_all(reader(tmp_path, slow)), Journal())
            await until((tmp_path / "words").exists)
            outlet.write(told())
            outlet.write(told(VipState.STOP))
            await outlet.end(keep=False)
            assert (tmp_path / "words").read_text() == f"first {tmp_path}/fifo\n"
            assert (tmp_path / "read").read_bytes() == LINE + b'INSTANCE "web" STOP 100\n'
            assert outlet.lost == 0

        play(story)

    def test_it_is_started_again_when_it_ends_and_that_is_said(self, tmp_path: Path) -> None:
        async def story() -> None:
            journal = Journal()
            outlet = FifoOutlet(
                fifo_of_all(reader(tmp_path, f"echo x >> {tmp_path}/starts; exit 3")), journal
            )
            await until(lambda: len((tmp_path / "starts").read_text()) == 4 if journal.lines else False)
            assert "exit code 3; it is started again in 1 s" in journal.said("fifo-script")[0]
            await until(lambda: len(journal.said("fifo-script")) == 2)
            assert "again in 2 s" in journal.said("fifo-script")[1]
            await outlet.end(keep=False)

        play(story)

    def test_one_that_does_not_end_by_itself_is_ended(self, tmp_path: Path) -> None:
        async def story() -> None:
            scripts = reader(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 1000")
            outlet = FifoOutlet(fifo_of_all(scripts), Journal())
            await until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
            process = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}")
            await outlet.end(keep=False)
            await until(lambda: not process.exists(), "it still runs")

        play(story)

    def test_a_reload_that_changes_nothing_leaves_it_alone(self, tmp_path: Path) -> None:
        async def story() -> None:
            scripts = reader(tmp_path, f'echo x >> {tmp_path}/starts; cat "$2" >> {tmp_path}/read')
            outlet = FifoOutlet(fifo_of_all(scripts), Journal())
            await until((tmp_path / "read").exists)
            outlet.reconfigure(fifo_of_all(replace(scripts, startup_timeout_s=5.0)))
            outlet.write(told())
            await until(lambda: (tmp_path / "read").read_bytes() == LINE)
            assert (tmp_path / "starts").read_text() == "x\n"
            outlet.reconfigure(fifo_of_all(replace(scripts, fifo=str(tmp_path / "other"))))
            outlet.write(told())
            await until(lambda: (tmp_path / "starts").read_text() == "x\nx\n")
            await until(lambda: (tmp_path / "read").read_bytes() == 2 * LINE)
            assert not (tmp_path / "fifo").exists()
            await outlet.end(keep=False)

        play(story)

    def test_it_belongs_to_whom_the_reader_runs_as(self, tmp_path: Path) -> None:
        async def story() -> None:
            scripts = Scripts(fifo=str(tmp_path / "fifo"), fifo_user="nobody")
            outlet = FifoOutlet(fifo_of_all(scripts), Journal())
            assert (tmp_path / "fifo").stat().st_uid == 65534
            await outlet.end(keep=False)

        play(story)


WITHOUT_CHOWN = """
from vipkeeper.notify.fifo import Fifo
from vipkeeper.scripts.program import Account
Fifo({path!r}, Account("nobody", 65534, 65534, (65534,), "/"), lambda *words, **_: print(*words))
"""


@pytest.mark.root
def test_an_agent_that_may_not_give_it_away_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    program = (sys.executable, "-c", WITHOUT_CHOWN.format(path=str(path)))
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-chown", *program], capture_output=True, text=True, check=True
    )
    assert "the agent may not give it to nobody: grant it CAP_CHOWN, or make the FIFO before" in done.stdout
    assert not path.exists()
