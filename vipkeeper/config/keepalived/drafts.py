"""The document that a keepalived.conf becomes, while it grows: values, their origins, remarks, leftovers.

Rules of this file: it knows the shape of the document and nothing of keepalived's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from vipkeeper.config.documents import Origin
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity, Statement, Word


class Leftover(msgspec.Struct, frozen=True):
    """One line of the file that became nothing of ours, and why."""

    statement: Statement
    reason: str


class WordOrigins(Mapping[Path, Origin]):
    """The origins of keys by the words that set them: 1000 virtual servers have 22,000, and nobody asks."""

    def __init__(self, words: Mapping[Path, Word], said: Mapping[Path, str]) -> None:
        self._words = words
        self._said = said

    def __getitem__(self, path: Path) -> Origin:
        word = self._words[path]
        return Origin(word.place.file, word.place.line, self._said.get(path) or word.text)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)


class Draft:
    """What has been translated so far."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.words: dict[Path, Word] = {}  # the keyword of the last line that set a key
        self.remarks: list[Remark] = []
        self.leftovers: list[Leftover] = []
        self._said: dict[Path, str] = {}  # what is not said by the keyword itself
        self._above: Path = ()  # the table that was written to last
        self._table = self.values

    @property
    def origins(self) -> Mapping[Path, Origin]:
        """Where each key was set."""
        return WordOrigins(self.words, self._said)

    def put(self, path: Path, value: object, source: Statement, said: str = "") -> None:
        """Sets a key; `said` is what keepalived calls it, the keyword of `source` unless given."""
        self._table_at(path[:-1])[str(path[-1])] = value
        self._note_origin(path, source, said)

    def open_table(self, path: Path, source: Statement, said: str = "") -> None:
        """Makes a table, empty unless something is put into it."""
        self._table_at(path)
        self._note_origin(path, source, said)

    def take_back(self, path: Path) -> None:
        """Removes a table again."""
        del self._table_at(path[:-1])[str(path[-1])]
        for known in (self.words, self._said):
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
        self._table_at(path[:-1]).setdefault(str(path[-1]), value)

    def remark(
        self, source: Statement, severity: Severity, wrong: str, fix: str = "", *, at: Place | None = None
    ) -> None:
        """Says something about a line."""
        keyword = source.keyword
        self.remarks.append(Remark(at or keyword.place, severity, keyword.text, wrong, fix))

    def leave_out(self, source: Statement, reason: str) -> None:
        """A line becomes nothing."""
        self.leftovers.append(Leftover(source, reason))

    def _table_at(self, path: Path) -> dict[str, Any]:
        """The table there, made if need be. Keys of one table mostly come one after the other."""
        if path != self._above:
            table = self.values
            for key in path:
                table = table.setdefault(str(key), {})
            self._above, self._table = path, table
        return self._table

    def _note_origin(self, path: Path, source: Statement, said: str) -> None:
        self.words[path] = source.keyword
        if said:
            self._said[path] = said
        else:
            self._said.pop(path, None)
