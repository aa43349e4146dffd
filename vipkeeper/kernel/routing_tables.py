"""Names of routing tables on this host: the files that `ip` and keepalived read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

# Later ones count: what an administrator writes goes before what a package ships.
_FILES = (Path("/usr/lib/iproute2/rt_tables"), Path("/usr/share/iproute2/rt_tables"))
_OWN = Path("/etc/iproute2/rt_tables")
_MORE = Path("/etc/iproute2/rt_tables.d")


def read_table_names() -> dict[str, int]:
    """By name, the number of each table. A file that cannot be read says nothing."""
    names: dict[str, int] = {}
    more = sorted(_MORE.glob("*.conf")) if _MORE.is_dir() else []
    for path in (*_FILES, _OWN, *more):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            names.update(parse_table_names(path.read_text(encoding="utf-8")))
    return names


def parse_table_names(text: str) -> Iterator[tuple[str, int]]:
    """Lines of `NUMBER NAME`; a number may be hexadecimal."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 2:
            with contextlib.suppress(ValueError):
                yield words[1], int(words[0], 0)
