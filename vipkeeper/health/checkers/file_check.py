"""FILE_CHECK: the number in a tracked file says what a real server weighs, or that it is out.

Rules of this file: pure. The number is multiplied by the check's weight and added to the server's; with a
weight of 0, any number but 0 takes the server out. `reverse` turns the sign round, and with a weight of 0
which of the two takes it out.
"""

from __future__ import annotations

from vipkeeper.model.balancing import CheckOutcome, FileAsk


def judge(ask: FileAsk, number: int, detail: str) -> CheckOutcome:
    """What this number in its file means. `detail`: what was read, for people."""
    shown = f"{ask.track_file}: {detail}"
    if ask.weight == 0:
        return CheckOutcome(ok=(number == 0) is not ask.reverse, detail=shown)
    sign = -1 if ask.reverse else 1
    return CheckOutcome(ok=True, detail=shown, changes_weight_by=sign * ask.weight * number)
