"""When one check runs, and how many failures count: keepalived's rules for it.

Rules of this file: pure; chance comes in as a number from 0 to 1. The first run comes at some moment within
`warmup_s`; the next one `delay_loop_s` after one that ended, or `delay_before_retry_s` after a failure that
does not count yet. The first run of all decides alone, whatever `retry` says: nothing is known before (unless
an earlier process had the server in: `ran`). Of a check that is down one success is enough. A run that this
node could not make changes nothing but the time.
"""

from __future__ import annotations

import msgspec

from vipkeeper.model.balancing import CheckOutcome, Pacing, Standing

NEVER_S = float("inf")


class PacedCheck(msgspec.Struct, frozen=True):
    """One check. `failures`: in a row; `parts`: those that were well (see Turn); `ran`: it had a result."""

    pacing: Pacing
    due_s: float
    standing: Standing = Standing.UNKNOWN
    failures: int = 0
    parts: int = 0
    ran: bool = False
    suspended: bool = False

    @classmethod
    def start(cls, pacing: Pacing, *, now_s: float, chance: float, ran: bool = False) -> PacedCheck:
        return cls(pacing, now_s + chance * pacing.warmup_s, ran=ran)

    def next_deadline_s(self) -> float:
        """When it is to run; NEVER_S while it is suspended."""
        return NEVER_S if self.suspended else self.due_s

    def step(self, outcome: CheckOutcome | None, now_s: float) -> PacedCheck:
        """A run has ended. None: this node could not make it, so nothing is known."""
        pacing = self.pacing
        due_s = now_s + pacing.delay_loop_s
        if outcome is None:
            return msgspec.structs.replace(self, due_s=due_s)
        if outcome.ok:
            standing = self.standing if outcome.part else Standing.UP
            parts = self.parts + 1 if outcome.part else 0
            return msgspec.structs.replace(
                self,
                due_s=due_s,
                standing=standing,
                failures=0,
                parts=parts,
                ran=self.ran or not outcome.part,  # a first run has several turns then
            )
        failures = self.failures + 1
        if self.standing is Standing.DOWN or not self.ran or failures > pacing.retry:
            return msgspec.structs.replace(
                self, due_s=due_s, standing=Standing.DOWN, failures=failures, parts=0, ran=True
            )
        return msgspec.structs.replace(self, due_s=now_s + pacing.delay_before_retry_s, failures=failures)

    def suspend(self) -> PacedCheck:
        """Run no more until it is resumed. What it said stays."""
        return msgspec.structs.replace(self, suspended=True)

    def resume(self, *, now_s: float, chance: float) -> PacedCheck:
        """Go on, within the time in which a new one would begin but not later than it would have come."""
        within_s = min(self.pacing.warmup_s, self.pacing.delay_loop_s)
        return msgspec.structs.replace(self, due_s=now_s + chance * within_s, suspended=False)

    def changed(self, pacing: Pacing, *, now_s: float, chance: float) -> PacedCheck:
        """A reload has it run at other times. It says what it said, and is not asked later than before."""
        due_s = min(self.due_s, now_s + chance * pacing.delay_loop_s)
        return msgspec.structs.replace(self, pacing=pacing, due_s=due_s)
