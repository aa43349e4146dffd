"""One routing rule as it is written: `from 192.0.2.10 table 100 priority 1000`.

Rules of this file: as in `route_words.py`; the words are those of `ip rule` and of keepalived.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vipkeeper.config.route_words import network_of, table_number
from vipkeeper.config.words import Remark, WordError, Words, no_effect, unknown_word
from vipkeeper.model.routing import MAIN_TABLE, Rule

# linux/in.h; others are written as numbers.
IP_PROTOCOLS = {
    "icmp": 1,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "icmpv6": 58,
    "sctp": 132,
    "udplite": 136,
}
_BARE_ACTIONS = ("nop", "blackhole", "unreachable", "prohibit")
_PRIORITY = ("priority", "preference", "pref", "order")
_LENGTH = ("suppress_prefixlength", "suppress_prefixlen", "sup_pl", "suppress_pl")
_GROUP = ("suppress_ifgroup", "suppress_group", "sup_group", "sup_ifgroup")
_WITHOUT_EFFECT = {"no_track": "a rule that somebody removes is put back, and is no fault"}
_WITHOUT_EFFECT_TAKING_A_VALUE = {
    "proto": "rules of vipkeeper have its own number, by which it knows them",
    "protocol": "rules of vipkeeper have its own number, by which it knows them",
    "track_group": _WITHOUT_EFFECT["no_track"],
}
_KNOWN = frozenset(
    {
        *("not", "from", "to", "tos", "dsfield", "fwmark", "iif", "dev", "oif", "l3mdev", "uidrange"),
        *("ipproto", "sport", "dport", "tun_id", "table", "lookup", "goto", "realms", "inet", "inet6"),
        *_BARE_ACTIONS,
        *_PRIORITY,
        *_LENGTH,
        *_GROUP,
        *_WITHOUT_EFFECT,
        *_WITHOUT_EFFECT_TAKING_A_VALUE,
    }
)
_LARGEST = 0xFFFFFFFF
_LARGEST_PORT = 0xFFFF
_NUMBERS = {
    "tos": ("tos", 0xFF),
    "dsfield": ("tos", 0xFF),
    "tun_id": ("tunnel", 0xFFFFFFFFFFFFFFFF),
    **dict.fromkeys(_PRIORITY, ("priority", _LARGEST)),
}
_EVERYBODY = frozenset({"all", "any", "default"})


class WrittenRule(msgspec.Struct, frozen=True):
    """What one text says, and what is to be told of it."""

    rule: Rule
    remarks: tuple[Remark, ...] = ()


def read_rule(text: str, tables: Mapping[str, int] | None = None) -> WrittenRule:
    """Raises WordError. `tables`: see `route_words.read_route`."""
    words = Words(text)
    values: dict[str, object] = {}
    remarks: list[Remark] = []
    versions: set[int] = set()
    for word in words:
        if word in _WITHOUT_EFFECT:
            remarks.append(no_effect(word, _WITHOUT_EFFECT[word]))
        elif word in _WITHOUT_EFFECT_TAKING_A_VALUE:
            words.after(word)
            remarks.append(no_effect(word, _WITHOUT_EFFECT_TAKING_A_VALUE[word]))
        elif word in {"inet", "inet6"}:
            versions.add(4 if word == "inet" else 6)
        elif not (_selector(words, word, values, remarks) or _action(words, word, values, tables)):
            raise unknown_word(word, _KNOWN, "a rule")
    if not values.keys() - {"inverted"}:
        raise WordError(f'"{text}" says nothing', "write for example from ADDR table NUMBER")
    versions |= {6 if ":" in str(values[key]) else 4 for key in ("from_", "to") if values.get(key)}
    if len(versions) > 1:
        raise WordError(f'"{text}" has addresses of both families', "write one rule for each")
    if values.get("action", "lookup") == "lookup" and "l3mdev" not in values:
        values.setdefault("table", MAIN_TABLE)
    version = versions.pop() if versions else 4
    return WrittenRule(msgspec.convert({"version": version, **values}, Rule), tuple(remarks))


def _selector(words: Words, word: str, values: dict[str, object], remarks: list[Remark]) -> bool:
    if word in _NUMBERS:
        key, most = _NUMBERS[word]
        values[key] = words.number(word, most)
        return True
    match word:
        case "not":
            values["inverted"] = True
        case "from" | "to":
            key = "from_" if word == "from" else "to"
            values[key] = "" if words.skip(*_EVERYBODY) else str(network_of(words.after(word), word, remarks))
        case "fwmark":
            values.update(_mark(words, word))
        case "iif" | "dev" | "oif":
            values["oif" if word == "oif" else "iif"] = words.interface(word)
        case "l3mdev":
            values["l3mdev"] = True
        case "uidrange":
            values["uids"] = _range(words, word, _LARGEST)
        case "ipproto":
            values["ip_protocol"] = words.named_number(word, IP_PROTOCOLS, 255)
        case "sport" | "dport":
            key = "source_ports" if word == "sport" else "target_ports"
            values[key] = _range(words, word, _LARGEST_PORT)
        case _:
            return False
    return True


def _action(words: Words, word: str, values: dict[str, object], tables: Mapping[str, int] | None) -> bool:
    match word:
        case "table" | "lookup":
            values["table"] = table_number(words, word, tables)
        case "goto":
            values.update(action="goto", goto=words.number(word, _LARGEST))
        case "realms":
            values["realm"] = words.number(word, _LARGEST)
        case _ if word in _BARE_ACTIONS:
            values["action"] = word
        case _ if word in _LENGTH:
            values["suppress_length"] = words.number(word, 128)
        case _ if word in _GROUP:
            values["suppress_group"] = words.number(word, 0x7FFFFFFF)
        case _:
            return False
    return True


def _mark(words: Words, word: str) -> dict[str, object]:
    """`MARK` or `MARK/MASK`."""
    text = words.after(word)
    mark, slash, mask = text.partition("/")
    found: dict[str, object] = {"fwmark": Words(mark).number(word, _LARGEST)}
    if slash:
        found["fwmask"] = Words(mask).number(word, _LARGEST)
    return found


def _range(words: Words, word: str, most: int) -> tuple[int, int]:
    """`N` or `N-M`."""
    text = words.after(word)
    first, dash, last = text.partition("-")
    low = Words(first).number(word, most)
    high = Words(last).number(word, most) if dash else low
    if high < low:
        raise WordError(f'"{text}" after "{word}" ends before it begins', f"write {high}-{low}")
    return low, high
