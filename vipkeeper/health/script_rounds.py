"""Runs one tracked script again and again, and counts what it says.

Rules of this file: IO; the verdict is `rise_fall.py`'s. What another round needs of it lives in the round: a
watch that is closed ends the script that it runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from vipkeeper.config.notify_schema import Scripts
from vipkeeper.config.track_schema import TrackScript
from vipkeeper.health.rise_fall import RiseFall
from vipkeeper.health.verdicts import TrackState, Verdict
from vipkeeper.scripts.pace import StartPace
from vipkeeper.scripts.program import Ending, Outcome, Program
from vipkeeper.scripts.resolving import resolve_program
from vipkeeper.scripts.running import run_program


class ScriptRound(msgspec.Struct, frozen=True):
    """One run, for the log and for who weighs."""

    state: TrackState
    outcome: Outcome
    changed: bool  # whether the verdict is another one


class ScriptWatch:
    """One script from now on. `tell` hears of every run; `warning`: what script security would say."""

    def __init__(
        self, settings: TrackScript, scripts: Scripts, tell: Callable[[ScriptRound], None], pace: StartPace
    ) -> None:
        self._pace = pace
        self._settings = settings
        self._scripts = scripts
        self._tell = tell
        self._counter = RiseFall.start(settings.rise, settings.fall, init_fail=settings.init_fail)
        self._program = self._resolve()
        self._ran = False  # it could be started at least once
        self.warning = self._program.warning
        verdict = self._counter.verdict
        detail = "init_fail: it has not risen yet" if verdict is Verdict.NOT_WELL else ""
        self.state = TrackState(verdict, detail=detail)

    async def run(self, first_after_s: float) -> None:
        """For ever. The first run begins so much later, so that not all scripts start at once."""
        loop = asyncio.get_running_loop()
        due_s = loop.time() + first_after_s
        settings = self._settings
        timeout_s = settings.interval_s if settings.timeout_s is None else settings.timeout_s
        while True:
            await asyncio.sleep(due_s - loop.time())
            if self._program.refused:  # what was wrong may have been mended meanwhile
                self._program = self._resolve()
            self._take(await run_program(self._program, timeout_s=timeout_s, pace=self._pace))
            # One that took longer than its interval is not followed by as many as were missed.
            due_s = max(due_s + settings.interval_s, loop.time())

    def _resolve(self) -> Program:
        settings = self._settings
        return resolve_program(settings.script, self._scripts, user=settings.user, group=settings.group)

    def _take(self, outcome: Outcome) -> None:
        before = self.state
        if outcome.ending is Ending.NOT_STARTED and not self._ran:
            self.state = TrackState(Verdict.IGNORED, detail=outcome.explained)
        else:
            self._ran = True
            self._counter = self._counter.after(succeeded=outcome.succeeded)
            self.state = self._judged(outcome)
        changed = self.state.verdict is not before.verdict
        self._tell(ScriptRound(self.state, outcome, changed))

    def _judged(self, outcome: Outcome) -> TrackState:
        verdict = self._counter.verdict
        if verdict is self.state.verdict:
            return self.state  # why it is so stays what it was when it became so
        return TrackState(verdict, detail="" if verdict is Verdict.WELL else outcome.explained)
