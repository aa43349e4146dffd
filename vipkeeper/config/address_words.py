"""One address as it is written: `192.0.2.10/24 dev eth0 brd + label eth0:web scope link`.

Rules of this file: pure; words are those of `ip address` and of keepalived's blocks of addresses. What has no
meaning for an address that a lease guards is understood, and named so that it can be told.
"""

from __future__ import annotations

import functools
import ipaddress

import msgspec

from vipkeeper.config.words import Remark, WordError, Words, no_effect, unknown_word
from vipkeeper.model.address_options import AddressOptions
from vipkeeper.model.vips import VipAddress

SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
LONGEST_LABEL = 15

# linux/if_addr.h; what `ip address` shows under the same names
_FLAGS = {"home": 0x10, "mngtmpaddr": 0x100, "noprefixroute": 0x200, "autojoin": 0x400}
_NODAD = 0x02
_TAKING_A_VALUE = frozenset({"dev", "brd", "broadcast", "label", "scope", "peer", "preferred_lft"})
_BARE = frozenset({*_FLAGS, "-nodad", "nodad", "no_track"})
_LEASED = "the lease says when it goes, and the kernel adds it so that it answers at once"

# Understood, and without effect on a virtual address: why.
WITHOUT_EFFECT = {
    "home": "no connection of this host starts from a virtual address",
    "mngtmpaddr": "temporary addresses made from it would outlive it",
    "noprefixroute": "it is always set",
    "autojoin": "a virtual address is no group",
    "-nodad": _LEASED,
    "nodad": "it is always set",
    "no_track": "an address that somebody removes is put back, and is no fault",
    "preferred_lft": _LEASED,
}
_IPV4_ALONE = "IPv6 has no such thing"


class WrittenAddress(msgspec.Struct, frozen=True):
    """What one text says. `flags` and `preferred_s` count for addresses that no lease guards."""

    vip: VipAddress
    options: AddressOptions = AddressOptions()
    flags: int = 0
    preferred_s: int | None = None
    idle: tuple[str, ...] = ()  # words that do nothing for an address that a lease guards
    remarks: tuple[Remark, ...] = ()


@functools.lru_cache(maxsize=4096)  # the same texts are asked about at each look at the host
def read_address(text: str, interface: str) -> WrittenAddress:
    """`interface`: where it is unless it says `dev`. Raises WordError."""
    words = Words(text)
    own, length = _own_address(words)
    broadcast = label = peer = ""
    scope = flags = 0
    preferred_s: int | None = None
    remarks: list[Remark] = []
    idle: list[str] = []
    for word in words:
        if own.version == 6 and word in {"brd", "broadcast", "label", "scope"}:
            words.after(word)
            remarks.append(no_effect(word, _IPV4_ALONE))
            continue
        match word:
            case "dev":
                interface = words.interface(word)
            case "brd" | "broadcast":
                broadcast = _broadcast(words, own, length)
                if not broadcast:
                    remarks.append(no_effect(word, f"a network of {length} bits has no broadcast address"))
            case "label":
                label = _label(words)
            case "scope":
                scope = words.named_number(word, SCOPES, 255)
            case "peer":
                peer, length = _peer(words, own, length)
            case "preferred_lft":
                preferred_s = None if words.skip("forever") else words.number(word, 0xFFFFFFFE)
                idle.append(word)
            case _ if word in _BARE:
                flags |= _FLAGS.get(word, _NODAD if word == "nodad" else 0)
                idle.append(word)
            case _:
                raise unknown_word(word, _TAKING_A_VALUE | _BARE, "an address")
    return WrittenAddress(
        VipAddress(str(own), length, interface),
        AddressOptions(broadcast, "" if label == interface else label, scope, peer),
        flags,
        preferred_s,
        tuple(dict.fromkeys(idle)),
        tuple(remarks),
    )


def _own_address(words: Words) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    text = next(iter(words), "")
    if "%" in text:
        raise WordError(f'"{text}" has a zone', "leave out %... and set `interface`")
    try:
        parsed = ipaddress.ip_interface(text)
    except ValueError:
        fix = "write ADDR or ADDR/LEN, for example 192.0.2.10 or 2001:db8::10/64"
        raise WordError(f'"{text}" is not an IP address', fix) from None
    return parsed.ip, parsed.network.prefixlen if "/" in text else parsed.max_prefixlen


def _broadcast(words: Words, own: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int) -> str:
    """`+`: all bits of the host set, `-`: none. As in keepalived, a network of two addresses has none."""
    if words.peek() not in {"+", "-"}:
        return str(words.address("brd", 4))
    sign = words.after("brd")
    if length > 30:
        return ""
    network = ipaddress.ip_network(f"{own}/{length}", strict=False)
    return str(network.broadcast_address if sign == "+" else network.network_address)


def _label(words: Words) -> str:
    label = words.after("label")
    if len(label.encode()) > LONGEST_LABEL:
        raise WordError(f'"{label}" is too long for a label', f"use at most {LONGEST_LABEL} characters")
    return label


def _peer(words: Words, own: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int) -> tuple[str, int]:
    """The prefix is the peer's, if it has one."""
    text = words.after("peer")
    try:
        parsed = ipaddress.ip_interface(text)
    except ValueError:
        raise WordError(f'"{text}" after "peer" is no address', "write ADDR or ADDR/LEN") from None
    if parsed.version != own.version:
        raise WordError(f'{text} after "peer" is no IPv{own.version} address', "use one family in one entry")
    return str(parsed.ip), parsed.network.prefixlen if "/" in text else length
