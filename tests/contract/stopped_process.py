"""Waits until a process that was sent SIGSTOP stands still, all its threads."""

from __future__ import annotations

import time
from pathlib import Path

_PATIENCE_S = 30.0


def wait_until_stopped(pid: int) -> None:
    """Return when every thread has stopped."""
    give_up_s = time.monotonic() + _PATIENCE_S
    while not _is_stopped(pid):
        assert time.monotonic() < give_up_s, f"process {pid} did not stop"
        time.sleep(0.001)


def _is_stopped(pid: int) -> bool:
    states = [
        task.joinpath("stat").read_text().rpartition(")")[2].split()[0]
        for task in Path(f"/proc/{pid}/task").iterdir()
    ]
    return set(states) <= {"T"}
