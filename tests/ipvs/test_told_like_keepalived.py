"""One keepalived.conf, run by keepalived and then by the agent: the same servers fail, and the same is told.

keepalived starts programs and mails side by side, so that of those only which ones there were is compared;
lines of the FIFO have an order. Programs of ours have one too, which other tests prove. Programs of the end
are not compared: both give each a second, which is a matter of the machine.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ipvs.director import INTERFACE, Director
from vipkeeper.lab.processes import LabProcess

pytestmark = [pytest.mark.root, pytest.mark.ipvs]

_PATIENCE_S = 60.0
_MAIL_PORT = 2525
_WEB, _MARK, _QUIET = "[192.0.2.80]:tcp:80", "FWM 3", "[192.0.2.81]:tcp:80"

CONFIG = """\
global_defs {{
    router_id lb1
    notification_email {{
        ops@example.com
    }}
    notification_email_from lb1@example.com
    smtp_server 127.0.0.1 {port}
    smtp_alert
    notify_fifo {directory}/all.fifo
    lvs_notify_fifo {directory}/servers.fifo
    script_user root
    rs_init_notifies
}}
vrrp_instance one {{
    interface {interface}
    virtual_router_id 51
    priority 100
    virtual_ipaddress {{
        192.0.2.80/32
    }}
    smtp_alert no
}}
virtual_server 192.0.2.80 80 {{
    {pace}
    lvs_method NAT
    protocol TCP
    omega
    quorum 2
    quorum_up "{program} web up"
    quorum_down "{program} web down"
    sorry_server 127.0.0.1 9
    {web1}
    {web2}
}}
virtual_server fwmark 3 {{
    {pace}
    lvs_method NAT
    protocol TCP
    quorum_up "{program} mark up"
    {web1}
}}
virtual_server 192.0.2.81 80 {{
    {pace}
    lvs_method NAT
    protocol TCP
    smtp_alert no
    real_server 10.1.0.2 8082 {{
        smtp_alert no
        alpha
        TCP_CHECK {{
            connect_ip 127.0.1.2
        }}
    }}
}}
"""
PACE = "delay_loop 0.3\n    delay_before_retry 0.1\n    warmup 0.1\n    connect_timeout 5"


def real_server(program: Path, number: int) -> str:
    """Its checks go where it is no server of the table's."""
    return (
        f"real_server 10.1.0.{number} 808{number} {{\n"
        f'        notify_up "{program} web{number} up"\n        notify_down "{program} web{number} down"\n'
        f"        TCP_CHECK {{\n            connect_ip 127.0.1.{number}\n        }}\n    }}"
    )


# At the start, web2 fails and returns, web1 does.
PROGRAMS = sorted(
    (
        *("web up", "mark up", "web1 up", "web2 up", "web1 up"),
        *("web2 down", "web down", "web2 up", "web up"),
        *("web1 down", "web down", "web1 down", "web1 up", "web up", "web1 up", "mark up"),
    )
)
_WEB1, _WEB2, _MARK1 = (
    f"Realserver [10.1.0.{number}]:{transport}:808{number} of virtual server {virtual}"
    for number, transport, virtual in ((1, "tcp", _WEB), (2, "tcp", _WEB), (1, "none", _MARK))
)
SUBJECTS = sorted(
    f"[lb1] {about} - {state}"
    for about, states in (
        (f"Virtualserver {_WEB}", ("UP", "DOWN", "UP", "DOWN", "UP")),
        (f"Virtualserver {_MARK}", ("UP", "DOWN", "UP")),
        (_WEB1, ("DOWN", "UP")),
        (_WEB2, ("DOWN", "UP")),
        (_MARK1, ("DOWN", "UP")),
    )
    for state in states
)


def config_text(directory: Path, program: Path) -> str:
    return CONFIG.format(
        directory=directory,
        program=program,
        pace=PACE,
        port=_MAIL_PORT,
        interface=INTERFACE,
        web1=real_server(program, 1),
        web2=real_server(program, 2),
    )


@dataclass(slots=True)
class Heard:
    """All that was told."""

    servers: list[str]
    everything: list[str]
    programs: list[str]
    subjects: list[str]


class Listeners:
    """FIFOs that are read, a program that writes down its arguments, and a mail server."""

    def __init__(self, director: Director, directory: Path) -> None:
        self.directory = directory
        self.program = directory / "program"
        self.program.write_text(f'#!/bin/sh\necho "$*" >> {directory}/ran\n')
        self.program.chmod(0o755)
        self._fifos = {name: _fifo(directory / f"{name}.fifo") for name in ("servers", "all")}
        self._lines = dict.fromkeys(self._fifos, "")
        self.mail = LabProcess(
            "mail server",
            (
                *(sys.executable, "-u", "-m", "aiosmtpd", "--nosetuid"),
                *("--listen", f"127.0.0.1:{_MAIL_PORT}", "--class", "aiosmtpd.handlers.Debugging", "stdout"),
            ),
            log=directory / "mails",
            namespace=director.namespace,
        )

    def heard(self) -> Heard:
        for name, fifo in self._fifos.items():
            try:
                self._lines[name] += os.read(fifo, 65536).decode()
            except BlockingIOError:
                continue
        ran, mails = self.directory / "ran", self.directory / "mails"
        about_servers = re.compile("^(?:RS|VS) ")
        return Heard(
            self._lines["servers"].splitlines(),
            [line for line in self._lines["all"].splitlines() if about_servers.match(line)],
            ran.read_text().splitlines() if ran.exists() else [],
            _subjects(mails.read_text()) if mails.exists() else [],
        )

    def close(self) -> None:
        self.mail.stop()
        for fifo in self._fifos.values():
            os.close(fifo)


