"""What is known of one check of one real server.

Rules of this file: pure. How many failures in a row count was decided before (the pace of a check): what
comes in is what the check says, and unknown never takes back what it said, nor its weight. A weight that a
check gave stays while it fails.
"""

from __future__ import annotations

import msgspec

from vipkeeper.model.balancing import CheckPlan, CheckState, FileAsk, MiscAsk, Standing


class WatchedCheck(msgspec.Struct):
    """`must_succeed`: as long as it has said nothing it counts as failed.

    `found_shift`: what it seems to have added to the weight in an earlier process, until it speaks itself.
    """

    must_succeed: bool
    state: CheckState = CheckState()
    found_shift: int = 0

    @property
    def failed(self) -> bool:
        return self.state.standing is Standing.DOWN

    @property
    def unknown(self) -> bool:
        return self.state.standing is Standing.UNKNOWN

    @property
    def counts_as_failed(self) -> bool:
        return self.failed or (self.unknown and self.must_succeed)

    def weight_shift(self, configured: int) -> int:
        """What it adds to the configured weight. With several that give weights, all of it is added up."""
        if self.unknown:
            return self.found_shift
        said = configured if self.state.weight is None else self.state.weight
        return said - configured + self.state.changes_weight_by

    def says(self, state: CheckState) -> None:
        if state.standing is not Standing.UNKNOWN:
            self.state = state


def gives_weights(check: CheckPlan) -> bool:
    """Whether the server's weight depends on what it finds."""
    ask = check.ask
    return isinstance(ask, FileAsk) or (isinstance(ask, MiscAsk) and ask.dynamic)
