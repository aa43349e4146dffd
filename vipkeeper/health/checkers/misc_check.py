"""MISC_CHECK: a program says by its exit code whether the real server is well.

Rules of this file: IO; how a program is found, secured, started and ended is that of `vipkeeper/scripts/`.
One that cannot be started says nothing about the real server.
"""

from __future__ import annotations

from collections.abc import Callable

from vipkeeper.config.notify_schema import Scripts
from vipkeeper.health.checkers.results import CannotCheck
from vipkeeper.model.balancing import CheckOutcome, MiscAsk, ScriptRules
from vipkeeper.scripts.pace import StartPace
from vipkeeper.scripts.program import Ending, Outcome, Program
from vipkeeper.scripts.resolving import resolve_program
from vipkeeper.scripts.running import end_cancelled, run_program

_WEIGHT_OFFSET = 2  # the weight is so much less than the exit code, because 0 and 1 have a meaning already


class MiscChecks:
    """All programs of one director. `warn` hears what script security would refuse, once for each."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._rules = ScriptRules()
        self._programs: dict[MiscAsk, Program] = {}
        self._pace = StartPace()

    def want(self, rules: ScriptRules) -> None:
        """From now on as these rules say. Programs are looked up anew at each reload."""
        self._rules = rules
        self._programs.clear()

    async def check(self, ask: MiscAsk) -> CheckOutcome:
        """Run it once. Raises CannotCheck if it did not start."""
        program = self._programs.get(ask)
        if program is None or program.refused:  # what was wrong may have been mended meanwhile
            program = self._programs[ask] = self._resolve(ask)
        outcome = await run_program(program, timeout_s=ask.timeout_s, pace=self._pace)
        if outcome.ending is Ending.NOT_STARTED:
            raise CannotCheck(f"{ask.path}: {outcome.explained}")
        return _judged(ask, outcome)

    async def close(self, patience_s: float) -> None:
        """Leave nothing of those that were cancelled behind, after so long at most."""
        await end_cancelled(patience_s)

    def _resolve(self, ask: MiscAsk) -> Program:
        rules = self._rules
        scripts = Scripts(
            user=rules.user,
            group=rules.group,
            enable_script_security=rules.enable_script_security,
            set_supplementary_groups=rules.set_supplementary_groups,
        )
        program = resolve_program(ask.path, scripts, user=ask.user, group=ask.group)
        if program.warning:
            self._warn(f"{program.warning} (enable_script_security would refuse it)")
        return program


def _judged(ask: MiscAsk, outcome: Outcome) -> CheckOutcome:
    said = outcome.output.splitlines()[-1] if outcome.output else ""
    detail = f"{outcome.explained}: {said}" if said else outcome.explained
    if outcome.ending is not Ending.EXITED:
        return CheckOutcome(ok=False, detail=detail)
    if ask.dynamic and outcome.code >= _WEIGHT_OFFSET:
        return CheckOutcome(ok=True, detail=detail, weight=outcome.code - _WEIGHT_OFFSET)
    return CheckOutcome(ok=outcome.succeeded, detail=detail)
