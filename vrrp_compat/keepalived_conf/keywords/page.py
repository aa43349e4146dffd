"""The page docs/keepalived-keywords.md from the table; `python -m vrrp_compat.keepalived_conf.keywords.page`.

Rules of this file: nothing about a keyword is said here; what a reader should know stands in its row.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

from vrrp_compat.keepalived_conf.keywords.parameters import Missing, Parameter
from vrrp_compat.keepalived_conf.keywords.rows import Layout, OldName, Reply, Row, walk
from vrrp_compat.keepalived_conf.keywords.top_level import TABLE
from vrrp_compat.keepalived_conf.understood import Fate

_FATES = {
    Fate.CARRIED_OUT: "yes",
    Fate.NO_MEANING: "no meaning",
    Fate.REFUSED: "no",
}

_HEAD = """\
# Keywords of keepalived.conf

<!-- Written by `python -m vrrp_compat.keepalived_conf.keywords.page`; change the modules beside it. -->

Every keyword of keepalived up to 2.4, and what becomes of it when vipkeeper reads the file. *yes*: it does
what it does in keepalived, by the named keys of our own format ([configuration](configuration.md)).
*no meaning*: there is nothing for it to do here, and the file is fine with it. *no*: what it asks for is not
done, and `check` says so.

Values are read as keepalived 2.2.7 reads them: one that is out of range leaves the line out, unless another
value is said to count. Keywords that 2.2.7 does not know carry the version that does.
"""


def page() -> str:
    """The whole page."""
    counts = Counter(row.fate for _, row in walk(TABLE))
    total = ", ".join(f"{counts[fate]} {_FATES[fate]}" for fate in Fate)
    sections = "\n".join(_section(title, layout) for title, layout in _layouts())
    return f"{_HEAD}\n{sum(counts.values())} keywords in their blocks: {total}.\n\n{sections}"


def _layouts() -> Iterator[tuple[str, Layout]]:
    """Each kind of block once, below the names of all blocks that have it."""
    yield "Outside of every block", TABLE
    titles: dict[Layout, list[str]] = {}
    for above, row in walk(TABLE):
        if row.layout is not None and row.layout.rows:
            names = [f"`{one.keyword}`" for one in (*above[1:], row)]
            titles.setdefault(row.layout, []).append(" in ".join(reversed(names)))
    for layout, names in titles.items():
        yield ", ".join(dict.fromkeys(names)), layout


def _section(title: str, layout: Layout) -> str:
    rows = [_line(row) for row in layout.rows]
    head = [f"## {title}", "", "| keyword | takes | here | |", "|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def _line(row: Row) -> str:
    return f"| {_keyword(row)} | {_takes(row)} | {_FATES[row.fate]} | {' '.join(_notes(row))} |"


def _keyword(row: Row) -> str:
    return f"`{row.keyword}`" + (f" ({row.since})" if row.since else "")


def _takes(row: Row) -> str:
    words = [_parameter(parameter) for parameter in row.takes]
    if row.layout is not None:
        listing = row.layout.listing
        words.append(f"{{ {listing.value} }}" if listing is not None else "{ ... }")
    return ", then ".join(words)


def _parameter(parameter: Parameter) -> str:
    says = parameter.says.replace("|", "\\|")
    extra = []
    if parameter.missing is Missing.FINE and parameter.default is not None and not says.startswith("["):
        extra.append(f"{parameter.default} if it is missing")
    if parameter.instead is not None:
        extra.append(f"{parameter.instead} counts for others")
    return f"{says} ({'; '.join(extra)})" if extra else says


def _notes(row: Row) -> Iterator[str]:
    if row.ours:
        yield ", ".join(f"`{word}`" for word in row.ours) + "."
    if row.says:
        yield row.says
    for old in row.old_names:
        yield _old_name(old)


def _old_name(old: OldName) -> str:
    if old.reply is Reply.UNKNOWN:
        return f"`{old.name}` is its name of long ago, which keepalived no longer takes."
    return f"Also `{old.name}`."


if __name__ == "__main__":
    sys.stdout.write(page())
