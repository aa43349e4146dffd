"""One change goes to programs, the FIFO and by mail, each as it is configured."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path

import pytest

from tests.notify.mail_servers import Inbox, free_port, serving
from tests.notify.test_told_states import config, vip
from tests.notify.told import Journal, until
from vipkeeper.agent.director_link import director_plan
from vipkeeper.config.schema import Config
from vipkeeper.model.server_changes import ServerState
from vipkeeper.model.state_changes import StateChange, VipState
from vipkeeper.notify.mail_delivery import END_LIMIT_S
from vipkeeper.notify.memory import Mail
from vipkeeper.notify.notification import Kind, Name
from vipkeeper.notify.notifier import Notifier
from vipkeeper.notify.once import run_once
from vipkeeper.notify.server_notification import ServerName

MASTER, BACKUP, FAULT = VipState.MASTER, VipState.BACKUP, VipState.FAULT

pytestmark = pytest.mark.root  # programs run as root here


class NotebookMemory:
    """Implements `Memory`: what one notifier leaves, the next one of the same test finds."""

    def __init__(self) -> None:
        self.told: dict[Name, VipState] = {}
        self.told_servers: dict[ServerName, ServerState] = {}
        self.mails: list[Mail] = []

    def states(self) -> dict[Name, VipState]:
        return dict(self.told)

    def keep_states(self, states: Mapping[Name, VipState]) -> None:
        self.told = dict(states)

    def servers(self) -> dict[ServerName, ServerState]:
        return dict(self.told_servers)

    def keep_servers(self, states: Mapping[ServerName, ServerState]) -> None:
        self.told_servers = dict(states)

    def take_mails(self) -> list[Mail]:
        mails, self.mails = self.mails, []
        return mails

    def keep_mails(self, mails: list[Mail]) -> None:
        self.mails = mails


class Bench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = Journal()
        self.memory = NotebookMemory()
        self.fifo = directory / "fifo"
        os.mkfifo(self.fifo)
        self._reading = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)

    def notifier(self, made: Config, earlier: Mapping[Name, VipState] | None = None) -> Notifier:
        self.memory.told.update(earlier or {})
        return Notifier(made, director_plan(made), self.journal, clock=time.monotonic, memory=self.memory)

    def any_program(self) -> str:
        program = self.directory / "program"
        program.write_text(f'#!/bin/sh\necho "$3" >> {self.directory}/ran\n')
        program.chmod(0o755)
        return f'any = {{ script = "{program}" }}'

    def scripts(self, more: str = "") -> str:
        return f'[scripts]\nuser = "root"\nfifo = "{self.fifo}"\n{more}\n'

    def lines(self) -> list[str]:
        try:
            return os.read(self._reading, 65536).decode().splitlines()
        except BlockingIOError:
            return []

    def ran(self) -> list[str]:
        file = self.directory / "ran"
        return file.read_text().split() if file.exists() else []


def play(directory: Path, story: Callable[[Bench], Coroutine[object, object, None]]) -> None:
    async def played() -> None:
        async with asyncio.timeout(100):
            await story(Bench(directory))

    asyncio.run(played())


def mail(port: int, more: str = "smtp_alert = true") -> str:
    return (
        f'[mail]\nnotification_email = ["ops@example.com"]\nsmtp_server = "127.0.0.1:{port}"\n'
        f'router_id = "lb1"\n{more}\n'
    )


def test_everybody_hears_of_a_change_and_of_the_end(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        inbox = Inbox()
        with serving(inbox) as port:
            made = config(bench.scripts(), mail(port), vip("a", 1, bench.any_program()))
            notifier = bench.notifier(made)
            for state in (BACKUP, MASTER):
                notifier.hear(StateChange("a", state, 100))
            await notifier.end(keep=False)
        assert bench.ran()[-1] == "STOP"
        assert bench.lines() == [f'INSTANCE "a" {state} 100' for state in ("BACKUP", "MASTER", "STOP")]
        assert [subject.split()[-2] for subject in inbox.subjects()] == ["BACKUP", "MASTER", "STOP"]
        assert inbox.envelopes[0][1] == ["ops@example.com"]
        assert bench.memory.told == {(Kind.INSTANCE, "a"): VipState.STOP}
        counts = notifier.counts()
        assert (counts.mails_sent, counts.scripts_failed, counts.fifo_lost) == (3, 0, 0)

    play(tmp_path, story)


def test_what_was_told_before_a_restart_goes_to_the_fifo_alone(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        inbox = Inbox()
        with serving(inbox) as port:
            made = config(bench.scripts(), mail(port), vip("a", 1, bench.any_program()))
            notifier = bench.notifier(made, {(Kind.INSTANCE, "a"): MASTER})
            notifier.hear(StateChange("a", MASTER, 100))
            assert bench.lines() == ['INSTANCE "a" MASTER 100']
            await notifier.end(keep=True)
        assert bench.ran() == []
        assert inbox.mails == []
        assert bench.lines() == [], "and a restart tells nobody an end"

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("general", "own", "mailed"),
    [
        ("smtp_alert = true", "", ["BACKUP", "FAULT"]),
        ("smtp_alert = true\nemail_faults = false", "", ["BACKUP"]),
        ("smtp_alert = true", "smtp_alert = false", []),
        ("smtp_alert = false", "", []),
        ("smtp_alert = false", "smtp_alert = true", ["BACKUP", "FAULT"]),
    ],
)
def test_whose_changes_are_mailed(tmp_path: Path, general: str, own: str, mailed: list[str]) -> None:
    async def story(bench: Bench) -> None:
        inbox = Inbox()
        with serving(inbox) as port:
            notifier = bench.notifier(config(mail(port, general), vip("a", 1, own)))
            for state in (BACKUP, FAULT, VipState.MASTER_RX_LOWER_PRI):
                notifier.hear(StateChange("a", state, 100))
            await until(lambda: len(inbox.mails) == len(mailed))
            await notifier.end(keep=True)
        assert [subject.split()[-2] for subject in inbox.subjects()] == mailed

    play(tmp_path, story)


def test_a_reload_that_wants_mail_sends_it_from_then_on(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        inbox = Inbox()
        with serving(inbox) as port:
            notifier = bench.notifier(config(vip("a", 1)))
            notifier.hear(StateChange("a", BACKUP, 100))
            notifier.reconfigure(config(mail(port), vip("a", 1)), None)
            notifier.hear(StateChange("a", MASTER, 100))
            await until(lambda: len(inbox.mails) == 1)
            await notifier.end(keep=True)
        assert "MASTER" in inbox.subjects()[0]

    play(tmp_path, story)


@pytest.mark.parametrize("asked", [True, False])
def test_a_reload_says_the_present_states_if_that_is_asked_for(tmp_path: Path, asked: bool) -> None:
    async def story(bench: Bench) -> None:
        made = config(bench.scripts("fifo_states_on_reload = true" if asked else ""), vip("a", 1))
        notifier = bench.notifier(made)
        notifier.hear(StateChange("a", MASTER, 100))
        bench.lines()
        notifier.reconfigure(made, None)
        assert bench.lines() == (['INSTANCE "a" MASTER 100'] if asked else [])
        await notifier.end(keep=True)

    play(tmp_path, story)


def test_programs_that_cannot_run_are_told_of_when_they_are_read(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        words = (
            f'master = {{ script = "{tmp_path}/missing" }}\nfault = {{ script = "true", user = "nobody-x" }}'
        )
        notifier = bench.notifier(config(vip("a", 1, words)))
        refused = bench.journal.said("script-refused")
        assert "setting=vip.a.notify.master" in refused[0]
        assert "there is no user nobody-x" in refused[1]
        assert "setting=vip.a.notify.fault" in refused[1]
        await notifier.end(keep=True)

    play(tmp_path, story)


def test_a_wrong_address_is_told_of_when_it_is_read(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        notifier = bench.notifier(config(mail(25).replace("ops@example.com", "two words"), vip("a", 1)))
        assert "'two words' is no mail address" in bench.journal.said("mail-address")[0]
        await notifier.end(keep=True)

    play(tmp_path, story)


def test_a_program_that_runs_once_may_fail_and_take_too_long(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        made = config('[scripts]\nuser = "root"\nstartup = { script = "sleep 60" }\n', vip("a", 1)).scripts
        await run_once("startup", made.startup, made, timeout_s=0.2, say=bench.journal)
        assert "took longer than 0.2 s" in bench.journal.said("startup-script")[0]
        await run_once("shutdown", made.shutdown, made, timeout_s=0.2, say=bench.journal)
        assert bench.journal.said("shutdown-script") == []

    play(tmp_path, story)


def test_a_restart_takes_along_the_mails_that_wait(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        inbox, port = Inbox(), free_port()
        made = config(mail(port), vip("a", 1))
        notifier = bench.notifier(made)
        for state in (BACKUP, MASTER):
            notifier.hear(StateChange("a", state, 100))
        began_s = time.monotonic()
        await notifier.end(keep=True)
        assert time.monotonic() - began_s < END_LIMIT_S, "the lease does not wait for a mail server"
        assert len(bench.memory.mails) == 2
        with serving(inbox, port=port):
            following = bench.notifier(made)
            following.hear(StateChange("a", MASTER, 100))
            await until(lambda: len(inbox.mails) == 2)
            await following.end(keep=False)
        assert [subject.split()[-2] for subject in inbox.subjects()] == ["BACKUP", "MASTER", "STOP"]
        assert bench.memory.mails == []

    play(tmp_path, story)
