"""A real SMTP server in a host's namespace, on port 25 of its loopback, that keeps what it gets.

Run as a module it is that server: `python -m tests.articles.mail_box DIRECTORY`.
"""

from __future__ import annotations

import contextlib
import email
import email.message
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from vipkeeper.lab.network import Host
from vipkeeper.lab.processes import LabProcess

_POLL_S = 0.05
_PATIENCE_S = 30.0


class MailBox:
    """The mails that arrived at one host."""

    def __init__(self, directory: Path, process: LabProcess) -> None:
        self.directory = directory
        self.process = process

    def mails(self) -> list[email.message.Message]:
        """In the order of their arrival."""
        files = sorted(self.directory.glob("*.eml"))
        return [email.message_from_bytes(file.read_bytes()) for file in files]

    def subjects(self) -> list[str]:
        """In the order of their arrival."""
        return [str(mail["Subject"]) for mail in self.mails()]

    def wait_for(self, words: str) -> email.message.Message:
        """The first mail with these words in its subject. Raises TimeoutError."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            for mail in self.mails():
                if words in str(mail["Subject"]):
                    return mail
            if time.monotonic() > deadline:
                raise TimeoutError(f"no mail {words!r}, only {self.subjects()}")
            time.sleep(_POLL_S)


@contextlib.contextmanager
def run_mail_box(host: Host, directory: Path) -> Iterator[MailBox]:
    """Returns when it takes mail."""
    directory.mkdir(parents=True)
    process = LabProcess(
        f"mail server on {host.name}",
        (sys.executable, "-m", "tests.articles.mail_box", str(directory)),
        log=directory / "server.log",
        namespace=host.namespace,
    )
    process.start()
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while "ready" not in process.log.read_text():
            process.require_running()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{process.name} is not ready")
            time.sleep(_POLL_S)
        yield MailBox(directory, process)
    finally:
        process.stop()


class _Keeper:
    """Writes each mail into a file; complete files only are seen."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - its name
        self._count += 1
        file = self._directory / f"{self._count:05}.eml"
        unfinished = file.with_suffix(".part")
        unfinished.write_bytes(envelope.content)
        unfinished.rename(file)
        return "250 kept"


def _serve(directory: Path) -> None:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    controller = Controller(_Keeper(directory), hostname="127.0.0.1", port=25)
    controller.start()
    print("ready", flush=True)
    ended.wait()
    controller.stop()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
