"""When a host answers: its addresses are in the kernel, and the fence's deadline has not passed.

Rules of this file: the deadline is one of the host's own clock; spans are in true time, and are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.clocks import HostClock


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when."""

    start_s: float
    end_s: float


class Answering:
    """The kernel's side of one host."""

    def __init__(self, clock: HostClock) -> None:
        self._clock = clock
        self._open: Span | None = None
        self._closed: list[Span] = []

    def write(self, deadline_s: float | None, true_s: float) -> None:
        """The fence gets this deadline; None: closed."""
        running = self._open
        if running is not None and running.end_s <= true_s:
            self._closed.append(running)
            running = None
        end_s = true_s if deadline_s is None else self._clock.true_s(deadline_s)
        start_s = true_s if running is None else running.start_s
        self._open = None
        if end_s > true_s:
            self._open = Span(start_s, end_s)
        elif running is not None:
            self._closed.append(Span(start_s, true_s))

    def spans(self) -> list[Span]:
        return self._closed + ([self._open] if self._open is not None else [])

    def answers_at(self, true_s: float) -> bool:
        return any(span.start_s <= true_s < span.end_s for span in self.spans())
