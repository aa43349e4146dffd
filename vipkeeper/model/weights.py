"""What tracked things do to a priority.

Rules of this file: plain values.
"""

from __future__ import annotations

import msgspec


class Weight(msgspec.Struct, frozen=True):
    """The sum of all weights that count for one unit now. `explained` has each: "-5 maint +20 web"."""

    total: int = 0
    explained: str = ""

    def added_to(self, priority: int) -> int:
        """The effective priority: never below 1, which is still a candidate."""
        return max(1, priority + self.total)

    def on(self, priority: int) -> str:
        """For people: where an effective priority comes from; "" if it is as configured."""
        return f"{priority} {self.explained}" if self.explained else ""
