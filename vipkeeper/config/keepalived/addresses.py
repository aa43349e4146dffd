"""Lines of addresses, routes and rules as our settings have them.

Rules of this file: the text stays as it was written, without the words that say what is so here anyway.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.views import words_of
from vrrp_compat.keepalived_conf.statements import Severity, Statement
from vrrp_compat.keepalived_conf.understood import Setting

_WITH_VALUE = frozenset({"dev", "brd", "broadcast", "label", "scope"})
# Words without a value that need no saying here, or with one that cannot be kept; why.
_PLAIN = {
    "noprefixroute": "addresses are always added so",
    "-nodad": "IPv6 addresses of a VIP are always added without duplicate address detection",
    "home": "it is for Mobile IPv6",
    "mngtmpaddr": "it is for temporary addresses",
    "autojoin": "it is for multicast addresses",
    "no_track": "an address that somebody deletes is put back, and the VIP stays",
    "use_vmac": "the addresses are on the virtual MAC if the VIP has one",
}
_LEFT_OUT = {
    "peer": "point-to-point addresses are not kept",
    "preferred_lft": "the kernel's lifetime of an address is the fence of the lease",
    "track_group": "a static address that cannot be kept fails nothing",
}


def address_items(draft: Draft, lines: Iterable[Setting]) -> Iterator[tuple[str, Statement]]:
    """The text of each address with the line it stands on."""
    for line in lines:
        first, *words = words_of(line)
        kept = [first]
        rest = iter(words)
        for word in rest:
            if word in _WITH_VALUE:
                value = next(rest, None)
                if value is not None:
                    kept += ["brd" if word == "broadcast" else word, value]
            elif word in _LEFT_OUT:
                value = next(rest, None)
                wrong = f"`{word} {value}` is left out: {_LEFT_OUT[word]}"
                draft.remark(line.statement, Severity.WARNING, wrong, "see what relies on it")
            elif word in _PLAIN:
                draft.remark(line.statement, Severity.NOTE, f"`{word}` is not needed: {_PLAIN[word]}")
            else:
                draft.remark(
                    line.statement,
                    Severity.WARNING,
                    f"`{word}` is left out: it is not known here",
                    "delete it",
                )
        yield " ".join(kept), line.statement


def route_items(draft: Draft, lines: Iterable[Setting]) -> Iterator[tuple[str, Statement]]:
    """The text of each route or rule with the line it stands on."""
    for line in lines:
        words = []
        for word in words_of(line):
            if word == "no_track":
                draft.remark(
                    line.statement, Severity.NOTE, "`no_track` is not needed: a lost route fails nothing here"
                )
            else:
                words.append(word)
        yield " ".join(words), line.statement


def static_items(
    draft: Draft, lines: Iterable[Setting], default_interface: str
) -> Iterator[tuple[str, Statement]]:
    """Static addresses; one that names no interface is on keepalived's default one."""
    for text, line in address_items(draft, lines):
        yield (text if " dev " in text else f"{text} dev {default_interface}"), line


def family_of(text: str) -> int | None:
    """4 or 6; None for what is no address."""
    try:
        return ipaddress.ip_interface(text.split(maxsplit=1)[0]).version
    except (ValueError, IndexError):
        return None
