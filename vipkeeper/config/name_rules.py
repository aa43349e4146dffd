"""What can be the name of a VIP, a group, a virtual or real server, a check.

Rules of this file: pure; see `rules.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from vipkeeper.config.mistakes import Finding
from vipkeeper.config.toml_positions import Path

_NAME = re.compile(r"[A-Za-z0-9._-]+")
LONGEST_NAME = 64  # as long as Linux lets a host name be


def bad_name(path: Path, name: str) -> Iterator[Finding]:
    """What is wrong with the name that stands at `path`."""
    if not _NAME.fullmatch(name) or not name.strip("."):
        fix = "use letters, digits, dots, dashes and underscores"
        yield Finding(path, f'"{name}" cannot be used as a name', fix)
    elif len(name) > LONGEST_NAME:
        yield Finding(path, f"a name of {len(name)} characters is too long", f"use at most {LONGEST_NAME}")
