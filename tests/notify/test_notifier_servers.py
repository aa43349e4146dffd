"""Changes of servers go to programs, both FIFOs and by mail, among those of VIPs and in order."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.notify.mail_servers import Inbox, free_port, serving
from tests.notify.server_configs import DOWN, STOP, UP, quorum, real, servers
from tests.notify.test_notifier import Bench, mail, play
from tests.notify.told import until
from vipkeeper.config.schema import Config
from vipkeeper.model.server_changes import ServerState
from vipkeeper.model.state_changes import StateChange, VipState
from vipkeeper.notify.server_notification import ServerName

pytestmark = pytest.mark.root  # programs run as root here

WEB1_DOWN = "RS [10.0.0.11]:tcp:8081 [192.0.2.80]:tcp:80 DOWN"
VS_UP, VS_DOWN = (f"VS [192.0.2.80]:tcp:80 {word}" for word in ("UP", "DOWN"))


class ServerBench(Bench):
    """A program that writes down its argument, whom it hears about, and waits while it is told to."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.hold = directory / "hold"
        program = directory / "server"
        program.write_text(
            f"#!/bin/sh\nwhile [ -e {self.hold} ]; do sleep 0.02; done\n"
            'whom="$VIPKEEPER_VIRTUAL_SERVER/$VIPKEEPER_REAL_SERVER"\n'
            f'echo "$1:$whom:$VIPKEEPER_STATE" >> {directory}/ran\n'
        )
        program.chmod(0o755)
        self.program = program

    def keys(self, *names: str) -> str:
        return "\n".join(f'{name} = {{ script = "{self.program} {name}" }}' for name in names)

    async def told_to_the_end(self, states: dict[ServerName, ServerState]) -> None:
        """No program runs any more."""
        await until(lambda: self.memory.told_servers == states)

    def servers(self, *more: str, web: str = "", ipvs: str = "", scripts: str = "") -> Config:
        return servers(
            self.scripts(scripts),
            *more,
            web=f"{self.keys('quorum_up', 'quorum_down')}\n{web}",
            web1=self.keys("notify_up", "notify_down"),
            ipvs=ipvs,
        )


def test_everybody_hears_of_a_failure_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        bench, inbox = ServerBench(tmp_path), Inbox()
        with serving(inbox) as port:
            notifier = bench.notifier(bench.servers(mail(port, "smtp_alert_checker = true")))
            bench.hold.touch()
            for change in (quorum(UP, first=True), real("web1", DOWN), quorum(DOWN)):
                notifier.hear_server(change)
            assert bench.lines() == [VS_UP, WEB1_DOWN, VS_DOWN], "no line waits for a program"
            assert bench.ran() == []
            bench.hold.unlink()
            await until(lambda: len(bench.ran()) == 3 and len(inbox.mails) == 3)
            await bench.told_to_the_end({("web", ""): DOWN, ("web", "web1"): DOWN})
            await notifier.end(keep=True)
        assert bench.ran() == ["quorum_up:web/:UP", "notify_down:web/web1:DOWN", "quorum_down:web/:DOWN"]
        assert inbox.subjects() == [
            "[lb1] Virtualserver [192.0.2.80]:tcp:80 - UP",
            "[lb1] Realserver [10.0.0.11]:tcp:8081 of virtual server [192.0.2.80]:tcp:80 - DOWN",
            "[lb1] Virtualserver [192.0.2.80]:tcp:80 - DOWN",
        ]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("general", "own", "mailed"),
    [
        ("smtp_alert_checker = true", "", ["web1", "web"]),
        ("smtp_alert_checker = true", "smtp_alert = false", []),
        ("smtp_alert = true", "", []),  # of VIPs
        ("", "smtp_alert = true", ["web1", "web"]),
    ],
)
def test_whose_changes_are_mailed(tmp_path: Path, general: str, own: str, mailed: list[str]) -> None:
    async def story() -> None:
        inbox = Inbox()
        with serving(inbox) as port:
            notifier = Bench(tmp_path).notifier(servers(mail(port, general), web=own))
            notifier.hear_server(real("web1", DOWN))
            notifier.hear_server(quorum(DOWN))
            await until(lambda: len(inbox.mails) == len(mailed))
            await notifier.end(keep=True)
        found = ["web1" if "Realserver" in subject else "web" for subject in inbox.subjects()]
        assert found == mailed

    asyncio.run(story())


