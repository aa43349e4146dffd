"""Until when the kernel was last told to answer for each VIP: what a restarted agent may adopt.

Rules of this file: written after the kernel was told, so it never says more than the fence does; one small
write for each change, which a kill cannot tear; instants of another boot mean nothing.

The fence knows it too, but what an earlier process wrote into the tc program's map cannot be read without
CAP_SYS_ADMIN (docs/decisions/0008-restart-without-sys-admin.md). Without this an agent that comes back after
its peers have taken over would go on as master beside them.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import struct
from collections.abc import Mapping
from pathlib import Path

from vipkeeper.agent.logs import log

# A power of two, so that no record lies across two pages.
_RECORD = struct.Struct("=16sd8x")
_ENDED_S = 0.0


class KeptHolds:
    """One file of the run directory. `incarnation` tells boots and directories apart."""

    def __init__(self, path: Path, incarnation: str) -> None:
        self._path = path
        self._header = _RECORD.pack(_digest(incarnation), _ENDED_S)
        self._file = -1
        self._slots: dict[bytes, int] = {}
        self._kept: dict[str, float] = {}
        self._earlier: dict[bytes, float] = {}
        known = b""
        with contextlib.suppress(OSError):
            known = path.read_bytes()
        if known[: _RECORD.size] == self._header:
            for at in range(_RECORD.size, len(known) - _RECORD.size + 1, _RECORD.size):
                name, until_s = _RECORD.unpack_from(known, at)
                self._slots[name] = at
                self._earlier[name] = until_s

    def held_until_s(self, name: str) -> float:
        """What the last process told the kernel; an instant long past when that is not known."""
        return self._earlier.get(_digest(name), _ENDED_S)

    def keep(self, holds: Mapping[str, float]) -> None:
        """The kernel answers until then for these, and for nothing else."""
        changed = {name: until_s for name, until_s in holds.items() if self._kept.get(name) != until_s}
        changed.update(dict.fromkeys(self._kept.keys() - holds.keys(), _ENDED_S))
        if not changed:
            return
        try:
            for name, until_s in changed.items():
                self._write(_digest(name), until_s)
        except OSError as error:
            log(logging.WARNING, "vrrp-holds", f"cannot be kept for the next agent: {error.strerror}")
            return
        self._kept = dict(holds)

    def _write(self, name: bytes, until_s: float) -> None:
        if self._file < 0:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if not self._slots:
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, self._header, 0)
        at = self._slots.setdefault(name, (len(self._slots) + 1) * _RECORD.size)
        os.pwrite(self._file, _RECORD.pack(name, until_s), at)

    def close(self) -> None:
        """Nothing is removed: it is for the next agent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]
