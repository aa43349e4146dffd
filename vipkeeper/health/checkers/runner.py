"""Runs the checks of a director: thousands of them, each at its own time.

Rules of this file: IO; when a check is due and what counts is `pacing.py`'s. A check that waits is one entry
of a heap, and has no task and no timer of its own; only one that runs has a task. Few begin in one turn of
the event loop and a limited number run at once, so that a thousand that are due together are neither a burst
on the network nor a silence in the director; the wait for that is not a part of a check's own time limit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Protocol

from vipkeeper.health.checkers.kinds import asking
from vipkeeper.health.checkers.open_files import room_for_checks
from vipkeeper.health.checkers.pacing import NEVER_S, PacedCheck
from vipkeeper.health.checkers.results import CannotCheck, Failed, Turn
from vipkeeper.model.balancing import (
    CheckKey,
    CheckOutcome,
    CheckPlan,
    CheckState,
    FileAsk,
    MiscAsk,
    Pacing,
    ScriptRules,
    Standing,
    WatchedFile,
)
from vipkeeper.model.director_messages import CheckReport

if TYPE_CHECKING:
    # Loaded by the first check that wants it: with all that programs and files need, 40 modules.
    from vipkeeper.health.checkers.file_checks import FileChecks
    from vipkeeper.health.checkers.misc_check import MiscChecks

MOST_STARTS_A_TURN = 16  # each of 0.1 ms: between two of these the loop answers whoever asks
_TROUBLE_SILENCE_S = 60.0  # the same trouble of this node is logged once in so long
_LAST_PATIENCE_S = 0.2


class Log(Protocol):
    """The log of the process."""

    def __call__(self, level: int, event: str, message: str = "", **fields: object) -> None: ...


class CheckRunner:
    """All checks of one director. `tell` hears of each state that is another one than before."""

    def __init__(
        self,
        tell: Callable[[CheckKey, CheckState], None],
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
        log: Log,
        most_running: int | None = None,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._chance = chance  # a number from 0 to 1
        self._log = log
        self._most_running = most_running or room_for_checks()
        self._checks: dict[CheckKey, _Check] = {}
        self._due: list[tuple[float, int, _Check]] = []  # a heap; what does not count any more is skipped
        self._entered = 0
        self.running = 0  # now
        self._timer: asyncio.TimerHandle | None = None
        self._suspended: Collection[str] = ()
        self._troubles: dict[str, float] = {}  # when each was logged
        self._misc: MiscChecks | None = None
        self._files: FileChecks | None = None
        self.run_count = 0
        self.failed_count = 0  # of those; what this node could not ask is none

    def want(
        self,
        checks: Mapping[CheckKey, CheckPlan],
        *,
        files: Mapping[str, WatchedFile] | None = None,
        scripts: ScriptRules | None = None,
        ran_before: Collection[CheckKey] = (),
    ) -> None:
        """From now on these. What did not change keeps its state and its rhythm.

        `ran_before`: in an earlier process, which had the server in; so one failure proves nothing.
        """
        for key in self._checks.keys() - checks.keys():
            self._checks.pop(key).stop()
        for key, plan in checks.items():
            self._want_one(key, plan, ran=key in ran_before)
        self._want_programs(checks, scripts or ScriptRules())
        self._want_files(checks, files or {})
        self._tidy()
        self._set_timer()

    def rename(self, names: Mapping[CheckKey, CheckKey]) -> None:
        """These are called otherwise from now on, and keep state and rhythm. Who had such a name ends."""
        for key in set(names.values()) & (self._checks.keys() - names.keys()):
            self._checks.pop(key).stop()
        self._checks = {names.get(key, key): check for key, check in self._checks.items()}
        for key, check in self._checks.items():
            check.key = key

    def suspend(self, virtual_servers: Collection[str]) -> None:
        """Of these, and of no others, no check runs until the next call. What they said stays."""
        self._suspended = frozenset(virtual_servers)
        for check in self._checks.values():
            self._suspend_or_resume(check)
        self._set_timer()

    def state(self, key: CheckKey) -> CheckState:
        return self._checks[key].state

    def report(self, key: CheckKey) -> CheckReport | None:
        """What `vipkeeper ipvs` shows of one; None: it is not wanted any more."""
        check = self._checks.get(key)
        return None if check is None else check.report(self._clock())

    async def close(self) -> None:
        """Run nothing any more, and end the programs that run."""
        tasks = [check.task for check in self._checks.values() if check.task is not None]
        for check in self._checks.values():
            check.stop()
        self._checks.clear()
        self._due.clear()
        self._set_timer()
        if self._files is not None:
            self._files.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._misc is not None:
            await self._misc.close(_LAST_PATIENCE_S)

    def _want_programs(self, checks: Mapping[CheckKey, CheckPlan], rules: ScriptRules) -> None:
        if self._misc is None and any(isinstance(plan.ask, MiscAsk) for plan in checks.values()):
            from vipkeeper.health.checkers.misc_check import MiscChecks

            self._misc = MiscChecks(self._warn)
        if self._misc is not None:
            self._misc.want(rules)

    def _want_files(self, checks: Mapping[CheckKey, CheckPlan], files: Mapping[str, WatchedFile]) -> None:
        asks = {key: plan.ask for key, plan in checks.items() if isinstance(plan.ask, FileAsk)}
        if self._files is None and asks:
            from vipkeeper.health.checkers.file_checks import FileChecks

            self._files = FileChecks(self._found, self._warn)
        if self._files is not None:
            self._files.want(asks, files)

    def _warn(self, message: str) -> None:
        self._log(logging.WARNING, "check", message)

    def _want_one(self, key: CheckKey, plan: CheckPlan, *, ran: bool) -> None:
        check = self._checks.get(key)
        if check is not None and (check.plan.ask, check.plan.reach) == (plan.ask, plan.reach):
            if check.plan.pacing != plan.pacing:
                check.pace = check.pace.changed(plan.pacing, now_s=self._clock(), chance=self._chance())
                if check.task is None:
                    self._enter(check)
            check.plan = plan  # equal or not: let go of the old one
            return
        if check is not None:
            check.stop()
        pace = PacedCheck.start(plan.pacing, now_s=self._clock(), chance=self._chance(), ran=ran)
        check = self._checks[key] = _Check(key, plan, pace)
        self._suspend_or_resume(check)
        self._enter(check)

    def _suspend_or_resume(self, check: _Check) -> None:
        wanted = check.key.virtual_server in self._suspended
        if wanted == check.pace.suspended:
            return
        if wanted:
            check.stop()
            check.pace = check.pace.suspend()
        else:
            check.pace = check.pace.resume(now_s=self._clock(), chance=self._chance())
            self._enter(check)

    def _enter(self, check: _Check) -> None:
        """It waits for its time. An earlier entry of it counts no more."""
        due_s = check.pace.next_deadline_s()
        if due_s == NEVER_S or isinstance(check.plan.ask, FileAsk):  # a file is watched, not looked at
            return
        self._entered += 1
        check.entry = self._entered
        heappush(self._due, (due_s, self._entered, check))

    def _tidy(self) -> None:
        """Throw away entries that do not count any more: a reload may have made thousands of them."""
        self._due = [waiting for waiting in self._due if waiting[1] == waiting[2].entry]
        heapify(self._due)

    def _set_timer(self) -> None:
        """Wake when the first is due; not at all while there is no room: the next that ends wakes then."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due and self.running < self._most_running:
            wait_s = max(0.0, self._due[0][0] - self._clock())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now_s = self._clock()
        begun = 0
        while self._due and self._due[0][0] <= now_s and self.running < self._most_running:
            if begun == MOST_STARTS_A_TURN:
                break
            _, entry, check = heappop(self._due)
            if entry == check.entry:
                self._begin(check)
                begun += 1
        self._set_timer()

    def _begin(self, check: _Check) -> None:
        check.entry = 0
        self.running += 1
        check.task = asyncio.get_running_loop().create_task(self._run(check))
        # Not at the end of _run: a task that is cancelled before its first step never gets into it.
        check.task.add_done_callback(self._freed)

    def _freed(self, _task: asyncio.Task[None]) -> None:
        self.running -= 1
        if self._timer is None:
            self._set_timer()

    async def _run(self, check: _Check) -> None:
        outcome: CheckOutcome | None = None
        try:
            outcome = await self._ask(check)
        except Failed as failure:
            outcome = CheckOutcome(ok=False, detail=str(failure))
        except CannotCheck as trouble:
            check.detail = f"could not be asked: {trouble}"
            self._trouble(logging.WARNING, str(trouble))
        except Exception as error:  # noqa: BLE001 - a defect in one check must not stop it for ever
            check.detail = f"could not be asked: {type(error).__name__}: {error}"
            kind = check.plan.kind.value
            self._trouble(logging.ERROR, f"a {kind} ended with {check.detail}. Please report this")
        check.task = None
        self._ended(check, outcome)

    async def _ask(self, check: _Check) -> CheckOutcome:
        plan = check.plan
        if isinstance(plan.ask, MiscAsk) and self._misc is not None:
            return await self._misc.check(plan.ask)
        turn = Turn(check.pace.parts, up=check.pace.standing is Standing.UP)
        timeout_s = plan.pacing.connect_timeout_s
        return await asking(plan.kind)(plan.ask, plan.reach, timeout_s=timeout_s, turn=turn)

    def _ended(self, check: _Check, outcome: CheckOutcome | None) -> None:
        self.run_count += 1
        self.failed_count += outcome is not None and not outcome.ok
        self._take(check, outcome)
        due_first = not self._due or check.pace.next_deadline_s() < self._due[0][0]
        self._enter(check)
        if due_first:
            self._set_timer()

    def _found(self, key: CheckKey, outcome: CheckOutcome) -> None:
        """What a file says now. Nothing is paced: the number is what it is."""
        check = self._checks[key]
        check.pace = PacedCheck(Pacing(retry=0), NEVER_S, check.pace.standing)
        self._take(check, outcome)

    def _take(self, check: _Check, outcome: CheckOutcome | None) -> None:
        before = check.state
        check.take(outcome, self._clock())
        if outcome is None:
            return
        state = check.state
        changed = state.standing is not before.standing
        if changed or (not outcome.ok and before.standing is not Standing.DOWN):
            first_success = outcome.ok and before.standing is Standing.UNKNOWN  # thousands at the start
            loud = not first_success if changed else check.plan.pacing.log_all_failures
            self._log(
                logging.INFO if loud else logging.DEBUG,
                "check",
                check.detail,
                virtual_server=check.key.virtual_server,
                real_server=check.key.real_server,
                check=check.key.check,
                state=state.standing.value,
                failures=check.pace.failures or None,
            )
        if changed or (state.weight, state.changes_weight_by) != (before.weight, before.changes_weight_by):
            self._tell(check.key, state)

    def _trouble(self, level: int, message: str) -> None:
        """What this node lacks: one line for all the checks that meet it."""
        now_s = self._clock()
        if now_s >= self._troubles.get(message, -NEVER_S) + _TROUBLE_SILENCE_S:
            self._troubles = {
                said: at_s for said, at_s in self._troubles.items() if now_s < at_s + _TROUBLE_SILENCE_S
            }
            self._troubles[message] = now_s
            self._log(level, "check", f"{message}. Until then nothing is known of the servers it concerns")


