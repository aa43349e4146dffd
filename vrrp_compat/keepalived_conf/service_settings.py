"""A virtual server while keepalived's rules go over it: asked word by word, and changed word by word.

Rules of this file: no judgement. What a rule sets has the place of the line that it changes, or of the block.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.statements import Remark, Statement
from vrrp_compat.keepalived_conf.understood import Block, Fate, Setting, Value

IPV4, IPV6 = 4, 6
FAMILIES = {"inet": IPV4, "inet6": IPV6}


class OpenService:
    """A virtual server or a real one, and what is said of it."""

    def __init__(self, block: Block, remarks: list[Remark]) -> None:
        self.block = block
        self._remarks = remarks

    def value(self, keyword: str) -> Value | None:
        """The first word behind a keyword."""
        setting = self.block.find(keyword)
        return setting.values[0] if setting is not None and setting.values else None

    def number(self, keyword: str, default: int) -> int:
        """The number behind a keyword."""
        value = self.value(keyword)
        return value if isinstance(value, int) else default

    def has(self, keyword: str) -> bool:
        """Whether it is written."""
        return self.block.find(keyword) is not None

    def set(self, keyword: str, *values: Value) -> None:
        """Gives a keyword other values."""
        old = self.block.find(keyword)
        statement = old.statement if old is not None else self.block.statement
        self.remove(keyword)
        added = Setting(keyword, values, statement, Fate.CARRIED_OUT)
        self.block = msgspec.structs.replace(self.block, settings=(*self.block.settings, added))

    def remove(self, keyword: str) -> None:
        """Leaves all lines of a keyword out."""
        kept = tuple(setting for setting in self.block.settings if setting.keyword != keyword)
        self.block = msgspec.structs.replace(self.block, settings=kept)

    def drop(self, setting: Setting) -> None:
        """Leaves one line out."""
        kept = tuple(one for one in self.block.settings if one is not setting)
        self.block = msgspec.structs.replace(self.block, settings=kept)

    def put_blocks(self, blocks: Iterable[Block]) -> None:
        """Other blocks in it."""
        self.block = msgspec.structs.replace(self.block, blocks=tuple(blocks))

    def say(self, wrong: str, fix: str, at: Statement | None = None) -> None:
        """Something that keepalived reports."""
        self._remarks.append(mistake(at or self.block.statement, wrong, fix))

    def say_of(self, keyword: str, wrong: str, fix: str) -> None:
        """The same, at the last line of a keyword."""
        setting = self.block.find(keyword)
        self.say(wrong, fix, setting.statement if setting is not None else None)


def port_of(block: Block) -> int:
    """The port of a virtual or real server, 0 without one."""
    port = block.values[1] if len(block.values) > 1 else 0
    return port if isinstance(port, int) else 0


def family_of(address: Value) -> int:
    """4 or 6, of an address that was read: four of them are asked for a thousand times in a long file."""
    return IPV6 if ":" in str(address) else IPV4
