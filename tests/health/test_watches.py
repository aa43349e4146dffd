"""Watches with real files, real processes and real scripts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vipkeeper.config.notify_schema import Scripts
from vipkeeper.config.track_schema import TrackFile, TrackProcess, TrackScript
from vipkeeper.health.first_numbers import write_first_numbers
from vipkeeper.health.process_events import ProcessEvents
from vipkeeper.health.process_match import pattern_of
from vipkeeper.health.process_table import ProcessTable
from vipkeeper.health.process_watch import ProcessWatch
from vipkeeper.health.script_rounds import ScriptRound, ScriptWatch
from vipkeeper.health.verdicts import TrackState, Verdict
from vipkeeper.health.watched_files import WatchedFiles
from vipkeeper.scripts.accounts import own_account
from vipkeeper.scripts.pace import StartPace
from vipkeeper.scripts.running import end_cancelled

PATIENCE_S = 30.0


async def until(true: Callable[[], bool]) -> None:
    """Let others run until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        await _until(true)


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what is waited for happens in the kernel
        await asyncio.sleep(0.01)


class Files:
    """A watch and what it told; without its regular look, so that only the kernel's word counts."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.told = 0
        self.trouble: list[str] = []
        self.watch = WatchedFiles(self._tell, lambda _name, message: self.trouble.append(message))

    def _tell(self, name: str, state: TrackState) -> None:
        self.numbers[name] = state.number
        self.told += 1


def test_a_file_counts_when_it_comes_changes_moves_and_goes(tmp_path: Path) -> None:
    path, other = tmp_path / "down", tmp_path / "other"

    async def story() -> None:
        files = Files()
        files.watch.want({"maint": str(path)})
        assert files.numbers == {"maint": 0}
        path.write_text("5\n")
        await until(lambda: files.numbers["maint"] == 5)
        other.write_text("7\n")
        other.rename(path)
        await until(lambda: files.numbers["maint"] == 7)
        path.rename(other)
        await until(lambda: files.numbers["maint"] == 0)
        other.rename(path)
        await until(lambda: files.numbers["maint"] == 7)
        path.unlink()
        await until(lambda: files.numbers["maint"] == 0)
        files.watch.close()

    asyncio.run(story())


def test_a_file_that_is_written_anew_is_never_seen_empty(tmp_path: Path) -> None:
    path = tmp_path / "down"
    path.write_text("1\n")

    async def story() -> None:
        files = Files()
        files.watch.want({"maint": str(path)})
        for number in range(2, 6):
            with path.open("w") as file:
                await asyncio.sleep(0.05)  # it is empty now, and the kernel has had time to say so
                file.write(f"{number}\n")
            await until(lambda number=number: files.numbers["maint"] == number)  # type: ignore[misc]
        assert files.told == 5
        files.watch.close()

    asyncio.run(story())


def test_a_directory_may_come_later(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "down"

    async def story() -> None:
        files = Files()
        files.watch.want({"maint": str(path)})
        looks = asyncio.create_task(files.watch.run())
        path.parent.mkdir(parents=True)
        path.write_text("5\n")
        await until(lambda: files.numbers["maint"] == 5)
        looks.cancel()
        files.watch.close()

    asyncio.run(story())


def test_a_named_pipe_in_its_place_stops_nobody(tmp_path: Path) -> None:
    path = tmp_path / "down"
    os.mkfifo(path)

    async def story() -> None:
        files = Files()
        files.watch.want({"maint": str(path)})
        assert files.numbers == {"maint": 0}
        files.watch.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("there", "overwrite", "starts", "number"),
    [
        (False, False, True, 3),
        (False, False, False, 3),
        (True, False, True, 9),
        (True, True, True, 3),
        (True, True, False, 9),  # by now it may be an operator's word
    ],
)
def test_init_file_makes_it(tmp_path: Path, there: bool, overwrite: bool, starts: bool, number: int) -> None:
    path = tmp_path / "down"
    if there:
        path.write_text("9\n")
    trouble: list[str] = []
    files = {"maint": TrackFile(file=str(path), init_file=3, overwrite=overwrite)}
    write_first_numbers(files, lambda _name, message: trouble.append(message), starts=starts)
    assert (int(path.read_text()), trouble) == (number, [])


def test_a_pipe_is_not_overwritten(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "down")
    files = {"maint": TrackFile(file=str(tmp_path / "down"), init_file=3, overwrite=True)}
    write_first_numbers(files, lambda _name, message: pytest.fail(message), starts=True)


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    trouble: list[str] = []
    files = {"maint": TrackFile(file=str(tmp_path / "no" / "down"), init_file=3)}
    write_first_numbers(files, lambda _name, message: trouble.append(message), starts=True)
    assert "leave out init_file" in trouble[0]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a program with a name of its own."""
    program = tmp_path / "vk-tracked-one"
    program.symlink_to("/bin/sleep")
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([str(program), "600"]))
        # It is told of as soon as its exec has closed our pipe: a moment before it has its name.
        name, deadline = Path(f"/proc/{started[-1].pid}/comm"), time.monotonic() + PATIENCE_S
        while name.read_text() != f"{program.name}\n":
            assert time.monotonic() < deadline
            time.sleep(0.001)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_processes_are_counted_as_they_come_and_go(
    sleeper: Callable[[], subprocess.Popen[bytes]],
) -> None:
    async def story() -> None:
        told: dict[str, Verdict] = {}
        watch = ProcessWatch(
            lambda name, state: told.update({name: state.verdict}), lambda _name, _why: None, time.monotonic
        )
        watch.want(
            {
                "one": TrackProcess(process="vk-tracked-one"),
                "two": TrackProcess(process="vk-tracked-one 600", param_match="exact", quorum=2),
            }
        )
        assert told == {"one": Verdict.NOT_WELL, "two": Verdict.NOT_WELL}
        rounds = asyncio.create_task(watch.run())
        first = sleeper()
        await until(lambda: told["one"] is Verdict.WELL)
        assert told["two"] is Verdict.NOT_WELL
        sleeper()
        await until(lambda: told["two"] is Verdict.WELL)
        first.kill()
        first.wait()
        await until(lambda: told["two"] is Verdict.NOT_WELL)
        assert told["one"] is Verdict.WELL
        rounds.cancel()
        watch.close()

    asyncio.run(story())


