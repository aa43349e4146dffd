"""Runs the programs of one VIP, group or virtual server one after the other, those of others beside them.

Rules of this file: whoever tells it something never waits for a program; a program that fails is told of and
not run again, because nobody knows how far it came.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from vipkeeper.config.notify_schema import NotifyScript, Scripts
from vipkeeper.notify.saying import Say
from vipkeeper.notify.telling import Telling, Turn
from vipkeeper.notify.waiting_line import MOST_WAITING, WaitingLine
from vipkeeper.scripts.program import Ending, Outcome
from vipkeeper.scripts.resolving import resolve_program
from vipkeeper.scripts.running import run_program

# A program has so long for STOP, as with keepalived, and one that still runs when the agent ends as well.
STOP_LIMIT_S = 1.0
# All of them together, with what ending a program takes.
END_LIMIT_S = 5.0
# A thousand VIPs that move at once start no thousand programs at once.
MOST_AT_ONCE = 64


class ScriptCounts(msgspec.Struct):
    """Since the start of the agent. One for each program."""

    run: int = 0
    failed: int = 0
    left_out: int = 0


class _Turn:
    """One VIP, sync group or virtual server: what waits, and the task that works on it."""

    def __init__(self) -> None:
        self.line = WaitingLine()
        self.worker: asyncio.Task[None] | None = None
        self.told_full = False


class ScriptTurns:
    """`told`: called when all programs of a notification have ended."""

    def __init__(self, scripts: Scripts, say: Say, told: Callable[[Telling], None]) -> None:
        self._scripts = scripts
        self._say = say
        self._told = told
        self._turns: dict[Turn, _Turn] = {}
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._starts = asyncio.Lock()
        self._ending = asyncio.Event()
        self.counts = ScriptCounts()

    def reconfigure(self, scripts: Scripts) -> None:
        """For what begins from now on; what runs goes on, and what waits stays."""
        self._scripts = scripts

    @property
    def waiting(self) -> int:
        """Notifications that no program has been started for yet."""
        return sum(len(turn.line) for turn in self._turns.values())

    def add(self, telling: Telling) -> None:
        """It is told in its turn."""
        turn = self._turns.get(telling.turn)
        if turn is None:
            if not telling.programs():
                self._told(telling)
                return
            turn = self._turns[telling.turn] = _Turn()
        left_out = turn.line.add(telling)
        if left_out is not None:
            self._leave_out(turn, left_out)
        if turn.worker is None:
            turn.worker = asyncio.create_task(self._work(telling.turn, turn), name="notify")
            turn.worker.add_done_callback(self._tell_defect)

    def _tell_defect(self, worker: asyncio.Task[None]) -> None:
        if not worker.cancelled() and (error := worker.exception()) is not None:
            self._say(
                logging.ERROR,
                "defect",
                f"a notification was not told: {type(error).__name__}: {error}. Please report this",
            )

    def _leave_out(self, turn: _Turn, left_out: Telling) -> None:
        self.counts.left_out += 1
        if not turn.told_full:
            turn.told_full = True
            self._say(
                logging.WARNING,
                "notify-left-out",
                f"{MOST_WAITING} changes wait for its programs, and from now on the oldest is left out for "
                "each new one; make the programs quicker, or lower the `timeout` of `notify`",
                of=left_out.name,
                state=left_out.word,
            )

    async def _work(self, of: Turn, turn: _Turn) -> None:
        try:
            while len(turn.line):
                async with self._room:
                    telling = turn.line.take()
                    if telling is None:
                        return  # the agent ends
                    for script, arguments in telling.programs():
                        await self._run(telling, script, arguments)
                self._told(telling)
        finally:
            del self._turns[of]

    async def _run(self, telling: Telling, script: NotifyScript, words: tuple[str, ...]) -> None:
        async with self._starts:
            # A start takes a millisecond, and a lease or an advertisement may be due between two of them.
            await asyncio.sleep(0)
        program = resolve_program(script.script or "", self._scripts, user=script.user, group=script.group)
        # At the end of the agent; a reload that takes a server out leaves its programs their time.
        stopping = telling.ends and self._ending.is_set()
        running = asyncio.ensure_future(
            run_program(
                program,
                timeout_s=STOP_LIMIT_S if stopping else telling.timeout_s,
                extra_arguments=words,
                environment=telling.environment(),
            )
        )
        outcome = await (running if stopping else self._unless_ending(running))
        self._judge(telling, script.script or "", outcome)

    async def _unless_ending(self, running: asyncio.Future[Outcome]) -> Outcome:
        """When the agent ends, the program has a last moment."""
        ending = asyncio.ensure_future(self._ending.wait())
        ends: list[asyncio.Future[Any]] = [running, ending]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await asyncio.wait([running], timeout=STOP_LIMIT_S)
            if running.done():
                return running.result()
        finally:
            ending.cancel()
            running.cancel()  # without effect if it has ended
        why = f"it still ran {STOP_LIMIT_S:g} s after the agent began to end"
        return Outcome(Ending.TIMED_OUT, detail=why)

    def _judge(self, telling: Telling, text: str, outcome: Outcome) -> None:
        self.counts.run += 1
        if outcome.succeeded:
            level, event = logging.DEBUG, "notified"
        else:
            self.counts.failed += 1
            level, event = logging.WARNING, "notify-failed"
        self._say(
            level,
            event,
            outcome.explained,
            of=telling.name,
            state=telling.word,
            script=text,
            output=outcome.output,
        )

    async def end(self, stops: list[Telling]) -> None:
        """The end of the agent: what runs has a last moment, what waits is left out but STOP."""
        self._ending.set()
        for turn in self._turns.values():
            for left_out in turn.line.clear():
                self.counts.left_out += 1
                self._say(
                    logging.WARNING,
                    "notify-left-out",
                    "the agent ends before its programs could be run",
                    of=left_out.name,
                    state=left_out.word,
                )
        for stop in stops:
            self.add(stop)
        await self._wait_for_workers()

    async def _wait_for_workers(self) -> None:
        workers = [turn.worker for turn in self._turns.values() if turn.worker is not None]
        if not workers:
            return
        _, late = await asyncio.wait(workers, timeout=END_LIMIT_S)
        for worker in late:
            worker.cancel()
        if late:
            names = sorted(name for (_, name), turn in self._turns.items() if turn.worker in late)
            self._say(
                logging.WARNING,
                "notify-left-out",
                f"the agent ends; programs of {len(late)} have not ended",
                of=", ".join(names[:10]),
            )
            await asyncio.gather(*late, return_exceptions=True)

    async def abandon(self) -> None:
        """The agent ends for a restart: the next one tells what was not told to the end."""
        workers = [turn.worker for turn in self._turns.values() if turn.worker is not None]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
