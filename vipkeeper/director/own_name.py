"""What `ps` and `pgrep` show of a director: a copy of the agent would be taken for a second agent.

Rules of this file: only this process's own memory is written, and only where its words are known to stand.
"""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path

SHORT = "vk-director"  # `ps -o comm`; the kernel keeps 15 characters
WORDS = b"vipkeeper: director"


def take_own_name() -> None:
    """What cannot be had is not needed."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(SHORT, encoding="ascii")
    with contextlib.suppress(OSError, ValueError):  # ValueError: this C library has no such name
        _overwrite_words()


def _overwrite_words() -> None:
    """proc(5): /proc/PID/cmdline is read from the memory in which the kernel has put argv at the start."""
    words = Path("/proc/self/cmdline").read_bytes()
    first = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "program_invocation_name").value
    if not first or ctypes.string_at(first, len(words)) != words:
        return
    ctypes.memmove(first, WORDS[: len(words) - 1].ljust(len(words), b"\0"), len(words))
