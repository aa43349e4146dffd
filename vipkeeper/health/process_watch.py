"""Counts tracked processes, and judges each.

Rules of this file: IO; the verdicts are `process_quorum.py`'s. The kernel tells of every process where it
may; a look at all of /proc follows now and then, or each second where it may not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from vipkeeper.config.track_schema import TrackProcess
from vipkeeper.health.process_events import ProcessEvents
from vipkeeper.health.process_match import pattern_of
from vipkeeper.health.process_quorum import ProcessQuorum
from vipkeeper.health.process_table import ProcessTable, sees_all_processes
from vipkeeper.health.verdicts import TrackState, Verdict

LOOK_INTERVAL_S = 1.0
LOOK_INTERVAL_WITH_EVENTS_S = 10.0
# Most processes of a busy host end within this: nothing is read of those.
_GATHER_S = 0.05
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
        self._table = ProcessTable({})
        self._events = ProcessEvents(self._changed, self._ended, self._lost)
        self._told_by_kernel = False
        self._dirty: set[int] = set()  # what the kernel told of and has not ended since
        self._gathering = False
        self._scan_at_s = 0.0
        self._awake = asyncio.Event()

    def want(self, processes: Mapping[str, TrackProcess]) -> None:
        """From now on these. Those that stay as they are keep what is known of them."""
        if processes and not self._wanted:
            self._begin()
        elif not processes:
            self.close()
        kept = {name for name, settings in processes.items() if self._wanted.get(name) == settings}
        self._wanted = dict(processes)
        self._quorums = {
            name: self._quorums[name] if name in kept else ProcessQuorum(settings)
            for name, settings in processes.items()
        }
        self._table = ProcessTable({name: pattern_of(each) for name, each in processes.items()})
        self._scan_at_s = 0.0
        self._look()
        self._awake.set()

    async def run(self) -> None:
        """For ever."""
        loop = asyncio.get_running_loop()
        while True:
            timer = loop.call_later(self._pause_s(), self._awake.set)
            await self._awake.wait()
            timer.cancel()
            self._awake.clear()
            self._look()

    def close(self) -> None:
        """Hear no more."""
        self._events.close()
        self._told_by_kernel = False

    def _begin(self) -> None:
        self._told_by_kernel = self._events.listen()
        if not sees_all_processes():
            self._trouble(
                "",
                "processes of other users are hidden from the agent (hidepid), and count as not running: for "
                "systemd set ProtectProc=default, which deploy/systemd/scripts.conf does",
            )

    def _pause_s(self) -> float:
        """Until the next look at everything, or until a delay is over."""
        if not self._wanted:
            return LOOK_INTERVAL_WITH_EVENTS_S
        now_s = self._clock()
        deadlines = [at_s for each in self._quorums.values() if (at_s := each.next_deadline()) is not None]
        return max(_SHORTEST_PAUSE_S, min([self._scan_at_s, *deadlines]) - now_s)

    def _changed(self, pid: int) -> None:
        self._dirty.add(pid)
        if not self._gathering:
            self._gathering = True
            asyncio.get_running_loop().call_later(_GATHER_S, self._awake.set)

    def _ended(self, pid: int) -> None:
        self._dirty.discard(pid)
        if self._table.ended(pid):
            self._awake.set()

    def _lost(self) -> None:
        self._scan_at_s = 0.0
        self._awake.set()

    def _look(self) -> None:
        if not self._wanted:
            return
        now_s = self._clock()
        dirty, self._dirty, self._gathering = self._dirty, set(), False
        if now_s >= self._scan_at_s:
            self._table.scan()
            interval_s = LOOK_INTERVAL_WITH_EVENTS_S if self._told_by_kernel else LOOK_INTERVAL_S
            self._scan_at_s = now_s + interval_s
        else:
            for pid in dirty:
                self._table.look_at(pid)
        counts = self._table.counts()
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
