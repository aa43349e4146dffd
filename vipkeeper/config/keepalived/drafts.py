"""The document that a keepalived.conf becomes, while it grows: values, their origins, remarks, leftovers.

Rules of this file: it knows the shape of the document and nothing of keepalived's words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from vipkeeper.config.documents import Origin
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity, Statement


class Leftover(msgspec.Struct, frozen=True):
    """One line of the file that became nothing of ours, and why."""

    statement: Statement
    reason: str


class Draft:
    """What has been translated so far."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[Path, Origin] = {}
        self.statements: dict[Path, Statement] = {}  # whose comments belong to the key
        self.remarks: list[Remark] = []
        self.leftovers: list[Leftover] = []

    def put(self, path: Path, value: object, source: Statement, said: str = "") -> None:
        """Sets a key; `said` is what keepalived calls it, the keyword of `source` unless given."""
        table = self.values
        for key in path[:-1]:
            table = table.setdefault(str(key), {})
        table[str(path[-1])] = value
        self._note_origin(path, source, said)

    def open_table(self, path: Path, source: Statement, said: str = "") -> None:
        """Makes a table, empty unless something is put into it."""
        table = self.values
        for key in path:
            table = table.setdefault(str(key), {})
        self._note_origin(path, source, said)

    def take_back(self, path: Path) -> None:
        """Removes a table again."""
        table = self.values
        for key in path[:-1]:
            table = table[str(key)]
        del table[str(path[-1])]
        for known in (self.origins, self.statements):
            for below in [place for place in known if place[: len(path)] == path]:
                del known[below]

    def put_list(self, path: Path, values: Iterable[tuple[str, Statement]], source: Statement) -> None:
        """Sets a list whose items stand on lines of their own; an empty one is left out."""
        items = list(values)
        if not items:
            return
        self.put(path, [text for text, _ in items], source)
        for index, (_, line) in enumerate(items):
            self._note_origin((*path, index), line, source.keyword.text)

    def default(self, path: Path, value: object) -> None:
        """Sets a key that keepalived's defaults say and no line of the file."""
        table = self.values
        for key in path[:-1]:
            table = table.setdefault(str(key), {})
        table.setdefault(str(path[-1]), value)

    def remark(
        self, source: Statement, severity: Severity, wrong: str, fix: str = "", *, at: Place | None = None
    ) -> None:
        """Says something about a line."""
        keyword = source.keyword
        self.remarks.append(Remark(at or keyword.place, severity, keyword.text, wrong, fix))

    def leave_out(self, source: Statement, reason: str) -> None:
        """A line becomes nothing."""
        self.leftovers.append(Leftover(source, reason))

    def _note_origin(self, path: Path, source: Statement, said: str) -> None:
        place = source.keyword.place
        self.origins[path] = Origin(place.file, place.line, said or source.keyword.text)
        self.statements.setdefault(path, source)
