"""One director as its agent sees it: a process, and a stream to it that is never waited for.

Rules of this file: it starts, sends, hears and reaps; what is to be done when it ends is its user's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from vipkeeper.config.schema import Log
from vipkeeper.model.balancing import BalancingPlan
from vipkeeper.model.director_frames import Frames, frame
from vipkeeper.model.director_messages import Changed, End, Follow, Standing, ToAgent, ToDirector
from vipkeeper.model.server_changes import ServerChange

_RECEIVE_BYTES = 1 << 16
# A real server that is asked late looks dead, so it is a little behind the agent, not far behind everybody.
_NICER_BY = 5


class DirectorProcess:
    """It begins at once. `hear` takes what it has to tell; `ended` its exit code, after the last word.

    Raises OSError when it cannot be started. Needs a running loop.
    """

    def __init__(
        self, run_dir: str, hear: Callable[[ServerChange], None], ended: Callable[[int], None]
    ) -> None:
        self._hear = hear
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._frames = Frames()
        self._decoder = msgspec.msgpack.Decoder(ToAgent)
        self._unsent = bytearray()
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        try:
            with theirs:
                self._process = _start(run_dir, theirs)
        except OSError:
            self._socket.close()
            raise
        with contextlib.suppress(OSError):  # it may have ended already
            os.setpriority(os.PRIO_PROCESS, self._process.pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICER_BY)
        self._pidfd = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._socket, self._read)
        self._loop.add_reader(self._pidfd, self._reap)
        self._over = asyncio.Event()

    def follow(self, plan: BalancingPlan | None, log: Log) -> None:
        """It keeps this from now on; None is nothing."""
        self._send(Follow(plan or BalancingPlan(), log.format, log.level))

    def stand(self, vips: frozenset[str]) -> None:
        """These VIPs this node has now."""
        self._send(Standing(vips))

    def end(self, *, keep: bool) -> None:
        """It is to end; unless `keep`, it takes out what it keeps."""
        self._send(End(keep))

    def _send(self, message: ToDirector) -> None:
        """Soon. To one that has ended, nothing is sent."""
        if self._socket.fileno() >= 0:
            waiting = bool(self._unsent)
            self._unsent += frame(message)
            if not waiting:
                self._write()

    def kill(self) -> None:
        """What it keeps stays in the kernel."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)

    async def wait(self, timeout_s: float) -> bool:
        """Whether it has ended, after so long at most."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), timeout_s)
        return self._over.is_set()

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:  # it has ended, which is found out by its end
            sent = len(self._unsent)
        del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self._socket, self._write)
        else:
            self._loop.remove_writer(self._socket)

    def _read(self) -> bool:
        """Whether there may be more."""
        try:
            piece = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        if not piece:
            self._loop.remove_reader(self._socket)
            return False
        for body in self._frames.bodies(piece):
            message = self._decoder.decode(body)
            if isinstance(message, Changed):  # of the other one, its end, the process tells as well
                for change in message.changes:
                    self._hear(change)
        return True

    def _reap(self) -> None:
        while self._read():
            pass
        self._loop.remove_reader(self._pidfd)
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        os.close(self._pidfd)
        self._socket.close()
        code = self._process.wait()
        self._over.set()
        self._ended(code)


def _start(run_dir: str, theirs: socket.socket) -> subprocess.Popen[bytes]:
    """With the agent's own Python, log and privileges; in a group of its own, away from Ctrl-C."""
    environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    return subprocess.Popen(
        [sys.executable, *_python_flags(), "-m", "vipkeeper.director", run_dir],
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        env=environment,
        process_group=0,
    )


def _python_flags() -> list[str]:
    """An agent that was not started from a checkout imports nothing from its working directory."""
    return [] if "" in sys.path or str(Path.cwd()) in sys.path else ["-P"]
