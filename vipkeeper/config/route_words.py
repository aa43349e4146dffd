"""One route as it is written: `198.51.100.0/24 via 192.0.2.1 dev eth0 table 100 metric 50`.

Rules of this file: pure; the words are those of `ip route` and of keepalived's blocks of routes, in full.
Names of tables stand in files of the host: without `tables` any name will do, because a file is also checked
elsewhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import msgspec

from vipkeeper.config.address_words import SCOPES
from vipkeeper.config.words import (
    IpNetwork,
    Remark,
    WordError,
    Words,
    did_you_mean,
    no_effect,
    unknown_word,
)
from vipkeeper.model.routing import LOCAL_TABLE, MAIN_TABLE, NextHop, Route

KINDS = ("unicast", "local", "broadcast", "multicast", "throw", "unreachable", "prohibit", "blackhole")
_WITHOUT_WAY = frozenset({"throw", "unreachable", "prohibit", "blackhole"})
TABLES = {"default": 253, "main": MAIN_TABLE, "local": LOCAL_TABLE}
_PREFERENCES = {"low": 3, "medium": 0, "high": 1}
_FEATURES = {"ecn": 1}

# What limits TCP and packets on the way; the numbers are those of linux/rtnetlink.h.
LIMITS = {
    "mtu": 2,
    "window": 3,
    "rtt": 4,
    "rttvar": 5,
    "ssthresh": 6,
    "cwnd": 7,
    "advmss": 8,
    "reordering": 9,
    "hoplimit": 10,
    "initcwnd": 11,
    "features": 12,
    "rto_min": 13,
    "initrwnd": 14,
    "quickack": 15,
    "fastopen_no_cookie": 17,
}
# Times are kept in the kernel's own unit: eighths and quarters of a millisecond.
_PARTS_OF_MS = {"rtt": 8, "rttvar": 4, "rto_min": 1}

_WITHOUT_EFFECT = {
    "no_track": "a route that somebody removes is put back, and is no fault",
    "add": "ours goes before another route to the same destination",
    "append": "ours goes before another route to the same destination",
    "prepend": "ours goes before another route to the same destination",
}
_WITHOUT_EFFECT_TAKING_A_VALUE = {
    "proto": "routes of vipkeeper have its own number, by which it knows them",
    "protocol": "routes of vipkeeper have its own number, by which it knows them",
    "track_group": "a route that somebody removes is put back, and is no fault",
}
_REFUSED = {
    "encap": "make a tunnel interface, and write dev and its name",
    "vrf": "write table and the number of its table",
    "nhid": "write via and dev",
    "congctl": "set net.ipv4.tcp_congestion_control",
}
_KNOWN = frozenset(
    {
        *("to", "via", "gw", "or", "dev", "oif", "src", "from", "table", "metric", "priority", "preference"),
        *("tos", "dsfield", "scope", "weight", "nexthop", "onlink", "pref", "inet", "inet6"),
        *KINDS,
        *LIMITS,
        *_WITHOUT_EFFECT,
        *_WITHOUT_EFFECT_TAKING_A_VALUE,
    }
)
_LARGEST = 0xFFFFFFFF


class WrittenRoute(msgspec.Struct, frozen=True):
    """What one text says, and what is to be told of it."""

    route: Route
    remarks: tuple[Remark, ...] = ()


def read_route(text: str, tables: Mapping[str, int] | None = None) -> WrittenRoute:
    """Raises WordError."""
    return _Reader(Words(text), tables).read()


class _Hop:
    """A way that is being read."""

    def __init__(self) -> None:
        self.via = self.interface = ""
        self.weight = 1
        self.onlink = False

    def done(self) -> NextHop:
        return NextHop(self.via, self.interface, self.weight, self.onlink)


class _Reader:
    def __init__(self, words: Words, tables: Mapping[str, int] | None) -> None:
        self._words = words
        self._tables = tables
        self._destination = ""
        self._version = 0
        self._kind = ""
        self._from = ""
        self._source = ""
        self._values: dict[str, int] = {}
        self._limits: dict[str, int] = {}
        self._single = _Hop()
        self._second = ""  # keepalived's `or`
        self._several: list[_Hop] = []
        self._remarks: list[Remark] = []

    def read(self) -> WrittenRoute:
        for word in self._words:
            hop = self._several[-1] if self._several else self._single
            if not (self._word_of_way(word, hop) or self._word_of_route(word) or self._word_of_limits(word)):
                self._bare_word(word)
        return WrittenRoute(self._route(), tuple(self._remarks))

    def _word_of_way(self, word: str, hop: _Hop) -> bool:
        words = self._words
        match word:
            case "via" | "gw":
                words.skip("inet", "inet6")
                hop.via = str(words.address(word))
            case "or":
                self._second = str(words.address(word))
            case "dev" | "oif":
                hop.interface = words.interface(word)
            case "onlink":
                hop.onlink = True
            case "weight":
                hop.weight = words.number(word, 256, 1)
            case "nexthop":
                self._several.append(_Hop())
            case _:
                return False
        return True

    def _word_of_route(self, word: str) -> bool:
        words, values = self._words, self._values
        match word:
            case "to":
                self._take_destination(words.after(word))
            case "src":
                self._source = str(words.address(word))
            case "from":
                self._from = str(network_of(words.after(word), word, self._remarks))
            case "table":
                values["table"] = table_number(words, word, self._tables)
            case "metric" | "priority" | "preference":
                values["metric"] = words.number(word, _LARGEST)
            case "tos" | "dsfield":
                values["tos"] = words.number(word, 0xFF)
            case "scope":
                values["scope"] = words.named_number(word, SCOPES, 255)
            case "pref":
                values["preference"] = words.named_number(word, _PREFERENCES, 3)
            case "inet" | "inet6":
                self._version = 4 if word == "inet" else 6
            case _:
                return False
        return True

    def _word_of_limits(self, word: str) -> bool:
        words, limits = self._words, self._limits
        if word not in LIMITS:
            return False
        if words.skip("lock"):
            limits["lock"] = limits.get("lock", 0) | 1 << LIMITS[word]
        if word in _PARTS_OF_MS:
            limits[word] = _time(words, word)
        elif word == "features":
            limits[word] = words.named_number(word, _FEATURES, _LARGEST)
        else:
            limits[word] = words.number(word, _LARGEST)
        return True

    def _bare_word(self, word: str) -> None:
        if word in _WITHOUT_EFFECT:
            self._remarks.append(no_effect(word, _WITHOUT_EFFECT[word]))
        elif word in _WITHOUT_EFFECT_TAKING_A_VALUE:
            self._words.after(word)
            self._remarks.append(no_effect(word, _WITHOUT_EFFECT_TAKING_A_VALUE[word]))
        elif word in _REFUSED:
            raise WordError(f'"{word}" cannot be said here', _REFUSED[word])
        elif word in KINDS and not self._kind:
            self._kind = word
        elif not self._destination and _looks_like_a_destination(word):
            self._take_destination(word)
        else:
            raise unknown_word(word, _KNOWN, "a route")

    def _take_destination(self, text: str) -> None:
        if self._destination:
            raise WordError(f'"{text}" is a second destination in "{self._words.text}"', "write one of them")
        self._destination = "default" if text in _EVERYWHERE else str(network_of(text, "to", self._remarks))

    def _route(self) -> Route:
        version = self._family()
        destination = self._destination or "default"
        if not self._destination:
            raise WordError(f'"{self._words.text}" has no destination', "write ADDR/LEN or default")
        if destination == "default":
            destination = "0.0.0.0/0" if version == 4 else "::/0"
        kind, values = self._kind or "unicast", self._values
        hops = self._hops()
        if kind in _WITHOUT_WAY and hops:
            raise WordError(f"a {kind} route leads nowhere", "leave out via and dev")
        if kind not in _WITHOUT_WAY and not hops:
            raise WordError(f'"{self._words.text}" does not say which way', "write via ADDR or dev INTERFACE")
        if self._from and version == 4:
            raise WordError("from is for IPv6 routes alone", "write a rule with from instead")
        usual = {"local": LOCAL_TABLE, "broadcast": LOCAL_TABLE}.get(kind, MAIN_TABLE)
        return Route(
            destination=destination,
            version=version,
            kind=kind,
            table=values.get("table", usual),
            metric=values.get("metric"),
            tos=values.get("tos", 0),
            scope=values.get("scope"),
            source=self._source,
            from_=self._from,
            hops=hops,
            limits=tuple(sorted(self._limits.items())),
            preference=values.get("preference"),
        )

    def _family(self) -> int:
        """All say the same, but that an IPv4 route may go by an IPv6 router."""
        texts = [
            text for text in (self._destination, self._source, self._from) if text not in {"", "default"}
        ]
        texts = texts or [hop.via for hop in (self._single, *self._several) if hop.via]
        versions = {6 if ":" in text else 4 for text in texts} | ({self._version} - {0})
        if len(versions) > 1:
            raise WordError(f'"{self._words.text}" has addresses of both families', "use one")
        return versions.pop() if versions else 4

    def _hops(self) -> tuple[NextHop, ...]:
        first = self._single.done()
        single = [first] if first != NextHop() else []
        if self._second:
            single.append(NextHop(self._second, first.interface, first.weight, first.onlink))
        several = [hop.done() for hop in self._several]
        if several and single:
            wrong = f'"{self._words.text}" has a way before its first nexthop'
            raise WordError(wrong, "write each way after a nexthop of its own")
        hops = tuple(single or several)
        if any(not hop.via and not hop.interface for hop in hops):
            wrong = f'a way of "{self._words.text}" has neither via nor dev'
            raise WordError(wrong, "write via ADDR or dev INTERFACE")
        return hops


_EVERYWHERE = frozenset({"default", "any", "all"})


def _looks_like_a_destination(word: str) -> bool:
    return word in _EVERYWHERE or word[:1].isdigit() or ":" in word


def network_of(text: str, word: str, remarks: list[Remark]) -> IpNetwork:
    """A prefix. Bits beyond its length, which the kernel refuses, are left out and told. Raises WordError."""
    try:
        inside = ipaddress.ip_interface(text)
    except ValueError:
        raise WordError(f'"{text}" after "{word}" is no network', "write ADDR or ADDR/LEN") from None
    if inside.ip != inside.network.network_address:
        remarks.append(
            (f"{text} has bits beyond its length, and is taken for {inside.network}", "write that")
        )
    return inside.network


def table_number(words: Words, word: str, tables: Mapping[str, int] | None) -> int:
    """The number of a table; of a name that only the host knows 0, as long as the host is not asked."""
    text = words.peek()
    if text in TABLES:
        return TABLES[words.after(word)]
    if text[:1].isdigit():
        return words.number(word, _LARGEST, 1)
    words.after(word)
    if not text or tables is None:
        return 0
    if text not in tables:
        fix = did_you_mean(text, tables, "write its number, or name it in /etc/iproute2/rt_tables")
        raise WordError(f'this host knows no routing table "{text}"', fix)
    return tables[text]


def _time(words: Words, word: str) -> int:
    """`200ms`, `1.5s`, or a bare number in the kernel's own unit, as `ip route` takes it."""
    text = words.after(word)
    for suffix, in_ms in (("ms", 1.0), ("s", 1000.0)):
        number = text.removesuffix(suffix)
        if number != text and number.replace(".", "", 1).isdigit():
            return round(float(number) * in_ms * _PARTS_OF_MS[word])
    if text.isdigit() and int(text) <= _LARGEST:
        return int(text)
    raise WordError(f'"{text}" after "{word}" is no time', "write for example 200ms")
