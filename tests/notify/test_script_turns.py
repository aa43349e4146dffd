"""Real programs in turns: order, side by side, failures, and the end of the agent."""

from __future__ import annotations

import asyncio
import itertools
import os
import stat
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.notify.told import PATIENCE_S, Journal, script, told, until
from vipkeeper.config.notify_schema import Notify, Scripts
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.script_turns import END_LIMIT_S, STOP_LIMIT_S, ScriptTurns
from vipkeeper.notify.telling import Telling
from vipkeeper.notify.waiting_line import MOST_WAITING

MASTER, BACKUP, STOP = VipState.MASTER, VipState.BACKUP, VipState.STOP


class Bench:
    """A program that writes down what it was told, and stays while a file says so."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.told_file = directory / "told"
        self.hold = directory / "hold"
        self.program = directory / "program"
        self.program.write_text(
            f'#!/bin/sh\necho "$@" >> {self.told_file}\nwhile [ -e {self.hold}-$2 ]; do sleep 0.05; done\n'
            f'[ "$1" != fail ]\n'
        )
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)
        self.journal = Journal()
        self.told: list[Telling] = []
        self.turns = ScriptTurns(Scripts(user="root"), self.journal, self.told.append)

    def hang(self, name: str) -> None:
        Path(f"{self.hold}-{name}").touch()

    def go_on(self, name: str) -> None:
        Path(f"{self.hold}-{name}").unlink()

    def notify(self, name: str = "web", *, timeout_s: float = PATIENCE_S, first: str = "m") -> Notify:
        return Notify(
            master=script(f"{self.program} {first} {name}"),
            any=script(f"{self.program} any"),
            timeout_s=timeout_s,
        )

    def written(self) -> list[str]:
        return self.told_file.read_text().splitlines() if self.told_file.exists() else []


def play(directory: Path, story: Callable[[Bench], Coroutine[object, object, None]]) -> None:
    async def played() -> None:
        async with asyncio.timeout(100):
            await story(Bench(directory))

    asyncio.run(played())


pytestmark = pytest.mark.root  # programs run as root here, as they do for most who have old files


def test_in_the_order_of_the_changes(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        notify = bench.notify()
        changes = [told(state, notify=notify) for state in (BACKUP, MASTER, BACKUP, MASTER)]
        for change in changes:
            bench.turns.add(change)
        await until(lambda: bench.told == changes)
        backup, master = "any INSTANCE web BACKUP 100", "any INSTANCE web MASTER 100"
        assert bench.written() == [backup, "m web", master, backup, "m web", master]
        assert bench.turns.counts.run == 6
        assert bench.turns.waiting == 0

    play(tmp_path, story)


def test_one_that_hangs_holds_up_its_own_vip_alone(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.hang("web")
        bench.turns.add(told(notify=bench.notify()))
        bench.turns.add(told(BACKUP, notify=bench.notify()))
        mail = told(name="mail", notify=bench.notify("mail"))
        bench.turns.add(mail)
        await until(lambda: bench.told == [mail])
        assert bench.turns.waiting == 1
        bench.go_on("web")
        await until(lambda: len(bench.told) == 3)
        assert bench.written()[-1] == "any INSTANCE web BACKUP 100"

    play(tmp_path, story)


def test_one_that_takes_too_long_is_ended_and_the_next_is_told(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.hang("web")
        slow = bench.notify(timeout_s=0.5)
        bench.turns.add(told(notify=slow))
        bench.turns.add(told(BACKUP, notify=slow))
        await until(lambda: len(bench.told) == 2)
        (failed,) = bench.journal.said("notify-failed")
        assert "longer than 0.5 s" in failed
        assert bench.turns.counts.failed == 1

    play(tmp_path, story)


def test_one_that_fails_is_told_of_and_not_run_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.turns.add(told(notify=bench.notify(first="fail")))
        await until(lambda: len(bench.told) == 1)
        (failed,) = bench.journal.said("notify-failed")
        assert "exit code 1" in failed
        assert bench.written() == ["fail web", "any INSTANCE web MASTER 100"]

    play(tmp_path, story)


def test_what_has_no_program_is_told_in_its_turn_too(tmp_path: Path) -> None:
    """Who remembers what was told must not remember the state before the last."""

    async def story(bench: Bench) -> None:
        bench.hang("web")
        only_master = Notify(master=script(f"{bench.program} m web"), timeout_s=PATIENCE_S)
        changes = [told(notify=only_master), told(BACKUP, notify=only_master)]
        for change in changes:
            bench.turns.add(change)
        await until(lambda: bench.written() == ["m web"])
        assert bench.told == []
        bench.go_on("web")
        await until(lambda: bench.told == changes)
        bench.turns.add(told(BACKUP, "idle"))
        assert len(bench.told) == 3, "and without any program at once"

    play(tmp_path, story)


def test_too_many_that_wait_are_told_of_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.hang("web")
        notify = bench.notify()
        for number in range(MOST_WAITING + 4):
            bench.turns.add(told(notify=notify, priority=number))
        await until(lambda: bench.written() == ["m web"])
        bench.turns.add(told(BACKUP, notify=notify))
        assert len(bench.journal.said("notify-left-out")) == 1
        assert bench.turns.counts.left_out >= 4
        bench.go_on("web")
        await until(lambda: bench.turns.waiting == 0, "the line does not move")
        await until(lambda: bench.told[-1].word == BACKUP.value)

    play(tmp_path, story)


def test_a_reload_changes_what_begins_after_it(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.hang("web")
        bench.turns.add(told(notify=bench.notify()))
        bench.turns.add(told(BACKUP, notify=bench.notify()))
        await until(lambda: bench.written() == ["m web"])
        bench.turns.reconfigure(Scripts(user="no-such-user"))
        bench.go_on("web")
        await until(lambda: len(bench.told) == 2)
        assert [text.partition(":")[0] for text in bench.journal.said("notify-failed")] == [
            "there is no user no-such-user"
        ] * 2

    play(tmp_path, story)


def test_at_the_end_stop_is_told_although_a_program_hangs(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for name in ("web", "web-too"):
            bench.hang(name)
        notify = bench.notify()
        bench.turns.add(told(notify=notify))
        bench.turns.add(told(BACKUP, notify=notify))
        await until(lambda: bench.written() == ["m web"])
        stopping = replace(notify, stop=script(f"{bench.program} stop web-too"))
        began_s = time.monotonic()
        await bench.turns.end([told(STOP, notify=stopping)])
        took_s = time.monotonic() - began_s
        assert bench.written() == ["m web", "stop web-too"] or bench.written()[-1].startswith("any")
        assert 2 * STOP_LIMIT_S <= took_s < 2 * END_LIMIT_S
        (left_out,) = bench.journal.said("notify-left-out")
        assert "state=BACKUP" in left_out
        assert [one.word for one in bench.told] == [MASTER.value, STOP.value]

    play(tmp_path, story)


def test_before_a_restart_nothing_is_waited_for(tmp_path: Path) -> None:
    """The next agent tells it again."""

    async def story(bench: Bench) -> None:
        bench.hang("web")
        bench.turns.add(told(notify=bench.notify()))
        await until(lambda: bench.written() == ["m web"])
        await bench.turns.abandon()
        assert bench.told == []
        children = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children")
        await until(lambda: not children.read_text(), "the program goes on")

    play(tmp_path, story)


def test_many_at_once_leave_the_loop_to_others_between_two_starts(tmp_path: Path) -> None:
    """64 starts in a row made a lease's timer 1.9 s late on a busy machine."""

    async def story(bench: Bench) -> None:
        names = [f"v{number}" for number in range(20)]
        for name in names:
            bench.hang(name)
            bench.turns.add(told(name=name, notify=bench.notify(name)))
        children = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children")

        def running() -> int:
            return len(children.read_text().split())

        started = [0]
        while started[-1] < len(names):
            await asyncio.sleep(0)
            started.append(running())
        assert max(later - before for before, later in itertools.pairwise(started)) <= 2
        for name in names:
            bench.go_on(name)
        await until(lambda: len(bench.told) == len(names))

    play(tmp_path, story)
