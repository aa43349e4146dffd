"""One ZooKeeper on loopback, for tests: started, frozen, thawed, killed and started again by its pid."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.contract.etcd_server import ServerEndedError
from tests.contract.stopped_process import wait_until_stopped
from vipkeeper.lab.zookeeper_servers import JAVA, MAIN_CLASS

START_TIMEOUT_S = 60.0  # a Java machine starts in a second, or in many when others use the machine
START_ATTEMPTS = 3  # somebody else may take a free port before the server does


_SETTINGS = """\
tickTime=500
dataDir={directory}/data
{ports}
admin.enableServer=false
4lw.commands.whitelist=srvr
{more}
"""


class ZookeeperServer:
    """An ensemble of one. Use it as a context manager."""

    def __init__(
        self, directory: Path, *, settings: str = "", options: tuple[str, ...] = (), tls: bool = False
    ) -> None:
        self._directory = directory
        self._more = settings
        self._options = options
        self._tls = tls
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def endpoint(self) -> str:
        """Where clients reach it."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        for attempt in range(1, START_ATTEMPTS + 1):
            self.port, self._plain_port = _free_ports()
            try:
                self.start()
            except BaseException as error:
                self.kill()
                if attempt == START_ATTEMPTS or not isinstance(error, ServerEndedError):
                    raise
            else:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it on its ports, with the data it left; returns when it serves."""
        self._directory.mkdir(parents=True, exist_ok=True)
        plain, secure = (self._plain_port, self.port) if self._tls else (self.port, None)
        ports = f"clientPortAddress=127.0.0.1\nclientPort={plain}\n"
        if secure is not None:
            ports += f"secureClientPortAddress=127.0.0.1\nsecureClientPort={secure}\n"
        configuration = self._directory / "zoo.cfg"
        configuration.write_text(_SETTINGS.format(directory=self._directory, ports=ports, more=self._more))
        command = [*JAVA, *self._options, MAIN_CLASS, str(configuration)]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        give_up_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < give_up_s:
            if self._process.poll() is not None:
                raise ServerEndedError((self._directory / "log").read_text(errors="replace")[-2000:])
            if "Mode: " in four_letters(plain, "srvr"):
                return
            time.sleep(0.05)
        raise TimeoutError(f"ZooKeeper did not serve within {START_TIMEOUT_S:g} s")

    def freeze(self) -> None:
        """SIGSTOP: connections stay, nothing answers. Returns when every thread has stopped."""
        assert self._process is not None
        self._signal(signal.SIGSTOP)
        wait_until_stopped(self._process.pid)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, whatever state it is in."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _signal(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)


def four_letters(port: int, word: str) -> str:
    """What the server answers to one of its four-letter words; nothing when it does not."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(word.encode())
            return b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError:
        return ""


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
