"""A daemon that forks: signals to all of its processes, which are known by their parent.

Rules of this file: a process is found through its parent while that lives, and signalled by pid; never by
name, because others may run the same daemon on this machine.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from vipkeeper.lab.processes import LabProcess

_END_S = 10.0
_POLL_S = 0.01


def family_of(pid: int) -> list[int]:
    """The process and all that descend from it, parents first."""
    found = [pid]
    for each in found:  # grows while it is read
        with contextlib.suppress(OSError):
            found += [int(child) for child in Path(f"/proc/{each}/task/{each}/children").read_text().split()]
    return found


def signal_all(process: LabProcess, number: signal.Signals) -> None:
    """To the whole family; children first would let a parent start new ones."""
    for pid in family_of(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_all(process: LabProcess) -> None:
    """SIGKILL to all at once: frozen first, so that none sees another one die."""
    if not process.is_running():
        return
    family = family_of(process.pid)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    process.wait(_END_S)
    deadline = time.monotonic() + _END_S
    while any(_lives(pid) for pid in family[1:]):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{process.name}: still there after SIGKILL: {family[1:]}")
        time.sleep(_POLL_S)


def _lives(pid: int) -> bool:
    """A zombie counts as ended: whoever adopted it has to reap it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
