"""Looking words up in one block of a keepalived.conf.

Rules of this file: a word that is written twice counts as keepalived has it: the last one. What was looked at
is remembered, so that a word that nobody asked for can be told.
"""

from __future__ import annotations

from collections.abc import Iterator

from vrrp_compat.keepalived_conf.statements import Place, Statement
from vrrp_compat.keepalived_conf.understood import Block, Fate, Setting


class View:
    """One block."""

    def __init__(self, block: Block, seen: set[Place]) -> None:
        self.block = block
        self._seen = seen
        self._carried_out: dict[str, list[Setting]] = {}
        for setting in block.settings:
            if setting.fate is Fate.CARRIED_OUT:
                self._carried_out.setdefault(setting.keyword, []).append(setting)
        seen.add(block.place)

    @property
    def name(self) -> str:
        """What follows the keyword: the name of an instance, a script, a group."""
        return str(self.block.values[0]) if self.block.values else ""

    @property
    def statement(self) -> Statement:
        """The line that opens it."""
        return self.block.statement

    def find(self, keyword: str) -> Setting | None:
        """The last setting of that name that is carried out."""
        found = self._carried_out.get(keyword)
        if found is None:
            return None
        for setting in found:
            self._seen.add(setting.place)
        return found[-1]

    def all(self, keyword: str) -> tuple[Setting, ...]:
        """All settings of that name: each of them counts."""
        self.find(keyword)
        return tuple(setting for setting in self.block.settings if setting.keyword == keyword)

    def has(self, keyword: str) -> bool:
        """Whether it is written at all: for words without a value."""
        return self.find(keyword) is not None

    def flag(self, keyword: str) -> bool | None:
        """The value of a word that stands for "on" alone and may have a BOOL behind it."""
        setting = self.find(keyword)
        if setting is None:
            return None
        return setting.values[0] is not False if setting.values else True

    def text(self, keyword: str) -> str | None:
        """The first value as text."""
        setting = self.find(keyword)
        return str(setting.values[0]) if setting is not None and setting.values else None

    def number(self, keyword: str) -> float | None:
        """The first value as a number."""
        setting = self.find(keyword)
        value = setting.values[0] if setting is not None and setting.values else None
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def inner(self, keyword: str) -> Iterator[View]:
        """The blocks of that name in it."""
        for block in self.block.blocks:
            if block.keyword == keyword and block.fate is Fate.CARRIED_OUT:
                yield View(block, self._seen)

    def lines(self, keyword: str) -> list[Setting]:
        """The lines in the blocks of that name, for blocks that are lists: what keepalived takes of them."""
        return [line for view in self.inner(keyword) for line in view.own_lines()]

    def own_lines(self) -> list[Setting]:
        """The lines of this block, which is a list."""
        self._seen.update(setting.place for setting in self.block.settings)
        return list(self.block.settings)


def words_of(line: Setting) -> tuple[str, ...]:
    """All words of a line in a list, the first one too."""
    return (line.keyword, *map(str, line.values))
