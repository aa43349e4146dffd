"""A translated keepalived.conf as the text of a TOML file, with its comments.

Rules of this file: reading the text gives the same document; what became nothing is listed at the end, with
the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from vipkeeper.config.keepalived.translation import Translation, line_of
from vipkeeper.config.mistakes import dotted
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.statements import Place, Statement, Written

_INLINE_BELOW = 3  # [vip.NAME.notify] has a line for each script
_CHECK_DEPTH = 6  # [virtual_server.NAME.real_server.NAME.http_get.1] has a line for each page
_LONGEST_LINE = 100


def toml_of(translation: Translation, written: Written) -> str:
    """The file."""
    return "\n".join([*_Writer(translation, written).lines(), ""])


class Unread(msgspec.Struct, frozen=True):
    """A line that became nothing, and why."""

    statement: Statement
    reason: str


class _Writer:
    def __init__(self, translation: Translation, written: Written) -> None:
        self._translation = translation
        self._written = written
        self._unread = tuple(_unread(translation, written))
        self._comments = _comments_by_path(translation, written, self._unread)

    def lines(self) -> Iterator[str]:
        yield "# Made by `vipkeeper convert`: what the keepalived.conf said that it was made from."
        yield from self._comments.get((), ())
        yield from self._table((), self._translation.document.values)
        if self._written.trailing_comments:
            yield ""
            yield from _as_comments(self._written.trailing_comments)
        if self._unread:
            yield ""
            yield "# Not carried over:"
            for each in self._unread:
                yield from _told(each)

    def _table(self, path: Path, table: Mapping[str, Any]) -> Iterator[str]:
        inner = {key: value for key, value in table.items() if isinstance(value, dict)}
        inline = len(path) >= (_CHECK_DEPTH if path[:1] == ("virtual_server",) else _INLINE_BELOW)
        own = {key: value for key, value in table.items() if key not in inner or inline}
        if path and (own or not inner or path in self._translation.words):
            yield ""
            yield from self._comments.get(path, ())
            yield f"[{dotted(path)}]"
        for key, value in own.items():
            place = (*path, key)
            yield from self._comments.get(place, ())
            yield from self._pair(place, value)
        for key, value in inner.items() if not inline else ():
            yield from self._table((*path, key), value)

    def _pair(self, path: Path, value: object) -> Iterator[str]:
        key = dotted(path[-1:])
        line = f"{key} = {_value(value)}"
        if not isinstance(value, list):
            for below, comments in self._comments.items():
                if _is_below(below, path):
                    yield from comments
            yield line
            return
        items = [(self._comments.get((*path, index), ()), item) for index, item in enumerate(value)]
        if len(line) <= _LONGEST_LINE and not any(comments for comments, _ in items):
            yield line
            return
        yield f"{key} = ["
        for comments, item in items:
            yield from (f"    {comment}" for comment in comments)
            yield f"    {_value(item)},"
        yield "]"


def _is_below(path: Path, above: Path) -> bool:
    return len(path) > len(above) and path[: len(above)] == above


def _value(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, dict):
        inside = ", ".join(f"{dotted((key,))} = {_value(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return str(value)


def _as_comments(texts: Iterable[str], keyword: str = "") -> tuple[str, ...]:
    """Comments of the old file; `keyword` is said where they do not stand at what it became."""
    prefix = f"{keyword}: " if keyword else ""
    lines = [line for text in texts for line in text.splitlines()]
    return tuple(f"# {prefix}{_printable(line)}".rstrip() for line in lines)


def _printable(text: str) -> str:
    """TOML has no control characters in comments, but for the tab."""
    return "".join(c if c == "\t" or (c >= " " and c != "\x7f") else " " for c in text)


def _comments_by_path(
    translation: Translation, written: Written, unread: Iterable[Unread]
) -> dict[Path, tuple[str, ...]]:
    """Each comment once, at the key that its line became, or at the table of the block around that line."""
    paths: dict[Place, Path] = {}
    for path, word in translation.words.items():
        paths.setdefault(word.place, path)
    skipped = {each.statement.keyword.place for each in unread}
    found: dict[Path, tuple[str, ...]] = {}

    def walk(statements: Iterable[Statement], around: Path) -> None:
        for statement in statements:
            place = statement.keyword.place
            if place in skipped:
                continue
            own = paths.get(place)
            at = around if own is None else own
            keyword = "" if own is not None or statement.block is not None else statement.keyword.text
            texts = _as_comments((*statement.comments, *statement.closing_comments), keyword)
            if texts:
                found[at] = (*found.get(at, ()), *texts)
            walk(statement.block or (), at)

    walk(written.statements, ())
    return found


def _unread(translation: Translation, written: Written) -> Iterator[Unread]:
    """The lines that became nothing, each with the reason."""
    reasons = {leftover.statement.keyword.place: leftover.reason for leftover in translation.leftovers}
    remarks = {line_of(remark.place): remark for remark in reversed(translation.document.remarks)}

    def walk(statements: Iterable[Statement]) -> Iterator[Unread]:
        for statement in statements:
            place = statement.keyword.place
            if place in reasons:
                yield Unread(statement, reasons[place])
            elif place not in translation.seen:
                remark = remarks.get(line_of(place))
                told = remark.wrong if remark is not None else "keepalived leaves it out too"
                yield Unread(statement, told)
            else:
                yield from walk(statement.block or ())

    return walk(written.statements)


def _told(unread: Unread) -> Iterator[str]:
    place = unread.statement.keyword.place
    yield f"#   {place.file}:{place.line}: {unread.reason}"
    yield from (f"#       {_printable(line)}" for line in _as_written(unread.statement, ""))


def _as_written(statement: Statement, indent: str) -> Iterator[str]:
    for comment in (*statement.comments, *statement.closing_comments):
        yield f"{indent}# {comment}"
    head = f"{indent}{statement.keyword.text} {statement.raw}".rstrip()
    if statement.block is None:
        yield head
        return
    yield f"{head} {{"
    for inner in statement.block:
        yield from _as_written(inner, f"{indent}    ")
    yield f"{indent}}}"
