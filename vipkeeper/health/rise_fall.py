"""How many results in a row make a script's verdict: keepalived's counter.

Rules of this file: pure. From 0 to rise - 1 the script is not well, from there to rise + fall - 1 it is. The
first result of all decides alone, whatever rise and fall are: nothing is known before.
"""

from __future__ import annotations

import msgspec

from vipkeeper.health.verdicts import Verdict


class RiseFall(msgspec.Struct, frozen=True):
    """The counter of one script. `count` is None before the first result."""

    rise: int
    fall: int
    count: int | None = None

    @classmethod
    def start(cls, rise: int, fall: int, *, init_fail: bool) -> RiseFall:
        """`init_fail`: it is not well until it has risen."""
        return cls(rise, fall, 0 if init_fail else None)

    @property
    def verdict(self) -> Verdict:
        if self.count is None:
            return Verdict.UNKNOWN
        return Verdict.WELL if self.count >= self.rise else Verdict.NOT_WELL

    def after(self, *, succeeded: bool) -> RiseFall:
        """One more result."""
        best = self.rise + self.fall - 1
        if self.count is None:
            count = best if succeeded else 0
        elif succeeded:
            count = self.count + 1 if self.count < self.rise - 1 else best
        else:
            count = self.count - 1 if self.count > self.rise else 0
        return msgspec.structs.replace(self, count=count)
