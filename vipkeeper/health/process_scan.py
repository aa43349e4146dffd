"""How many processes of each kind run on this host, counted in /proc.

Rules of this file: IO; which process counts is `process_match.py`'s. A process that ends while it is looked
at is not there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vipkeeper.health.process_match import ProcessPattern


def count_processes(patterns: Mapping[str, ProcessPattern]) -> dict[str, int]:
    """By name of the track: how many processes match now."""
    counts = dict.fromkeys(patterns, 0)
    names_alone = all(pattern.by_name_alone for pattern in patterns.values())
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        comm = _read(f"/proc/{entry.name}/comm")
        if comm is None:
            continue
        line = b"" if names_alone else _read(f"/proc/{entry.name}/cmdline") or b""
        short = comm.decode(errors="replace").rstrip("\n")
        for name, pattern in patterns.items():
            counts[name] += pattern.matches(short, line)
    return counts


def sees_all_processes() -> bool:
    """Whether processes of other users are visible: /proc may be mounted with hidepid."""
    return Path("/proc/1/comm").exists()


def _read(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return None
    finally:
        os.close(descriptor)
