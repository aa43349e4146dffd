"""What reading a configuration needs from the host: files, and a few facts.

Rules of this file: a seam and its values; `vipkeeper.config.keepalived_files` has the real files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec


class Unreadable(msgspec.Struct, frozen=True):
    """Why a file cannot be read, in the words of the system: `permission denied`."""

    reason: str


class ConfigFiles(Protocol):
    """The files that a configuration may consist of."""

    def read(self, path: str) -> bytes | Unreadable:
        """What is in one file."""
        ...

    def matching(self, pattern: str) -> tuple[str, ...]:
        """The paths that are there of those a pattern names, sorted. `*`, `?`, `[...]` as in a shell."""
        ...


class Surroundings(msgspec.Struct, frozen=True):
    """What a configuration may ask about the host that reads it."""

    config_id: str = (
        ""  # for lines that begin with @ID, and ${_INSTANCE}; keepalived: first label of the host
    )
    environment: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])  # ${_ENV NAME}
    working_directory: str = "/"  # what a relative path of the main file is relative to
    random_seed: int = 0  # for ${_RANDOM}, where the file has no random_seed
