"""Whether enough of a virtual server is well.

Rules of this file: pure. With hysteresis, what is between the two limits changes nothing.
"""

from __future__ import annotations

import msgspec


class Quorum(msgspec.Struct, frozen=True):
    """`needed` is the configured quorum. Without any weight there is none, however large the hysteresis."""

    needed: int
    hysteresis: int
    up: bool = False

    def after(self, weight: int) -> Quorum:
        """`weight`: of all that is well."""
        if self.up:
            up = weight > 0 and weight >= self.needed - self.hysteresis
        else:
            up = weight >= self.needed + self.hysteresis
        return self if up is self.up else msgspec.structs.replace(self, up=up)
