"""Lines of `virtual_routes`, `virtual_rules` and their static brothers.

Rules of this file: which words there are and how many follow them; what they mean to the kernel is not
looked at here. One word that keepalived does not know costs it the line.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import msgspec

from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.statements import Remark, Statement, Word

_TYPES = (
    "unicast",
    "local",
    "broadcast",
    "multicast",
    "throw",
    "unreachable",
    "prohibit",
    "blackhole",
    "nat",
)
_ROUTE_ALONE = (
    *_TYPES,
    "onlink",
    "no_track",
    "add",
    "append",
    "prepend",
    "inet",
    "inet6",
    "default",
    "default6",
)
_ROUTE_WORDS = (
    "to", "from", "src", "via", "gw", "or", "dev", "oif", "table", "vrf", "metric", "preference", "scope",
    "proto", "protocol", "tos", "dsfield", "mtu", "hoplimit", "advmss", "rtt", "rttvar", "reordering",
    "window", "cwnd", "ssthresh", "realms", "realm", "rto_min", "initcwnd", "initrwnd", "features",
    "quickack", "congctl", "pref", "expires", "fastopen_no_cookie", "weight", "track_group",
    "ttl-propagate", "as",
)  # fmt: skip
# From these on, the rest of a line is theirs: several next hops, or how packets are wrapped.
_ROUTE_TAILS = ("nexthop", "encap")
_NUMBERS = ("metric", "mtu", "advmss", "window", "cwnd", "ssthresh", "initcwnd", "initrwnd", "hoplimit")
_OLD = {"gw": "via", "or": "nexthop via"}

_RULE_ALONE = ("not", "inet", "inet6", "no_track", "blackhole", "unreachable", "prohibit", "nop")
_RULE_WORDS = (
    "from", "to", "table", "lookup", "iif", "oif", "dev", "preference", "order", "pref", "priority",
    "fwmark", "tos", "dsfield", "realms", "realm", "goto", "suppress_prefixlength", "suppress_ifgroup",
    "uidrange", "tun_id", "protocol", "ipproto", "sport", "dport", "track_group", "type",
)  # fmt: skip
_PREFERENCES = ("preference", "order", "pref", "priority")
_ACTIONS = ("table", "lookup", "goto", "blackhole", "unreachable", "prohibit", "nop", "type")


class RouteLine(msgspec.Struct, frozen=True):
    """What a line means: its words as keepalived takes them. Without words it is left out."""

    words: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()


class _CostsLine(Exception):
    """A word that keepalived gives the whole line up for."""

    def __init__(self, remark: Remark) -> None:
        super().__init__(str(remark))
        self.remark = remark


def read_route(line: Statement) -> RouteLine:
    """One route."""
    remarks: list[Remark] = []
    try:
        words = tuple(_route_words(line, remarks))
    except _CostsLine as given_up:
        return RouteLine((), (*remarks, given_up.remark))
    if not {"dev", "oif", "no_track", "nexthop"} & set(words):
        remarks.append(
            mistake(
                line,
                "keepalived can't see whether it is still there, because it names no interface",
                "add dev INTERFACE, or no_track",
            )
        )
    return RouteLine(words, tuple(remarks))


def read_rule(line: Statement) -> RouteLine:
    """One rule."""
    try:
        words = tuple(_rule_words(line))
    except _CostsLine as given_up:
        return RouteLine((), (given_up.remark,))
    if not set(_ACTIONS) & set(words):
        return RouteLine((), (mistake(line, "it is left out: it does nothing", "add table TABLE"),))
    if set(_PREFERENCES) & set(words):
        return RouteLine(words)
    return RouteLine(
        words, (mistake(line, "it has no preference, and gets one near 16384", "add preference NUMBER"),)
    )


def _route_words(line: Statement, remarks: list[Remark]) -> Iterator[str]:
    words = iter((line.keyword, *line.words))
    for word in words:
        text = word.text
        if text in _ROUTE_TAILS:
            yield text
            yield from (later.text for later in words)
        elif text in _ROUTE_WORDS:
            value = _next(line, word, words)
            _judge_route(line, text, value)
            if text in _OLD:
                remarks.append(mistake(line, f"{text} is out of date", f"write {_OLD[text]}", word.place))
            yield from _OLD.get(text, text).split()
            yield value.text
        elif text in _ROUTE_ALONE or _is_network(text):
            yield text
        else:
            raise _CostsLine(_unknown(line, word, "route"))


def _rule_words(line: Statement) -> Iterator[str]:
    words = iter((line.keyword, *line.words))
    for word in words:
        if word.text in _RULE_WORDS:
            value = _next(line, word, words)
            if word.text in {"from", "to"} and value.text not in {"all", "default"}:
                _judge_network(line, value)
            if word.text in _PREFERENCES:
                _judge_number(line, value)
            yield word.text
            yield value.text
        elif word.text in _RULE_ALONE:
            yield word.text
        else:
            raise _CostsLine(_unknown(line, word, "rule"))


def _judge_route(line: Statement, option: str, value: Word) -> None:
    if option in {"via", "gw", "or", "src", "from", "to"} and value.text not in {"inet", "inet6", "default"}:
        _judge_network(line, value)
    if option in _NUMBERS and value.text != "lock":
        _judge_number(line, value)


def _judge_network(line: Statement, word: Word) -> None:
    if not _is_network(word.text):
        raise _CostsLine(
            mistake(line, f"it is left out: {word.text} is no address", "correct it", word.place)
        )


def _judge_number(line: Statement, word: Word) -> None:
    if not word.text.isdigit():
        raise _CostsLine(mistake(line, f"it is left out: {word.text} is no number", "correct it", word.place))


def _next(line: Statement, word: Word, words: Iterator[Word]) -> Word:
    value = next(words, None)
    if value is None:
        raise _CostsLine(
            mistake(line, f"it is left out: a word is missing behind {word.text}", "add it", word.place)
        )
    return value


def _unknown(line: Statement, word: Word, kind: str) -> Remark:
    return mistake(
        line,
        f"it is left out: {word.text!r} is no word of a {kind} to keepalived, which knows full words alone",
        "correct or remove it",
        word.place,
    )


def _is_network(text: str) -> bool:
    """An address, with or without a length; bits behind the length do no harm."""
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True
