"""What a file says, in the shape of TOML, and where each key of it stands: whatever format it was written in.

Rules of this file: pure; a path that is not found resolves to its nearest enclosing table, never to an
unrelated line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.statements import Remark


class Origin(msgspec.Struct, frozen=True):
    """Where something was written. `said` names it in the words of that file; without, the path does."""

    file: str
    line: int
    said: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


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
