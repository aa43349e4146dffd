"""Which znodes hold a record, and how a version is told from all others.

Rules of this file:

- The record of `/vips/web` is the one child of its holder `/vips/web=`. The child's name is a random id.
  A record that was deleted and made anew has another id, so nothing that was known of the first can ever
  be taken for the second, although ZooKeeper counts the changes of each znode from 0.
- Other znodes are directories and hold nothing.
- A segment is percent-encoded where ZooKeeper or the rules above would misread it, so every key has a path.
"""

from __future__ import annotations

import re
import secrets
from urllib.parse import quote, unquote

_HOLDER_MARK = "="
_SAFE = "!$&'()*+,:;@~"  # besides letters, digits and _.-~; never "%", "=" or "/"
_EMPTY_SEGMENT = "%"  # no encoded segment is this
_ID = re.compile(r"[0-9a-f]{8}")

# A version is the id and the count of changes. ZooKeeper's count has 31 bits: at ten changes a second it
# lasts for seven years, and then for as long again with the next id.
_COUNT_BITS = 31
_COUNT_MASK = (1 << _COUNT_BITS) - 1

RecordId = str


def new_id() -> RecordId:
    """An id that no record has had, but for one chance in four thousand million."""
    return f"{secrets.randbelow(2**32 - 1) + 1:08x}"


def version_of(record_id: RecordId, changes: int) -> int:
    """The version of a record that was changed so often. Never 0."""
    return int(record_id, 16) << _COUNT_BITS | changes


def parts_of(version: int) -> tuple[RecordId, int]:
    """The id and the count of changes in a version."""
    return f"{version >> _COUNT_BITS:08x}", version & _COUNT_MASK


class Tree:
    """Keys as paths below a chroot."""

    def __init__(self, chroot: str) -> None:
        self._chroot = chroot
        self.root = chroot or "/"

    def directory(self, prefix: str) -> str:
        """The deepest znode below which every key with this prefix has its record."""
        above, slash, _ = prefix.rpartition("/")
        return (self._chroot + self._encoded(above)) or "/" if slash else self.root

    def holder(self, key: str) -> str:
        """ValueError for a key that does not begin with a slash."""
        if not key.startswith("/"):
            raise ValueError(f"the key {key!r} does not begin with a slash")
        return self._chroot + self._encoded(key) + _HOLDER_MARK

    def record(self, key: str, record_id: RecordId) -> str:
        return f"{self.holder(key)}/{record_id}"

    def key_of(self, path: str) -> tuple[str, RecordId] | None:
        """The key and the id of a record's path; None for other znodes."""
        holder, _, name = path.rpartition("/")
        if not (holder.endswith(_HOLDER_MARK) and _ID.fullmatch(name)):
            return None
        segments = holder[len(self._chroot) : -len(_HOLDER_MARK)].split("/")[1:]
        return "".join("/" + _decoded(segment) for segment in segments), name

    @staticmethod
    def is_holder(path: str) -> bool:
        return path.endswith(_HOLDER_MARK)

    @staticmethod
    def _encoded(key: str) -> str:
        return "".join("/" + _encoded(segment) for segment in key.split("/")[1:])


def above(path: str) -> tuple[str, ...]:
    """The znodes that must be there before this one, the highest first."""
    names = path.split("/")[1:-1]
    return tuple("/" + "/".join(names[: depth + 1]) for depth in range(len(names)))


def _encoded(segment: str) -> str:
    if segment in {"", ".", ".."}:  # ZooKeeper refuses all three
        return "%2E" * len(segment) or _EMPTY_SEGMENT
    return quote(segment, safe=_SAFE)


def _decoded(segment: str) -> str:
    return "" if segment == _EMPTY_SEGMENT else unquote(segment)
