"""How a director comes to be: a copy of its agent as that begins, or a program of its own later.

Rules of this file: what it gives has been told nothing yet. A copy shares its memory with the agent and has
most modules loaded already, but it is safe only while the process has one thread and no file of its own, so
before the agent's loop begins. One that has to take another's place is started anew.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class NewDirector(NamedTuple):
    """A child of this process that waits for its first message."""

    pid: int
    link: socket.socket

    def dismiss(self) -> None:
        """It is not needed: it ends, which is waited for."""
        self.link.close()
        os.waitpid(self.pid, 0)


def copied_director(run: Callable[[socket.socket], int]) -> NewDirector:
    """A copy of this process that runs `run` with its end of the link. Raises OSError."""
    ours, theirs = socket.socketpair()
    gc.freeze()  # or each of the two would write into all pages that they share
    with theirs:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                ours.close()
                _leave_the_agent()
                status = run(theirs)
            except BaseException:  # noqa: BLE001 - nothing of it may go on as a second agent
                traceback.print_exc()
            finally:
                os._exit(status)
    return NewDirector(pid, ours)


def started_director() -> NewDirector:
    """With the agent's own Python, log and privileges. Raises OSError."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            pid = os.posix_spawn(
                sys.executable,
                [sys.executable, *_python_flags(), "-m", "vipkeeper.director"],
                {name: value for name, value in os.environ.items() if name != _AGENT_ONLY},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                ],
                setpgroup=0,
                setsigdef=[signal.SIGPIPE],
            )
        except OSError:
            ours.close()
            raise
    return NewDirector(pid, ours)


# Both are in a group of their own, away from Ctrl-C, and know nothing of the service manager.
_AGENT_ONLY = "NOTIFY_SOCKET"


def _leave_the_agent() -> None:
    os.setpgid(0, 0)
    os.environ.pop(_AGENT_ONLY, None)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    os.close(nothing)


def _python_flags() -> list[str]:
    """An agent that was not started from a checkout imports nothing from its working directory."""
    return [] if "" in sys.path or str(Path.cwd()) in sys.path else ["-P"]
