"""A simulated kernel: which addresses stand on a host, and until when each is answered for.

Rules of this file:

- It belongs to the host. Killing or freezing an agent changes nothing here, a reboot empties it.
- BPF and nftables fences end at the deadline that was written, late by at most what was measured. Without a
  packet fence, whole seconds of address lifetime are counted from the moment of writing, and more late.
- Every change of what is answered for goes to the answer log, in true time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.simulation.answers import AnswerLog
from tests.simulation.clocks import HostClock
from vipkeeper.election.effects import Holding
from vipkeeper.model.fences import FenceKind

# How late each fence acts at most; a little below what the timing rules allow for, as measured.
_LATENESS_S = {FenceKind.BPF: 0.002, FenceKind.NFTABLES: 0.020, FenceKind.LIFETIME: 1.2}


@dataclass(slots=True)
class _Standing:
    unit: str
    deadline_s: float  # as written last, on the host's clock
    answers_until_s: float  # true time


class SimulatedKernel:
    """The addresses of one host."""

    def __init__(self, host: int, clock: HostClock, fence: FenceKind, log: AnswerLog, random: Random) -> None:
        self._host = host
        self._clock = clock
        self._fence = fence
        self._log = log
        self._random = random
        self._standing: dict[str, _Standing] = {}
        self._removes_from_s = 0.0

    def reboot(self, clock: HostClock, now_s: float) -> None:
        """Nothing stands any more, and the clock starts again."""
        for address in tuple(self._standing):
            self._remove(address, now_s)
        self._clock = clock

    def remove_late_until(self, time_s: float) -> None:
        """Until then, what is to be removed stays, and answers as long as its fence is open."""
        self._removes_from_s = time_s

    def units(self) -> set[str]:
        """The units of which an address is there, by its present name or by the one it was added for."""
        return {standing.unit for standing in self._standing.values()}

    def stands(self, address: str) -> bool:
        """Whether the address is there, fenced off or not."""
        return address in self._standing

    def answers(self, address: str, now_s: float) -> bool:
        """Whether the address is there and its fence is open."""
        standing = self._standing.get(address)
        return standing is not None and now_s < standing.answers_until_s

    def keep_only(self, addresses: frozenset[str], now_s: float) -> None:
        """Remove what is not in `addresses`, and what is fenced off: the first deed of a starting agent."""
        for address in tuple(self._standing):
            if address not in addresses or not self.answers(address, now_s):
                self._remove(address, now_s)

    def apply(
        self, holdings: Mapping[str, Holding], addresses: Mapping[str, tuple[str, ...]], now_s: float
    ) -> None:
        """Make the host as the holdings say; `addresses` has the addresses of each unit."""
        wanted = {address: unit for unit in holdings for address in addresses[unit]}
        for address in tuple(self._standing):
            if address not in wanted and now_s >= self._removes_from_s:
                self._remove(address, now_s)
        for address, unit in wanted.items():
            deadline_s = holdings[unit].deadline_s
            if deadline_s is not None:
                self._write(address, unit, deadline_s, now_s)

    def _write(self, address: str, unit: str, deadline_s: float, now_s: float) -> None:
        standing = self._standing.get(address)
        if standing is not None and (standing.unit, standing.deadline_s) == (unit, deadline_s):
            return
        until_s = self._fence_closes_s(deadline_s, now_s)
        self._standing[address] = _Standing(unit, deadline_s, until_s)
        self._log.answers(self._host, address, now_s, until_s)

    def _fence_closes_s(self, deadline_s: float, now_s: float) -> float:
        late_s = self._random.choice((0.0, 0.5, 1.0)) * _LATENESS_S[self._fence]
        if self._fence is FenceKind.LIFETIME:
            left_s = math.ceil(deadline_s - self._clock.reading_s(now_s))
            return now_s + max(left_s, 1) / self._clock.rate + late_s
        return self._clock.true_s(deadline_s) + late_s

    def _remove(self, address: str, now_s: float) -> None:
        del self._standing[address]
        self._log.stops(self._host, address, now_s)