@pytest.mark.root
def test_the_kernel_tells_of_each_process(sleeper: Callable[[], subprocess.Popen[bytes]]) -> None:
    async def story() -> None:
        changed: set[int] = set()
        ended: set[int] = set()
        events = ProcessEvents(changed.add, ended.add, lambda: None)
        assert events.listen(), "it does in the first namespaces"
        process = sleeper()
        await until(lambda: process.pid in changed)
        process.kill()
        await until(lambda: process.pid in ended)
        events.close()

    asyncio.run(story())


@pytest.mark.root
def test_in_another_network_namespace_the_kernel_tells_nothing_and_it_is_known() -> None:
    asked = (
        "import asyncio; from vipkeeper.health.process_events import ProcessEvents\n"
        "async def ask(): print(ProcessEvents(id, id, id).listen())\n"
        "asyncio.run(ask())"
    )
    command = ["unshare", "--net", sys.executable, "-c", asked]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_table_follows_what_it_is_told(sleeper: Callable[[], subprocess.Popen[bytes]]) -> None:
    table = ProcessTable({"one": pattern_of(TrackProcess(process="vk-tracked-one"))})
    process = sleeper()
    table.scan()
    before = table.counts()["one"]
    assert before >= 1
    assert table.ended(process.pid)
    assert table.counts()["one"] == before - 1
    table.look_at(process.pid)
    assert table.counts()["one"] == before
    assert not table.ended(1)


class Rounds:
    """One script's watch and what it told."""

    def __init__(self, **settings: object) -> None:
        made = TrackScript(interval_s=0.05, timeout_s=PATIENCE_S, user=own_account().name, **settings)  # type: ignore[arg-type]
        self.told: list[ScriptRound] = []
        self.watch = ScriptWatch(made, Scripts(), self.told.append, StartPace())

    async def __aenter__(self) -> Rounds:
        self.task = asyncio.create_task(self.watch.run(0.0))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await end_cancelled(1.0)


def test_a_script_rises_and_falls(tmp_path: Path) -> None:
    well = tmp_path / "well"
    well.touch()

    async def story() -> None:
        async with Rounds(script=f"test -e {well}", rise=2, fall=3) as rounds:
            assert rounds.watch.state.verdict is Verdict.UNKNOWN
            await until(lambda: rounds.watch.state.verdict is Verdict.WELL)
            assert len(rounds.told) == 1
            well.unlink()
            await until(lambda: rounds.watch.state.verdict is Verdict.NOT_WELL)
            assert rounds.watch.state.detail == "exit code 1"
            well.touch()
            await until(lambda: rounds.watch.state.verdict is Verdict.WELL)
            results = [each.outcome.succeeded for each in rounds.told]
            changes = [number for number, each in enumerate(rounds.told) if each.changed]
            assert changes[1] == results.index(False) + 2, "the third failure in a row"
            assert results[changes[2] - 2 : changes[2] + 1] == [False, True, True], "the second success"

    asyncio.run(story())


def test_what_could_never_run_counts_for_nothing_until_it_does(tmp_path: Path) -> None:
    script = tmp_path / "check.sh"

    async def story() -> None:
        async with Rounds(script=str(script)) as rounds:
            await until(lambda: rounds.watch.state.verdict is Verdict.IGNORED)
            assert "cannot be found" in rounds.watch.state.detail
            made = tmp_path / "made"
            made.write_text("#!/bin/sh\nexit 1\n")
            made.chmod(0o755)
            made.rename(script)
            await until(lambda: rounds.watch.state.verdict is Verdict.NOT_WELL)

    asyncio.run(story())


def test_what_ran_before_and_cannot_any_more_has_failed(tmp_path: Path) -> None:
    script = tmp_path / "check.sh"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)

    async def story() -> None:
        async with Rounds(script=str(script)) as rounds:
            await until(lambda: rounds.watch.state.verdict is Verdict.WELL)
            script.unlink()
            await until(lambda: rounds.watch.state.verdict is Verdict.NOT_WELL)
            # Not of the first run: that one may have been under way.
            await until(lambda: "cannot be found" in rounds.told[-1].outcome.explained)
            assert rounds.watch.state.verdict is Verdict.NOT_WELL

    asyncio.run(story())
