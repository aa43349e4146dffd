"""Runs one program of the operator to its end, and leaves nothing of it behind.

Rules of this file: IO, and no thread: a pidfd and a pipe on the event loop. Every run has its own process
group, so that what it started ends with it; who started it is told how it ended, whatever happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from typing import ClassVar

from vipkeeper.scripts.launching import clean_environment, command_line
from vipkeeper.scripts.pace import StartPace
from vipkeeper.scripts.program import Ending, Outcome, Program
from vipkeeper.scripts.resolving import why_not

TERM_PATIENCE_S = 2.0  # between SIGTERM and SIGKILL
KILL_PATIENCE_S = 10.0  # then the kernel holds it (a dead disk, say), and nobody waits for it any longer
TAIL_BYTES = 2000  # of the output: enough for the sentence that says why
_MOST_LINGERING = 32
_MOST_READS = 16  # at once: who writes faster than we read must not keep the agent from renewing

# Exit codes of setpriv and its like when they, and not the program, failed.
_LAUNCHER_CODES = frozenset({1, 126, 127})
_LAUNCHERS = ("setpriv: ", "nice: ", "choom: ")


async def run_program(
    program: Program,
    *,
    timeout_s: float,
    extra_arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    pace: StartPace | None = None,
) -> Outcome:
    """Run it once. When cancelled, the run is ended as for a timeout, without waiting for it.

    With a `pace` it waits for its turn; that counts for no time limit.
    """
    if pace is None:
        started = _start(program, extra_arguments, environment or {})
    else:
        async with pace.turn():
            started = _start(program, extra_arguments, environment or {})
    return started if isinstance(started, Outcome) else await started.outcome(timeout_s)


def _start(
    program: Program, extra_arguments: Sequence[str], environment: Mapping[str, str]
) -> _Run | Outcome:
    """The run, or why there is none."""
    refused = program.refused or why_not(program)
    if refused or program.account is None:
        return Outcome(Ending.NOT_STARTED, detail=refused)
    try:
        return _Run(
            command_line(program.account, (*program.argv, *extra_arguments)),
            clean_environment(program.account, environment),
        )
    except OSError as error:
        return Outcome(Ending.NOT_STARTED, detail=f"the kernel refused to start it: {error}")


class _Run:
    """One process group from its start until its leader is reaped."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        reading, writing = os.pipe2(os.O_CLOEXEC)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=environment,
                process_group=0,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._output = _Output(reading)
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._ending = False
        self._pidfd = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._pidfd, self._reap)

    async def outcome(self, timeout_s: float) -> Outcome:
        try:
            code = await self._wait(timeout_s)
            if code is None:
                why = f"took longer than {timeout_s:g} s"
                if await self._end() is None:
                    why += "; the kernel holds its process even after SIGKILL"
                return Outcome(Ending.TIMED_OUT, output=self._output.tail(), detail=why)
        except asyncio.CancelledError:
            task = self._loop.create_task(self._end())
            _ENDINGS[task] = self
            task.add_done_callback(_ENDINGS.pop)
            raise
        return self._judge(code)

    def kill(self) -> None:
        """Do not wait for it to take SIGTERM."""
        self._signal(signal.SIGKILL)

    def _judge(self, code: int) -> Outcome:
        output = self._output.tail()
        if code < 0:
            return Outcome(Ending.KILLED, -code, output)
        if code in _LAUNCHER_CODES and output.startswith(_LAUNCHERS):
            return Outcome(Ending.NOT_STARTED, code, detail=output)
        return Outcome(Ending.EXITED, code, output)

    async def _wait(self, timeout_s: float) -> int | None:
        """Its exit code, or minus a signal's number; None if it still runs then."""
        done, _ = await asyncio.wait([self._ended], timeout=timeout_s)
        return self._ended.result() if done else None

    async def _end(self) -> int | None:
        self._ending = True
        self._signal(signal.SIGTERM)
        code = await self._wait(TERM_PATIENCE_S)
        if code is None:
            self._signal(signal.SIGKILL)
            code = await self._wait(KILL_PATIENCE_S)
        return code

    def _signal(self, number: signal.Signals) -> None:
        """To the whole group. Until the leader is reaped, no stranger can have its number."""
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _reap(self) -> None:
        if self._ending:  # what is left of the group has seen SIGTERM, and outlived its leader
            self._signal(signal.SIGKILL)
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._ended.set_result(self._process.wait())
        self._output.leader_ended()


class _Output:
    """Reads what a run writes, both streams as one, and keeps the end of it.

    What the run left in the background may go on writing after it: it would die of a closed pipe.
    """

    _lingering: ClassVar[deque[_Output]] = deque()

    def __init__(self, reading: int) -> None:
        os.set_blocking(reading, False)
        self._reading = reading
        self._kept = bytearray()
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._loop.add_reader(reading, self._read)

    def tail(self) -> str:
        return bytes(self._kept).decode(errors="replace").strip()

    def leader_ended(self) -> None:
        """Take what is there already, and read on only if somebody still has the other end."""
        for _ in range(_MOST_READS):
            if not (self._open and self._read()):
                break
        if self._open:
            self._lingering.append(self)
            if len(self._lingering) > _MOST_LINGERING:
                self._lingering[0]._close()

    def _read(self) -> bool:
        try:
            chunk = os.read(self._reading, 65536)
        except BlockingIOError:
            return False
        if not chunk:
            self._close()
            return False
        self._kept += chunk
        del self._kept[:-TAIL_BYTES]
        return True

    def _close(self) -> None:
        self._open = False
        self._loop.remove_reader(self._reading)
        os.close(self._reading)
        if self in self._lingering:
            self._lingering.remove(self)


# What was cancelled and has not ended; the loop itself keeps no task alive.
_ENDINGS: dict[asyncio.Task[int | None], _Run] = {}


async def end_cancelled(patience_s: float) -> None:
    """At the end of the agent: kill what was cancelled and does not end within so long, and reap it."""
    endings = dict(_ENDINGS)
    if not endings:
        return
    await asyncio.wait(endings, timeout=patience_s)
    for task, run in endings.items():
        if not task.done():
            run.kill()
    await asyncio.wait(endings, timeout=patience_s)
