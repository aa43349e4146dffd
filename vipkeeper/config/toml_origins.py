"""Where the keys of a TOML file stand, found when somebody asks.

Rules of this file: pure. A file without a mistake is never searched: to find the places takes longer than to
read the values, and they take 5 MB (a thousand virtual servers), which an agent has no use for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from vipkeeper.config.documents import Origin
from vipkeeper.config.toml_positions import Path, find_positions


class TomlOrigins(Mapping[Path, Origin]):
    """Of a text that tomllib has parsed without an error."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def __getitem__(self, path: Path) -> Origin:
        return Origin(self._name, self._lines[path])

    def __iter__(self) -> Iterator[Path]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    @cached_property
    def _lines(self) -> Mapping[Path, int]:
        return find_positions(self._text).exact_lines()
