"""What a file says, in the shape of TOML, and where each key of it stands: whatever format it was written in.

Rules of this file: pure; a path that is not found resolves to its nearest enclosing table, never to an
unrelated line.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from vipkeeper.config.toml_positions import Path, find_positions
from vrrp_compat.keepalived_conf.statements import Remark


class Origin(msgspec.Struct, frozen=True):
    """Where something was written. `said` names it in the words of that file; without, the path does."""

    file: str
    line: int
    said: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class TomlOrigins(Mapping[Path, Origin]):
    """The origins in a TOML text that tomllib has read.

    They are looked for when somebody asks for the first one. A file without mistakes has none to show, and
    with 1000 virtual servers the search takes longer than reading it: 1.4 s of 3.
    """

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file

    def __getitem__(self, path: Path) -> Origin:
        return Origin(self._file, self._lines[path])

    def __iter__(self) -> Iterator[Path]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    @functools.cached_property
    def _lines(self) -> Mapping[Path, int]:
        return find_positions(self._text).exact_lines()


class Document(msgspec.Struct, frozen=True):
    """The keys with their values, the origin of each, and what else there is to say about the file."""

    values: dict[str, Any]
    origins: Mapping[Path, Origin]
    remarks: tuple[Remark, ...] = ()


def origin_of(origins: Mapping[Path, Origin], path: Path) -> Origin | None:
    """The origin of `path` or of what encloses it; None when that is the whole document."""
    for length in range(len(path), 0, -1):
        origin = origins.get(path[:length])
        if origin is not None:
            return origin
    return None
