"""Writes the number that a tracked file is to have from the start (`init_file`).

Rules of this file: IO. As in keepalived: every [track_file] gets its file, whoever reads it. What is missing
is made at a reload too; what is there is overwritten at the start of the agent alone, because a reload, or a
new director, would take back what an operator has written since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from vipkeeper.config.track_schema import TrackFile


def write_first_numbers(
    files: Mapping[str, TrackFile], trouble: Callable[[str, str], None], *, starts: bool
) -> None:
    """`trouble` hears a name, and what somebody has to do. `starts`: the agent does; else it is a reload."""
    for name, file in files.items():
        if file.init_file is None:
            continue
        path = Path(file.file)
        try:
            if path.exists() and not (starts and file.overwrite and path.is_file()):
                continue
            path.write_text(f"{file.init_file}\n")
        except OSError as error:
            trouble(name, f"{path} cannot be made ({error.strerror}): make it, or leave out init_file")
