"""Words that a comment mark cut in two.

Rules of this file: a cut that changes what the word says is a warning; behind a whole number it does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from vrrp_compat.keepalived_conf.keyword_reading import SECRETS
from vrrp_compat.keepalived_conf.statements import Cut, Remark, Severity, Statement, Written


def cut_remarks(written: Written) -> Iterator[Remark]:
    """One remark for each cut, with the keyword of its line."""
    if not written.cuts:
        return
    lines = {
        (line.keyword.place.file, line.keyword.place.line): line for line in _all_lines(written.statements)
    }
    for cut in written.cuts:
        line = lines.get((cut.place.file, cut.place.line))
        yield _remark(cut, line.keyword.text if line is not None else "")


def _remark(cut: Cut, keyword: str) -> Remark:
    mark = cut.lost[:1]
    if cut.kept.isdigit():
        return Remark(
            cut.place,
            Severity.NOTE,
            keyword,
            f"a comment begins right behind {cut.kept}",
            "put a blank between",
        )
    kept = f"{len(cut.kept)} letters of it are kept" if keyword in SECRETS else f"{cut.kept!r} is kept"
    return Remark(
        cut.place,
        Severity.WARNING,
        keyword,
        f"{mark} begins a comment and cuts the word: {kept}",
        f"put the word into double quotes if {mark} belongs to it, on all routers at once; else put a blank "
        f"before the comment",
    )


def _all_lines(statements: tuple[Statement, ...]) -> Iterator[Statement]:
    for statement in statements:
        yield statement
        yield from _all_lines(statement.block or ())