def test_mail_about_servers_waits_behind_mail_about_vips(tmp_path: Path) -> None:
    async def story() -> None:
        inbox, port = Inbox(), free_port()
        settings = mail(port, "smtp_alert = true\nsmtp_alert_checker = true")
        notifier = Bench(tmp_path).notifier(servers(settings))
        notifier.hear(StateChange("a", VipState.MASTER, 100))
        notifier.hear_server(real("web1", DOWN))
        await until(lambda: notifier.counts().mails_waiting == 2)
        with serving(inbox, port=port):
            await until(lambda: len(inbox.mails) == 2)
            await notifier.end(keep=True)
        assert ["VRRP" in subject for subject in inbox.subjects()] == [True, False]

    asyncio.run(story())


def test_a_fifo_of_its_own_hears_of_servers_alone(tmp_path: Path) -> None:
    async def story() -> None:
        bench = ServerBench(tmp_path)
        own = tmp_path / "servers.fifo"
        reading = _fifo(own)
        notifier = bench.notifier(bench.servers(ipvs=f'fifo = "{own}"', scripts="fifo_servers = false"))
        notifier.hear(StateChange("a", VipState.MASTER, 100))
        notifier.hear_server(quorum(DOWN))
        assert bench.lines() == ['INSTANCE "a" MASTER 100']
        assert os.read(reading, 4096).decode().splitlines() == [VS_DOWN]
        await notifier.end(keep=True)

    asyncio.run(story())


def test_one_fifo_for_both_gets_each_line_once(tmp_path: Path) -> None:
    async def story() -> None:
        bench = ServerBench(tmp_path)
        notifier = bench.notifier(bench.servers(ipvs=f'fifo = "{bench.fifo}"'))
        notifier.hear_server(quorum(DOWN))
        assert bench.lines() == [VS_DOWN]
        await notifier.end(keep=True)

    asyncio.run(story())


def test_a_restart_tells_nothing_twice(tmp_path: Path) -> None:
    async def story() -> None:
        bench = ServerBench(tmp_path)
        notifier = bench.notifier(bench.servers())
        notifier.hear_server(real("web1", DOWN))
        notifier.hear_server(quorum(DOWN))
        await until(lambda: len(bench.ran()) == 2)
        await bench.told_to_the_end({("web", ""): DOWN, ("web", "web1"): DOWN})
        await notifier.end(keep=True)
        assert bench.lines() == [WEB1_DOWN, VS_DOWN], "no end is told"
        following = bench.notifier(bench.servers())
        assert bench.lines() == [WEB1_DOWN, VS_DOWN], "the reader may be new"
        following.hear_server(quorum(DOWN, first=True))
        assert bench.lines() == []
        following.hear_server(quorum(UP))
        await until(lambda: len(bench.ran()) == 3)
        assert bench.ran()[2] == "quorum_up:web/:UP"
        await bench.told_to_the_end({("web", ""): UP, ("web", "web1"): DOWN})
        await following.end(keep=True)

    asyncio.run(story())


@pytest.mark.parametrize("said", [True, False])
def test_the_end_is_told_by_omega_whether_the_director_says_it_or_not(tmp_path: Path, said: bool) -> None:
    async def story() -> None:
        bench = ServerBench(tmp_path)
        notifier = bench.notifier(bench.servers(web="omega = true"))
        for change in (real("web1", UP), quorum(UP)):
            notifier.hear_server(change)
        await bench.told_to_the_end({("web", ""): UP, ("web", "web1"): UP})
        if said:
            for change in (real("web1", STOP), quorum(STOP)):
                notifier.hear_server(change)
        await notifier.end(keep=False)
        assert bench.ran()[2:] == ["notify_down:web/web1:STOP", "quorum_down:web/:STOP"]
        assert bench.lines()[2:] == [WEB1_DOWN, VS_DOWN]
        assert bench.memory.told_servers == {}, "the next agent begins, and says so"

    asyncio.run(story())


def test_the_next_agent_after_a_stop_begins_anew(tmp_path: Path) -> None:
    async def story() -> None:
        bench = ServerBench(tmp_path)
        for times in (1, 2):
            notifier = bench.notifier(bench.servers())
            notifier.hear_server(quorum(UP, first=True))
            await bench.told_to_the_end({("web", ""): UP})
            assert bench.ran() == times * ["quorum_up:web/:UP"]
            await notifier.end(keep=False)

    asyncio.run(story())


def test_a_program_of_a_server_that_cannot_run_is_told_of_when_it_is_read(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        words = f'notify_down = {{ script = "{tmp_path}/missing" }}'
        notifier = bench.notifier(servers(web1=words))
        (refused,) = bench.journal.said("script-refused")
        assert "setting=virtual_server.web.real_server.web1.notify_down" in refused
        await notifier.end(keep=True)

    play(tmp_path, story)


def _fifo(path: Path) -> int:
    os.mkfifo(path)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)
