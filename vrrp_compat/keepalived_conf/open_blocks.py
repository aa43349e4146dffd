"""A block while it is read.

Rules of this file: what one line has to know of those before it in its block, and nothing else.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.keywords.rows import Layout, Listing, Row
from vrrp_compat.keepalived_conf.statements import Place, Statement
from vrrp_compat.keepalived_conf.understood import Block, Setting, Value


class OpenBlock:
    """One block that was begun."""

    def __init__(
        self, row: Row, statement: Statement, values: tuple[Value, ...] = (), *, skipped: bool = False
    ) -> None:
        self.row = row
        self.statement = statement
        self.values = values
        self.skipped = skipped  # keepalived reads over it
        self.settings: list[Setting] = []
        self.blocks: list[Block] = []
        self.family: int | None = None  # of an instance: that of the first address in it

    @property
    def layout(self) -> Layout:
        """What may stand in it."""
        return self.row.layout or Layout()

    @property
    def listing(self) -> Listing | None:
        """What its lines are entries of, if it is a list."""
        return self.layout.listing

    @property
    def name(self) -> str:
        """How messages call it."""
        return " ".join((self.row.keyword, *map(str, self.values[:1]))) or "the top of the file"

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.statement.keyword.place

    def find(self, keyword: str) -> Setting | None:
        """The last setting of a keyword."""
        for setting in reversed(self.settings):
            if setting.keyword == keyword:
                return setting
        return None

    def finished(self) -> Block:
        """The block as a value."""
        return Block(
            self.row.keyword,
            self.values,
            self.statement,
            self.row.fate,
            tuple(self.settings),
            tuple(self.blocks),
        )
