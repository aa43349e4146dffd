"""What is known of one check of one real server.

Rules of this file: pure. How many failures in a row count was decided before (the pace of a check): what
comes in here is a verdict, and unknown is one. The weight that a check gave stays while it fails.
"""

from __future__ import annotations

import enum

import msgspec

from vipkeeper.model.balancing import CheckOutcome, CheckPlan, FileAsk, MiscAsk


class CheckVerdict(enum.Enum):
    """What its runs say together."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class CheckState(msgspec.Struct):
    """`must_succeed`: unknown counts as failed."""

    plan: CheckPlan
    must_succeed: bool
    verdict: CheckVerdict = CheckVerdict.UNKNOWN
    detail: str = ""
    weight_shift: int = 0  # what it adds to the configured weight

    @property
    def counts_as_failed(self) -> bool:
        if self.verdict is CheckVerdict.UNKNOWN:
            return self.must_succeed
        return self.verdict is CheckVerdict.DOWN

    @property
    def gives_weights(self) -> bool:
        """Whether the server's weight depends on what it finds."""
        ask = self.plan.ask
        return isinstance(ask, FileAsk) or (isinstance(ask, MiscAsk) and ask.dynamic)

    def judged(self, up: bool | None, outcome: CheckOutcome, configured_weight: int) -> None:
        """One run ended. `up` is the verdict after it; None: there is none yet."""
        if up is not None:
            self.verdict = CheckVerdict.UP if up else CheckVerdict.DOWN
        self.detail = outcome.detail
        if outcome.ok:
            said = configured_weight if outcome.weight is None else outcome.weight
            self.weight_shift = said - configured_weight + outcome.changes_weight_by

    def followed(self, plan: CheckPlan, reweighed_by: int) -> None:
        """A reload that asks the same. A weight that MISC gave is meant as it is, whatever is configured."""
        self.plan = plan
        if self.weight_shift and isinstance(plan.ask, MiscAsk):
            self.weight_shift -= reweighed_by
