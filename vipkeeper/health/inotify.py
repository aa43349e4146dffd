"""The kernel's word that something in a directory changed.

Rules of this file: IO, one inotify instance; an event says where to look again, never what is there.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable

_MODIFY_DONE = 0x8  # IN_CLOSE_WRITE: not IN_MODIFY, which comes while a file is empty between two contents
_MOVED = 0xC0
_CREATE = 0x100
_DELETE = 0x200
_DELETE_SELF = 0x400
_MOVE_SELF = 0x800
_OVERFLOW = 0x4000
_GONE = 0x8000  # IN_IGNORED: the directory was removed, or its file system unmounted
_ONLY_DIRECTORIES = 0x1000000
_WANTED = _MODIFY_DONE | _MOVED | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF | _ONLY_DIRECTORIES

_EVENT = struct.Struct("=iIII")  # watch, mask, cookie, length of the name


class Inotify:
    """Watches directories. `changed` hears the directory; None: everything has to be looked at."""

    def __init__(self, changed: Callable[[str | None], None]) -> None:
        self._changed = changed
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._directories: dict[int, str] = {}
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:  # fs.inotify.max_user_instances
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def watch(self, directory: str) -> bool:
        """Whether it is watched from now on: it may not be there yet. Again is no harm."""
        watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(directory), _WANTED)
        if watch >= 0:
            self._directories[watch] = directory
        return bool(watch >= 0)

    def close(self) -> None:
        """Hear no more."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        changed: set[str | None] = set()
        events = os.read(self._descriptor, 65536)
        at = 0
        while at < len(events):
            watch, mask, _, length = _EVENT.unpack_from(events, at)
            at += _EVENT.size + length
            directory = self._directories.get(watch)
            if mask & _GONE:
                self._directories.pop(watch, None)
            changed.add(None if mask & _OVERFLOW else directory)
        for directory in changed:
            self._changed(directory)
