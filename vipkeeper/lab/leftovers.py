"""Removes what labs left behind whose creator is dead: processes, namespaces, mounts, directories.

Rules of this file: a living creator's lab is never touched; only names made by `new_lab_name` count.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

from vipkeeper.lab.namespaces import NAME_PREFIX, NETNS_DIRECTORY, remove_namespace
from vipkeeper.lab.run_command import CommandFailed, run_command

_LAB_NAME = re.compile(rf"{NAME_PREFIX}-(\d+)-[0-9a-f]+")


def sweep_leftovers() -> list[str]:
    """Remove leftovers of dead labs; the names of what was removed."""
    return [*_sweep_namespaces(), *_sweep_directories()]


def _left_by_dead_creator(name: str) -> bool:
    matched = _LAB_NAME.match(name)
    if matched is None:
        return False
    try:
        os.kill(int(matched.group(1)), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _sweep_namespaces() -> list[str]:
    if not NETNS_DIRECTORY.is_dir():
        return []
    names = [entry.name for entry in NETNS_DIRECTORY.iterdir() if _left_by_dead_creator(entry.name)]
    for name in names:
        with contextlib.suppress(CommandFailed):  # another sweep may have been faster
            for pid in run_command("ip", "netns", "pids", name).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        remove_namespace(name)
    return names


def _sweep_directories() -> list[str]:
    removed = []
    for directory in Path(tempfile.gettempdir()).glob(f"{NAME_PREFIX}-*"):
        if not _left_by_dead_creator(directory.name):
            continue
        for mount_point in _mounts_below(directory):
            _release_mount(mount_point)
        shutil.rmtree(directory, ignore_errors=True)
        removed.append(str(directory))
    return removed


def _mounts_below(directory: Path) -> list[str]:
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in points if Path(point).is_relative_to(directory)]


def _release_mount(mount_point: str) -> None:
    """A dead lab may have left it frozen; an unmount would wait for ever."""
    with contextlib.suppress(CommandFailed):
        run_command("fsfreeze", "--unfreeze", mount_point)
    with contextlib.suppress(CommandFailed):
        run_command("umount", "--lazy", mount_point)
