"""Who answers for each address, at every instant of true time.

Rules of this file: nothing is sampled. An overlap can only begin when somebody begins to answer, so each
beginning is held against everybody else's running answer, whose end the kernel has already fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Less than this is rounding of clock arithmetic.
_INSTANT_S = 1e-7


@dataclass(frozen=True, slots=True)
class DoubleAnswer:
    """Two hosts answer for one address."""

    address: str
    hosts: tuple[int, int]  # the one that answered already, the one that began
    began_s: float

    def __str__(self) -> str:
        first, second = self.hosts
        return f"{self.address}: host {second} began to answer at {self.began_s:.6f} while host {first} did"


@dataclass(slots=True)
class Span:
    """One host answers for an address from `start_s` until `end_s`, in true time."""

    host: int
    start_s: float
    end_s: float


class AnswerLog:
    """All spans of all addresses, in the order of their beginning. `on_double`: called at the first one."""

    def __init__(self, on_double: Callable[[], None]) -> None:
        self._on_double = on_double
        self._spans: dict[str, list[Span]] = {}
        self._latest: dict[tuple[int, str], Span] = {}
        self.double: DoubleAnswer | None = None  # the first one

    def answers(self, host: int, address: str, now_s: float, until_s: float) -> None:
        """From now on the host answers until `until_s`, unless it is told otherwise before."""
        latest = self._latest.get((host, address))
        if latest is not None and latest.end_s > now_s:
            latest.end_s = max(until_s, now_s)
            return
        if until_s <= now_s:
            return
        began = Span(host, now_s, until_s)
        for other in self.running(address, now_s + _INSTANT_S):
            if other.host != host and self.double is None:
                self.double = DoubleAnswer(address, (other.host, host), now_s)
                self._on_double()
        self._spans.setdefault(address, []).append(began)
        self._latest[host, address] = began

    def stops(self, host: int, address: str, now_s: float) -> None:
        """The address was removed from the host."""
        latest = self._latest.get((host, address))
        if latest is not None:
            latest.end_s = min(latest.end_s, now_s)

    def running(self, address: str, now_s: float) -> list[Span]:
        """The spans that go on at `now_s`."""
        return [
            span
            for (_, standing), span in self._latest.items()
            if standing == address and span.start_s <= now_s < span.end_s
        ]

    def spans(self, address: str) -> list[Span]:
        """Every span of an address so far."""
        return self._spans.get(address, [])
