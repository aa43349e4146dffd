"""The FIFO that gets a line for each notification.

Rules of this file: nothing ever waits for a reader. It is open for reading too, as keepalived does: then a
reader that comes later finds the last lines (the kernel keeps 64 KiB), and one that goes and comes again sees
no end of file between. What does not fit is lost, counted and said once.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
import sys
import termios
from pathlib import Path

from vipkeeper.notify.saying import Say
from vipkeeper.scripts.program import Account


class Fifo:
    """One FIFO, made if it does not exist. `owner`: whom it belongs to then; None: this agent."""

    def __init__(self, path: str, owner: Account | None, say: Say) -> None:
        self._path = path
        self._say = say
        self._file = -1
        self._made = False
        self._told_full = False
        self.lost = 0
        try:
            self._open(owner)
        except OSError as error:
            why = error.strerror or str(error)
            self._say(logging.ERROR, "fifo", f"{path} cannot be used, so nothing is written: {why}")

    def _open(self, owner: Account | None) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self._path, 0o600)
            self._made = True
            if owner is not None:
                self._give_to(owner)
        # Not through a link: in a directory of others it could lead anywhere.
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        if not stat.S_ISFIFO(os.lstat(self._path).st_mode):
            raise OSError(0, "it is no FIFO; remove it, or write another name")
        self._file = os.open(self._path, flags)

    def _give_to(self, owner: Account) -> None:
        """Raises OSError, and then it is not there any more: the next agent tries it again."""
        try:
            os.chown(self._path, owner.uid, owner.gid, follow_symlinks=False)
        except PermissionError:
            Path(self._path).unlink()
            what = f"the agent may not give it to {owner.name}: grant it CAP_CHOWN, or make the FIFO before"
            raise OSError(0, what) from None

    def write(self, line: bytes) -> None:
        """All of it, or it is lost: the kernel does not part what is shorter than 4096 bytes."""
        if self._file < 0:
            self.lost += 1
            return
        try:
            os.write(self._file, line)
            self._told_full = False
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.lost += 1
        if self._told_full:
            return
        self._told_full = True
        full = isinstance(error, BlockingIOError)
        why = "nobody reads it and it is full" if full else error.strerror
        self._say(logging.WARNING, "fifo", f"lines to {self._path} are lost: {why}")

    @property
    def unread(self) -> int:
        """Bytes that nobody has read yet."""
        if self._file < 0:
            return 0
        counted = bytearray(4)
        fcntl.ioctl(self._file, termios.FIONREAD, counted)
        return int.from_bytes(counted, sys.byteorder)

    def close(self, *, keep: bool) -> None:
        """Readers see its end. What this agent made is removed, unless the next one goes on with it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._made and not keep:
            with contextlib.suppress(OSError):
                Path(self._path).unlink()
