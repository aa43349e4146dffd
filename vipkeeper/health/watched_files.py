"""Reads tracked files when they change, appear or go.

Rules of this file: IO; what the content means is `file_numbers.py`'s. The directory is watched and not the
file, because an editor puts another file in its place; where nothing can be watched (the directory is not
there, the file is a link to elsewhere, the file system is another machine's) a regular look finds it later.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from vipkeeper.health.file_numbers import number_in
from vipkeeper.health.inotify import Inotify
from vipkeeper.health.verdicts import TrackState, Verdict

LOOK_INTERVAL_S = 1.0  # a look at a file costs 10 us
_MOST_BYTES = 64


class WatchedFiles:
    """All tracked files of one agent. `tell` hears the name of each whose number changed."""

    def __init__(self, tell: Callable[[str, TrackState], None], trouble: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._trouble = trouble  # a name, and what somebody has to do
        self._files: Mapping[str, str] = {}
        self._states: dict[str, TrackState] = {}
        self._inotify: Inotify | None = None

    def want(self, files: Mapping[str, str]) -> None:
        """From now on these: paths by name. What is new is read at once, and told."""
        new = [name for name, path in files.items() if self._files.get(name) != path]
        self._files = files
        self._states = {name: state for name, state in self._states.items() if name in files}
        if files and self._inotify is None:
            self._begin()
        if self._inotify is not None:
            for path in files.values():
                self._inotify.watch(str(Path(path).parent))
        for name in new:
            self._look(name)

    async def run(self) -> None:
        """The regular look, for ever."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            for path in self._files.values():
                if self._inotify is not None:
                    self._inotify.watch(str(Path(path).parent))
            for name in self._files:
                self._look(name)

    def close(self) -> None:
        """Read no more."""
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    def _begin(self) -> None:
        try:
            self._inotify = Inotify(self._changed)
        except OSError as error:
            self._trouble(
                "",
                f"changes of tracked files are seen up to {LOOK_INTERVAL_S:g} s late, because the kernel has "
                f"no inotify instance left ({error.strerror}): raise fs.inotify.max_user_instances",
            )

    def _changed(self, directory: str | None) -> None:
        for name, path in self._files.items():
            if directory is None or str(Path(path).parent) == directory:
                self._look(name)

    def _look(self, name: str) -> None:
        try:
            content: bytes | None = _start_of(self._files[name])
        except FileNotFoundError:
            content = None
        except OSError as error:
            content = None
            if name not in self._states:
                self._trouble(name, f"{self._files[name]} cannot be read ({error.strerror}) and counts as 0")
        number = number_in(content)
        state = TrackState(
            Verdict.WELL, number, "it does not exist" if content is None else f"it says {number}"
        )
        before = self._states.get(name)
        if before is None or before.number != number:
            self._states[name] = state
            self._tell(name, state)


def _start_of(path: str) -> bytes:
    # Without O_NONBLOCK a named pipe in its place would stop this process until somebody writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)
