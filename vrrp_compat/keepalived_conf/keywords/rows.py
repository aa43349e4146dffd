"""The shape of the table of keywords.

Rules of this file: plain values and short ways to write them. A row says where a keyword may stand by being
in the layout of that block; a word that may stand in several blocks has a row in each.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterator
from typing import TypedDict, Unpack

import msgspec

from vrrp_compat.keepalived_conf.keywords.parameters import Missing, Parameter, Program, Quoted, Text
from vrrp_compat.keepalived_conf.understood import Fate

NEWER = "after 2.2.7"  # the oldest keepalived that this table was held against does not know it


class Listing(enum.Enum):
    """Blocks whose lines are no keywords but entries of a list, by what the entries are."""

    ADDRESSES = "addresses with their options, as `ip address` has them"
    ROUTES = "routes, as `ip route` has them"
    RULES = "rules, as `ip rule` has them"
    SCRIPTS = "names of `vrrp_script`, each with `weight N [reverse]`"
    FILES = "names of `track_file`, each with `weight N [reverse]`"
    PROCESSES = "names of `vrrp_track_process`, each with `weight N [reverse]`"
    BFDS = "names of `bfd_instance`, each with `weight N [reverse]`"
    INTERFACES = "interfaces, each with `weight N [reverse]`"
    NAMES = "names"
    PEERS = "addresses, each with `min_ttl N` and `max_ttl N`"
    SERVICES = "addresses, ranges and networks with their ports, or `fwmark N [inet or inet6]`"
    WORDS = "lines"


class Reply(enum.Enum):
    """What keepalived says to an old name of a keyword."""

    NOTHING = "takes it"
    DEPRECATED = "takes it and reports it"  # -t ends with 5
    UNKNOWN = "no longer knows it"  # reported, and the line left out


class OldName(msgspec.Struct, frozen=True):
    """Another name of a keyword."""

    name: str
    reply: Reply = Reply.NOTHING


class Row(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One keyword in one kind of block."""

    keyword: str
    fate: Fate
    says: str = ""  # one sentence for an operator: why not, or what he should know
    ours: tuple[str, ...] = ()  # the words of our own format that carry it out
    takes: tuple[Parameter, ...] = ()
    old_names: tuple[OldName, ...] = ()
    since: str = ""  # empty: known to 2.2.7
    gone: bool = False  # keepalived knew it once and no longer does
    first_counts: bool = False  # a second one is reported and left out
    reported: bool = False  # keepalived itself warns of each use: -t ends with 5
    layout: Layout | None = None  # with braces

    @property
    def names(self) -> tuple[str, ...]:
        """All names that lead here."""
        return (self.keyword, *(old.name for old in self.old_names))

    @functools.cached_property
    def splits_anew(self) -> bool:
        """Whether the text behind it is split like the line of a program."""
        return any(isinstance(parameter, Program | Quoted) for parameter in self.takes)


class Layout(msgspec.Struct, frozen=True, dict=True):
    """What may stand between the braces of a block: either keywords or the entries of a list."""

    rows: tuple[Row, ...] = ()
    listing: Listing | None = None
    entry: Parameter = Text()  # of lists of WORDS

    def find(self, name: str) -> Row | None:
        """The row of a keyword or of its old name."""
        return self._by_name.get(name)

    @functools.cached_property
    def _by_name(self) -> dict[str, Row]:
        return {name: row for row in reversed(self.rows) for name in row.names}


class Details(TypedDict, total=False):
    """What a row may say beside its keyword and fate."""

    old_names: tuple[OldName, ...]
    since: str
    gone: bool
    first_counts: bool
    reported: bool
    layout: Layout


def carried_out(
    keyword: str, *takes: Parameter, ours: str | tuple[str, ...], says: str = "", **more: Unpack[Details]
) -> Row:
    """A keyword that does here what it does in keepalived."""
    words = (ours,) if isinstance(ours, str) else ours
    return Row(keyword=keyword, fate=Fate.CARRIED_OUT, says=says, ours=words, takes=takes, **more)


def no_meaning(keyword: str, *takes: Parameter, why: str, **more: Unpack[Details]) -> Row:
    """A keyword that is read and has nothing to do here."""
    return Row(keyword=keyword, fate=Fate.NO_MEANING, says=why, takes=takes, **more)


def refused(keyword: str, *takes: Parameter, why: str, **more: Unpack[Details]) -> Row:
    """A keyword that asks for something that is not done here: who wrote it has to know."""
    return Row(keyword=keyword, fate=Fate.REFUSED, says=why, takes=takes, **more)


def program(missing: Missing = Missing.STOPS) -> tuple[Parameter, ...]:
    """A program, and the user and group that it runs as."""
    return (
        Program(missing=missing),
        Text(called="[user]", missing=Missing.FINE),
        Text(called="[group]", missing=Missing.FINE),
    )


def walk(layout: Layout, above: tuple[Row, ...] = ()) -> Iterator[tuple[tuple[Row, ...], Row]]:
    """Every row below a layout, each with the blocks that it stands in."""
    for row in layout.rows:
        yield above, row
        if row.layout is not None:
            yield from walk(row.layout, (*above, row))
