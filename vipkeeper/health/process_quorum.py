"""Whether enough processes run, and have done so for long enough.

Rules of this file: pure: `step(count, now_s)`, `next_deadline()`. The first count decides at once; a change
counts when it has lasted, so that a server that is restarted within its delay changes nothing.
"""

from __future__ import annotations

from vipkeeper.config.track_schema import TrackProcess
from vipkeeper.health.verdicts import Verdict


class ProcessQuorum:
    """One tracked process."""

    def __init__(self, settings: TrackProcess) -> None:
        self._settings = settings
        self._changing_since_s: float | None = None
        self.count: int | None = None
        self.verdict = Verdict.UNKNOWN

    def step(self, count: int, now_s: float) -> Verdict:
        """So many run now."""
        self.count = count
        wanted = self._wanted()
        if wanted is self.verdict:
            self._changing_since_s = None
        elif self.verdict is Verdict.UNKNOWN:
            self.verdict = wanted
        else:
            if self._changing_since_s is None:
                self._changing_since_s = now_s
            if now_s >= self._changing_since_s + self._delay_s():
                self.verdict, self._changing_since_s = wanted, None
        return self.verdict

    def next_deadline(self) -> float | None:
        """When to step again although no count has changed."""
        return None if self._changing_since_s is None else self._changing_since_s + self._delay_s()

    def _wanted(self) -> Verdict:
        settings, count = self._settings, self.count or 0
        most = settings.quorum_max
        enough = count >= settings.quorum and (most is None or count <= most)
        return Verdict.WELL if enough else Verdict.NOT_WELL

    def _delay_s(self) -> float:
        settings = self._settings
        if settings.delay_s is not None:
            return settings.delay_s
        return settings.terminate_delay_s if self.verdict is Verdict.WELL else settings.fork_delay_s