class Servers:
    """What the checks connect to."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._listening: dict[int, socket.socket] = {}
        self._asked: Counter[int] = Counter()

    def asked(self, number: int) -> int:
        """How many checks have connected to it."""
        with suppress(BlockingIOError):
            while True:
                self._listening[number].accept()[0].close()
                self._asked[number] += 1
        return self._asked[number]

    def up(self, number: int) -> None:
        self._listening[number] = self._director.namespace.call(lambda: _listen(number))

    def down(self, number: int) -> None:
        self._listening.pop(number).close()

    def close(self) -> None:
        for listening in self._listening.values():
            listening.close()


def keepalived(directory: Path, config: Path) -> tuple[str, ...]:
    return (
        *("keepalived", "--dont-fork", "--log-console", "--check", "--use-file", str(config)),
        *("--pid", str(directory / "pid"), "--checkers_pid", str(directory / "checkers.pid")),
    )


def agent(directory: Path, config: Path) -> tuple[str, ...]:
    place = ("--config", str(config), "--run-dir", str(directory / "run"))
    return (sys.executable, "-m", "vipkeeper", "agent", *place, "--backend", "vrrp", "--node", "n1")


def story(director: Director, directory: Path, command: Callable[[Path, Path], tuple[str, ...]]) -> Heard:
    """Both up; web2 fails and returns; web1 does; the end."""
    directory.mkdir()
    with ExitStack() as ends:
        listeners, servers = Listeners(director, directory), Servers(director)
        ends.callback(listeners.close)
        ends.callback(servers.close)
        config = directory / "keepalived.conf"
        config.write_text(config_text(directory, listeners.program))
        listeners.mail.start()
        _wait(lambda: director.namespace.call(_mail_is_taken), listeners.mail.log_end)
        for number in (1, 2):
            servers.up(number)
        process = LabProcess(
            "director", command(directory, config), log=directory / "log", namespace=director.namespace
        )

        def said(line: str, times: int) -> None:
            _wait(
                lambda: listeners.heard().servers.count(line) == times,
                lambda: f"{line} was not said {times} times: {listeners.heard()}\n{process.log_end(40)}",
            )

        ends.enter_context(_running(process))
        said(f"VS {_WEB} UP", 1)
        said(f"VS {_QUIET} UP", 1)
        said(f"VS {_MARK} UP", 1)
        # Each check has run (two ask each server), for the first failure of a first one counts at once.
        _wait(
            lambda: all(servers.asked(number) >= 6 for number in (1, 2)),
            lambda: f"the servers were not asked again and again\n{process.log_end(40)}",
        )
        servers.down(2)
        said(f"VS {_WEB} DOWN", 1)
        said(f"VS {_QUIET} DOWN", 1)
        servers.up(2)
        said(f"VS {_WEB} UP", 2)
        said(f"VS {_QUIET} UP", 2)
        servers.down(1)
        said(f"VS {_WEB} DOWN", 2)
        said(f"VS {_MARK} DOWN", 1)
        servers.up(1)
        said(f"VS {_WEB} UP", 3)
        said(f"VS {_MARK} UP", 2)
        _wait(
            lambda: sorted(listeners.heard().programs) == PROGRAMS,
            lambda: f"{PROGRAMS} were not run, but {sorted(listeners.heard().programs)}",
        )
        _wait(
            lambda: sorted(listeners.heard().subjects) == SUBJECTS,
            lambda: f"{SUBJECTS} were not mailed, but {sorted(listeners.heard().subjects)}",
        )
        process.send(signal.SIGTERM)
        said(f"VS {_WEB} DOWN", 3)
        return listeners.heard()


@pytest.mark.timeout(400)
def test_what_is_told_is_what_keepalived_tells(director: Director, tmp_path: Path) -> None:
    theirs = story(director, tmp_path / "keepalived", keepalived)
    director.empty()
    ours = story(director, tmp_path / "agent", agent)
    for virtual in (_WEB, _MARK, _QUIET):
        assert _of(virtual, ours.servers) == _of(virtual, theirs.servers)
    assert ours.everything == ours.servers


def _of(virtual: str, lines: list[str]) -> list[str]:
    return [line for line in lines if f" {virtual} " in line]


@contextmanager
def _running(process: LabProcess) -> Iterator[None]:
    process.start()
    try:
        yield
    finally:
        process.stop()


def _fifo(path: Path) -> int:
    os.mkfifo(path)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


def _listen(number: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((f"127.0.1.{number}", 8080 + number))
    made.listen(4096)  # mostly nobody accepts: each connection stays in it
    made.setblocking(False)
    return made


def _subjects(mails: str) -> list[str]:
    """A long one goes on in the next line, behind a blank (RFC 5322, 2.2.3)."""
    return re.findall(r"^Subject: (.*)$", re.sub(r"\r?\n[ \t]+", " ", mails), re.MULTILINE)


def _mail_is_taken() -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", _MAIL_PORT)) == 0


def _wait(true: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not true():
        assert time.monotonic() < until_s, otherwise()
        time.sleep(0.1)
