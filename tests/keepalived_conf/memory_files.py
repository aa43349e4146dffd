"""Configuration files in memory, with the rules of the real ones."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

from vrrp_compat.keepalived_conf.config_files import Surroundings, Unreadable
from vrrp_compat.keepalived_conf.reading import read_configuration
from vrrp_compat.keepalived_conf.statements import Statement, Written


class MemoryFiles:
    """Paths and what is in them; None: it is there, and nobody may read it."""

    def __init__(self, contents: Mapping[str, bytes | str | None]) -> None:
        self._contents = contents

    def read(self, path: str) -> bytes | Unreadable:
        if path not in self._contents:
            return Unreadable("no such file or directory")
        content = self._contents[path]
        if content is None:
            return Unreadable("permission denied")
        return content.encode() if isinstance(content, str) else content

    def matching(self, pattern: str) -> tuple[str, ...]:
        """A `*` does not match a slash, nor a dot at the beginning of a name."""
        wanted = pattern.split("/")
        return tuple(
            path
            for path in sorted(self._contents)
            if len(names := path.split("/")) == len(wanted)
            and all(
                fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))
                for name, part in zip(names, wanted, strict=True)
            )
        )


MAIN = "/etc/keepalived/keepalived.conf"


def read(
    text: bytes | str,
    others: Mapping[str, bytes | str | None] | None = None,
    surroundings: Surroundings | None = None,
) -> Written:
    """A configuration whose main file says `text`; `others` are files by their paths from its folder."""
    beside = {f"/etc/keepalived/{name}": content for name, content in (others or {}).items()}
    return read_configuration(MAIN, MemoryFiles({MAIN: text, **beside}), surroundings or Surroundings())


def outline(statements: tuple[Statement, ...]) -> list[object]:
    """Keywords and words alone: `[["a", "b"], ["block", [["inner"]]]]`."""
    lines: list[object] = []
    for statement in statements:
        line: list[object] = [statement.keyword.text, *[word.text for word in statement.words]]
        if statement.block is not None:
            line.append(outline(statement.block))
        lines.append(line)
    return lines


def words(written: Written) -> list[str]:
    """All words at the top, in their order."""
    return [word.text for statement in written.statements for word in (statement.keyword, *statement.words)]
