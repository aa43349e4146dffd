"""Who changes an entry of ours again and again would go on doing so: then it is left to them for a while.

Rules of this file: it counts readings, because IPVS has no events; one that finds an entry as we left it ends
the count. Times are seconds of the caller's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from vipkeeper.model.ipvs import ServiceKey

READINGS_BEFORE_A_PAUSE = 5
PAUSE_S = 60.0


class Quarrels:
    """By virtual server."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._in_a_row: dict[ServiceKey, int] = {}
        self._until_s: dict[ServiceKey, float] = {}

    def changed(self, key: ServiceKey) -> bool:
        """A reading found it changed by others; whether that happens again and again."""
        self._in_a_row[key] = self._in_a_row.get(key, 0) + 1
        if self._in_a_row[key] < READINGS_BEFORE_A_PAUSE:
            return False
        del self._in_a_row[key]
        self._until_s[key] = self._clock() + PAUSE_S
        return True

    def quiet(self, keys: Collection[ServiceKey]) -> None:
        """A reading found these as we left them."""
        for key in self._in_a_row.keys() & keys:
            del self._in_a_row[key]

    def settle(self, keys: Collection[ServiceKey]) -> None:
        """Something else is wanted of these now, so they are written whoever changed them."""
        for key in self._until_s.keys() & keys:
            del self._until_s[key]

    def left(self) -> frozenset[ServiceKey]:
        """To others, as of now."""
        now_s = self._clock()
        self._until_s = {key: until_s for key, until_s in self._until_s.items() if until_s > now_s}
        return frozenset(self._until_s)
