"""One director to a run directory: an earlier one ends when its agent is gone, and is helped if it does not.

Rules of this file: who has the lock is known by the lock's own file, so that no stranger's number is killed.
A director that is killed leaves the kernel's table as it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import time
from pathlib import Path

from vipkeeper.agent.logs import log

# It may be in the midst of a check's regular expression, which nothing interrupts.
PATIENCE_S = 2.0
_LOOK_S = 0.02


class OnlyOne:
    """Held until it is closed, or this process ends. Raises OSError."""

    def __init__(self, run_dir: Path) -> None:
        self._lock = os.open(run_dir / "director.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        until_s = time.monotonic() + PATIENCE_S
        while not self._taken():
            if time.monotonic() > until_s:
                self._kill_holder()
                until_s = time.monotonic() + PATIENCE_S
            time.sleep(_LOOK_S)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        os.close(self._lock)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _kill_holder(self) -> None:
        text = os.pread(self._lock, 32, 0).strip()
        if not text:
            return
        message = "the director of an earlier agent does not end, and is killed; its table stays"
        log(logging.WARNING, "director", message, pid=text.decode())
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(int(text))
            try:
                if not self._taken():  # so the number is still the holder's
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)
