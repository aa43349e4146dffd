"""Tells the FILE checks what their files say: at once, and whenever a number changes.

Rules of this file: it wires; files are watched by `watched_files.py` and judged by `file_check.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from vipkeeper.health.checkers.file_check import judge
from vipkeeper.health.verdicts import TrackState
from vipkeeper.health.watched_files import WatchedFiles
from vipkeeper.model.balancing import CheckKey, CheckOutcome, FileAsk, WatchedFile


class FileChecks:
    """All FILE checks of one director."""

    def __init__(self, tell: Callable[[CheckKey, CheckOutcome], None], warn: Callable[[str], None]) -> None:
        self._tell = tell
        self._warn = warn
        self._asks: dict[CheckKey, FileAsk] = {}
        self._states: dict[str, TrackState] = {}
        self._watched: WatchedFiles | None = None
        self._look: asyncio.Task[None] | None = None

    def want(self, asks: Mapping[CheckKey, FileAsk], files: Mapping[str, WatchedFile]) -> None:
        """From now on these. What is new of them is told before this returns."""
        new = [key for key, ask in asks.items() if self._asks.get(key) != ask]
        self._asks = {key: ask for key, ask in asks.items() if self._asks.get(key) == ask}
        names = {ask.track_file for ask in asks.values()}
        if names and self._watched is None:
            self._watched = WatchedFiles(self._changed, lambda _name, message: self._warn(message))
            self._look = asyncio.get_running_loop().create_task(self._watched.run())
        if self._watched is not None:
            self._states = {name: state for name, state in self._states.items() if name in names}
            self._watched.want({name: files[name].path for name in sorted(names)})
        for key in new:
            self._asks[key] = asks[key]
            state = self._states.get(asks[key].track_file)
            if state is not None:
                self._say(key, asks[key], state)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        if self._watched is not None:
            self._watched.close()
            self._watched = None

    def _changed(self, name: str, state: TrackState) -> None:
        self._states[name] = state
        for key, ask in self._asks.items():
            if ask.track_file == name:
                self._say(key, ask, state)

    def _say(self, key: CheckKey, ask: FileAsk, state: TrackState) -> None:
        self._tell(key, judge(ask, state.number, state.detail))
