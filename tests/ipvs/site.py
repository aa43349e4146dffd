"""One node with a real agent, whose director keeps a real table; ipvsadm looks at it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tests.ipvs.director import INTERFACE, Director, make_director
from vipkeeper.lab.processes import LabProcess
from vipkeeper.model.director_files import DIRECTOR_SOCKET
from vipkeeper.model.director_messages import Ask, DirectorAnswer, DirectorReport

_EXIT_S = 30.0
_PATIENCE_S = 40.0
# Each look starts a program, and would leave the agent nothing of the one processor of User-Mode Linux.
_BETWEEN_LOOKS_S = 0.3
_ASK_S = 20.0

# It has the VIP at once, and for half a minute after it was killed: its next start takes seconds here.
CONFIG = """\
backend = "vrrp"
node = "one"
[log]
level = "debug"
[vip.web]
interface = "{interface}"
addresses = ["10.9.1.80"]
priority = 255
[vip.web.vrrp]
vrid = 51
advert_interval = 10.0
"""


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, with patience."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come to pass"
        time.sleep(_BETWEEN_LOOKS_S)


class Site:
    """An agent over all its restarts: same run directory, same log."""

    def __init__(self, director: Director, directory: Path, tables: str) -> None:
        self.director = director
        self.run_dir = directory / "run"
        self.config = directory / "agent.toml"
        self.write(tables)
        words = ("agent", "--config", str(self.config), "--run-dir", str(self.run_dir))
        self.agent = LabProcess(
            "agent",
            (sys.executable, "-m", "vipkeeper", *words),
            log=directory / "log",
            namespace=director.namespace,
        )

    def write(self, tables: str) -> None:
        self.config.write_text(CONFIG.format(interface=INTERFACE) + tables)

    def start(self) -> None:
        """Until it has the VIP, and its director has compared the whole table once more after writing it."""
        self.agent.start()
        until(lambda: self.report().reconciled > 0 and self.has_vip)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """It must end as it should."""
        self.agent.send(number)
        assert self.agent.wait(_EXIT_S) == 0, self.agent.log_end()

    def reload(self, tables: str) -> None:
        self.write(tables)
        told = self.log.count(" reload ")
        self.agent.send(signal.SIGHUP)
        until(lambda: self.log.count(" reload ") > told)

    @property
    def log(self) -> str:
        return self.agent.log.read_text()

    @property
    def writes(self) -> list[str]:
        """What was done to the table, step by step since the log began."""
        return [
            line.partition(" ipvs-written ")[2] for line in self.log.splitlines() if " ipvs-written " in line
        ]

    @property
    def has_vip(self) -> bool:
        return "10.9.1.80/" in self.director.namespace.run("ip", "-br", "address", "show", INTERFACE)

    @property
    def director_pid(self) -> int:
        """Of the one that has the lock."""
        return int((self.run_dir / "director.lock").read_text())

    def kill_director(self) -> None:
        os.kill(self.director_pid, signal.SIGKILL)

    def ask(self, ask: str, server: str = "") -> DirectorAnswer:
        """Raises OSError while there is nobody to answer."""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
            client.settimeout(_ASK_S)
            client.connect(str(self.run_dir / DIRECTOR_SOCKET))
            client.sendall(msgspec.json.encode(Ask(ask, server)) + b"\n")
            with client.makefile("rb") as answer:
                return msgspec.json.decode(answer.readline(), type=DirectorAnswer)

    def report(self) -> DirectorReport:
        """Nothing yet, while there is nobody to answer."""
        try:
            return self.ask("ipvs").ipvs or DirectorReport()
        except (OSError, msgspec.DecodeError):
            return DirectorReport()

    def until_looked(self) -> None:
        """Until it has read the whole table twice anew: once may have begun before."""
        before = self.report().reconciled
        until(lambda: self.report().reconciled >= before + 2)


@contextlib.contextmanager
def make_site(directory: Path, tables: str) -> Iterator[Site]:
    with make_director() as director:
        site = Site(director, directory, tables)
        try:
            yield site
        finally:
            site.agent.stop()