class _Check:
    """One check. An idle one is this, its entry in the heap, and a plan that is shared with the director."""

    __slots__ = ("changes_weight_by", "detail", "ended_s", "entry", "key", "pace", "plan", "task", "weight")

    def __init__(self, key: CheckKey, plan: CheckPlan, pace: PacedCheck) -> None:
        self.key = key
        self.plan = plan
        self.pace = pace
        self.entry = 0  # the number of its one entry in the heap that counts
        self.task: asyncio.Task[None] | None = None
        self.detail = ""
        self.ended_s: float | None = None
        self.weight: int | None = None
        self.changes_weight_by = 0

    @property
    def state(self) -> CheckState:
        return CheckState(self.pace.standing, self.detail, self.weight, self.changes_weight_by)

    def take(self, outcome: CheckOutcome | None, now_s: float) -> None:
        self.pace = self.pace.step(outcome, now_s)
        self.ended_s = now_s
        if outcome is None:
            return
        self.detail = outcome.detail
        self.changes_weight_by = outcome.changes_weight_by
        if outcome.weight is not None:  # who does not say it leaves it as it is, like keepalived
            self.weight = outcome.weight

    def stop(self) -> None:
        """End the run, if there is one, and wait for nothing."""
        self.entry = 0
        if self.task is not None:
            self.task.cancel()
            self.task = None

    def report(self, now_s: float) -> CheckReport:
        return CheckReport(
            self.plan.kind.value,
            self.plan.name,
            self.pace.standing.value,
            self.detail,
            None if self.ended_s is None else now_s - self.ended_s,
            self.pace.failures,
        )
