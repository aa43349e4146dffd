"""Which endpoint is asked first, and what several that failed say together.

Rules of this file: no clock, no IO. An endpoint that failed goes behind the others; one that answers stays
first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from backends.store import Unknown

_Endpoint = TypeVar("_Endpoint")


class Rotation(Generic[_Endpoint]):
    """The endpoints, the preferred one first."""

    def __init__(self, endpoints: Iterable[_Endpoint]) -> None:
        self._order = list(endpoints)

    @property
    def preferred(self) -> _Endpoint:
        """The one to ask first."""
        return self._order[0]

    def order(self) -> tuple[_Endpoint, ...]:
        """All, in the order to ask them."""
        return tuple(self._order)

    def answered(self, endpoint: _Endpoint) -> None:
        """It is good: ask it first from now on."""
        while self._order[0] != endpoint:
            self._order.append(self._order.pop(0))

    def missed(self, endpoint: _Endpoint) -> None:
        """It is not: ask the next one, unless that is so already."""
        if self._order[0] == endpoint:
            self._order.append(self._order.pop(0))


def most_telling(failures: Sequence[Unknown]) -> Unknown:
    """One answer for several: first what somebody can correct, but with all the reasons."""
    ranked = sorted(failures, key=lambda failure: failure.actor == "store")
    if not ranked:
        return Unknown("no time was left to ask")
    return Unknown("; ".join(failure.why for failure in ranked), ranked[0].actor)
