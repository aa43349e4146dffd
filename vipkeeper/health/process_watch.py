"""Counts tracked processes again and again, and judges each.

Rules of this file: IO; the verdicts are `process_quorum.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from vipkeeper.config.track_schema import TrackProcess
from vipkeeper.health.process_match import pattern_of
from vipkeeper.health.process_quorum import ProcessQuorum
from vipkeeper.health.process_scan import count_processes, sees_all_processes
from vipkeeper.health.verdicts import TrackState, Verdict

LOOK_INTERVAL_S = 1.0
_SHORTEST_PAUSE_S = 0.05


class ProcessWatch:
    """All tracked processes of one agent. `tell` hears the name of each whose verdict changed."""

    def __init__(
        self,
        tell: Callable[[str, TrackState], None],
        trouble: Callable[[str, str], None],
        clock: Callable[[], float],
    ) -> None:
        self._tell = tell
        self._trouble = trouble
        self._clock = clock
        self._wanted: dict[str, TrackProcess] = {}
        self._quorums: dict[str, ProcessQuorum] = {}

    def want(self, processes: Mapping[str, TrackProcess]) -> None:
        """From now on these. Those that stay as they are keep what is known of them."""
        if processes and not self._wanted and not sees_all_processes():
            self._trouble(
                "",
                "processes of other users are hidden from the agent (hidepid), and count as not running: for "
                "systemd set ProtectProc=default, which deploy/systemd/scripts.conf does",
            )
        kept = {name for name, settings in processes.items() if self._wanted.get(name) == settings}
        self._wanted = dict(processes)
        self._quorums = {
            name: self._quorums[name] if name in kept else ProcessQuorum(settings)
            for name, settings in processes.items()
        }
        self._count()

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._pause_s())
            self._count()

    def _pause_s(self) -> float:
        """Until the next regular look, or until a delay is over."""
        now_s = self._clock()
        deadlines = [at_s for each in self._quorums.values() if (at_s := each.next_deadline()) is not None]
        return max(_SHORTEST_PAUSE_S, min([LOOK_INTERVAL_S, *(at_s - now_s for at_s in deadlines)]))

    def _count(self) -> None:
        if not self._wanted:
            return
        counts = count_processes({name: pattern_of(each) for name, each in self._wanted.items()})
        now_s = self._clock()
        for name, quorum in self._quorums.items():
            before = quorum.verdict
            if quorum.step(counts[name], now_s) is not before:
                self._tell(name, self._state(name, quorum))

    def _state(self, name: str, quorum: ProcessQuorum) -> TrackState:
        wanted = self._wanted[name]
        upto = "" if wanted.quorum_max is None else f" to {wanted.quorum_max}"
        detail = (
            "" if quorum.verdict is Verdict.WELL else f"{quorum.count} running, wanted {wanted.quorum}{upto}"
        )
        return TrackState(quorum.verdict, quorum.count or 0, detail)
