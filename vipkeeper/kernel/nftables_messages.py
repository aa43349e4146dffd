"""nf_tables messages of the netdev family: as much of linux/netfilter/nf_tables.h as the fence needs.

The expressions that rules are made of serve `input_rules.py` as well.

Rules of this file: pure; nftables writes its numbers in network byte order. Everything lives in one table,
TABLE, so that `nft list table netdev vipkeeper` shows the whole fence.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from vipkeeper.kernel.netlink_wire import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    Message,
    attribute,
    attributes,
    nested,
    text_attribute,
)

TABLE = "vipkeeper"
# OWNER: nobody else can change it, not even with `nft flush ruleset`. PERSIST: it outlives its owner, and the
# next process takes it over (Linux 6.9). OWNER alone would take the fence away with a killed agent.
OWNED_AND_PERSISTENT = 0x2 | 0x4

INGRESS_HOOK = 0
EGRESS_HOOK = 1
_HOOK_NAME = {INGRESS_HOOK: "in", EGRESS_HOOK: "out"}
# Before other netdev chains, which may hand a frame on without us.
_PRIORITY = -500

_SUBSYSTEM = 10
_NFPROTO_NETDEV = 5
_NFGENMSG = struct.Struct("!BBH")  # family, version, resource
_U32 = struct.Struct("!I")
_I32 = struct.Struct("!i")
_U64 = struct.Struct("!Q")

_NEWTABLE, _DELTABLE = 0, 2
_NEWCHAIN, _GETCHAIN, _DELCHAIN = 3, 4, 5
_NEWRULE = 6
_NEWSET = 9
_NEWELEM, _GETELEM, _DELELEM = 12, 13, 14

_SET_HAS_TIMEOUTS = 0x10
ACCEPT = 1
DROP = 0
_VERDICT_REGISTER = 0
_REGISTER = 1
_META_PROTOCOL = 1
NETWORK_HEADER, TRANSPORT_HEADER = 1, 2
EQUAL, UNEQUAL, AT_MOST, AT_LEAST = 0, 1, 3, 5
_INVERTED = 1


class AddressSet(NamedTuple):
    """A set of keys. `type_number` is what `nft` prints keys as."""

    name: str
    type_number: int
    key_bytes: int
    timeouts: bool


class Chain(NamedTuple):
    """One of our chains, as read from the kernel."""

    name: str
    hook: int
    device: str
    rules: int


def begin() -> Message:
    """Opens a transaction."""
    return Message(0x10, NLM_F_REQUEST, _NFGENMSG.pack(0, 0, _SUBSYSTEM))


def end() -> Message:
    """Commits a transaction."""
    return Message(0x11, NLM_F_REQUEST, _NFGENMSG.pack(0, 0, _SUBSYSTEM))


def new_table(flags: int) -> Message:
    """Our table; one that is there with the same flags, or was left by its owner, is taken."""
    return _message(
        _NEWTABLE, NLM_F_CREATE, text_attribute(1, TABLE), attribute(2, _U32.pack(flags)) if flags else b""
    )


def delete_table() -> Message:
    return _message(_DELTABLE, 0, text_attribute(1, TABLE))


def new_set(wanted: AddressSet, number: int) -> Message:
    """`number` tells the sets of one transaction apart."""
    return _message(
        _NEWSET,
        NLM_F_CREATE,
        text_attribute(1, TABLE),
        text_attribute(2, wanted.name),
        attribute(3, _U32.pack(_SET_HAS_TIMEOUTS if wanted.timeouts else 0)),
        attribute(4, _U32.pack(wanted.type_number)),
        attribute(5, _U32.pack(wanted.key_bytes)),
        attribute(10, _U32.pack(number)),
    )


def chain_name(hook: int, index: int) -> str:
    """By the interface's index: no two interfaces have one, whatever they are renamed to."""
    return f"{_HOOK_NAME[hook]}-{index}"


def new_chain(name: str, hook: int, device: str) -> Message:
    """A chain that sees every frame of one interface in one direction."""
    place = nested(
        4, attribute(1, _U32.pack(hook)), attribute(2, _I32.pack(_PRIORITY)), text_attribute(3, device)
    )
    return _message(
        _NEWCHAIN,
        NLM_F_CREATE | NLM_F_EXCL,
        text_attribute(1, TABLE),
        text_attribute(3, name),
        place,
        attribute(5, _U32.pack(ACCEPT)),
        text_attribute(7, "filter"),
    )


def delete_chain(name: str) -> Message:
    """The chain and its rules."""
    return _message(_DELCHAIN, 0, text_attribute(1, TABLE), text_attribute(3, name))


def list_chains() -> tuple[int, bytes]:
    """What to dump for `parse_chain`."""
    return _SUBSYSTEM << 8 | _GETCHAIN, _NFGENMSG.pack(_NFPROTO_NETDEV, 0, 0)


def parse_chain(body: bytes) -> Chain | None:
    """None for a chain of another table."""
    fields = dict(attributes(body, _NFGENMSG.size))
    if _text(fields.get(1)) != TABLE:
        return None
    place = dict(attributes(fields.get(4, b"")))
    return Chain(
        name=_text(fields.get(3)),
        hook=_U32.unpack(place.get(1, b"\xff" * 4))[0],
        device=_text(place.get(3)),
        rules=_U32.unpack(fields.get(6, bytes(4)))[0],
    )


class Test(NamedTuple):
    """The bytes at `offset` of the network header are `value`."""

    offset: int
    value: bytes


class Frames(NamedTuple):
    """Frames of one protocol that pass the tests; `offset` of the network header has their address."""

    protocol: int
    offset: int
    tests: tuple[Test, ...] = ()


def drop_rule(chain: str, frames: Frames, fenced: AddressSet, open_now: AddressSet) -> Message:
    """Drop frames whose address is in `fenced` and not in `open_now`."""
    expressions = [
        meta(_META_PROTOCOL),
        compare(struct.pack("!H", frames.protocol)),
    ]
    for test in frames.tests:
        expressions += [load(test.offset, len(test.value)), compare(test.value)]
    expressions += [
        load(frames.offset, fenced.key_bytes),
        look_up(fenced, inverted=False),
        look_up(open_now, inverted=True),
        verdict(DROP),
    ]
    return _message(
        _NEWRULE,
        NLM_F_CREATE | NLM_F_APPEND,
        text_attribute(1, TABLE),
        text_attribute(2, chain),
        nested(4, *expressions),
    )


def element(key: bytes, timeout_ms: int | None = None) -> bytes:
    """One element, for `add_elements` or `delete_elements`; it goes by itself after `timeout_ms`."""
    timeout = b"" if timeout_ms is None else attribute(4, _U64.pack(timeout_ms))
    return nested(1, nested(1, attribute(1, key)), timeout)


def add_elements(into: AddressSet, elements: Iterable[bytes], *, exclusive: bool) -> Message:
    """`exclusive`: an element that is there is a refusal; otherwise it stays as it is."""
    return _elements(_NEWELEM, NLM_F_CREATE | (NLM_F_EXCL if exclusive else 0), into, elements)


def delete_elements(out_of: AddressSet, elements: Iterable[bytes]) -> Message:
    """An element that is not there, or has timed out, is a refusal."""
    return _elements(_DELELEM, 0, out_of, elements)


def list_elements(of: AddressSet) -> tuple[int, bytes]:
    """What to dump for `parse_elements`."""
    request = text_attribute(1, TABLE) + text_attribute(2, of.name)
    return _SUBSYSTEM << 8 | _GETELEM, _NFGENMSG.pack(_NFPROTO_NETDEV, 0, 0) + request


def parse_elements(body: bytes) -> Iterable[tuple[bytes, int]]:
    """(key, milliseconds left) of each element; 0 where it has no timeout."""
    for kind, payload in attributes(body, _NFGENMSG.size):
        if kind != 3:
            continue
        for _, one in attributes(payload):
            fields = dict(attributes(one))
            key = dict(attributes(fields.get(1, b""))).get(1, b"")
            yield key, _U64.unpack(fields.get(5, bytes(8)))[0]


def _message(kind: int, flags: int, *parts: bytes) -> Message:
    return Message(_SUBSYSTEM << 8 | kind, flags, _NFGENMSG.pack(_NFPROTO_NETDEV, 0, 0) + b"".join(parts))


def _elements(kind: int, flags: int, of: AddressSet, elements: Iterable[bytes]) -> Message:
    return _message(kind, flags, text_attribute(1, TABLE), text_attribute(2, of.name), nested(3, *elements))


def expression(name: str, *parts: bytes) -> bytes:
    """One step of a rule."""
    return nested(1, text_attribute(1, name), nested(2, *parts))


def meta(key: int) -> bytes:
    """Load what the kernel knows of the packet besides its bytes."""
    return expression("meta", attribute(1, _U32.pack(_REGISTER)), attribute(2, _U32.pack(key)))


def load(offset: int, length: int, header: int = NETWORK_HEADER) -> bytes:
    """Load bytes of the packet."""
    numbers = (_REGISTER, header, offset, length)
    return expression("payload", *(attribute(kind, _U32.pack(n)) for kind, n in enumerate(numbers, 1)))


def compare(value: bytes, operation: int = EQUAL) -> bytes:
    """Go on only if what was loaded compares so."""
    return expression(
        "cmp",
        attribute(1, _U32.pack(_REGISTER)),
        attribute(2, _U32.pack(operation)),
        nested(3, attribute(1, value)),
    )


def look_up(within: AddressSet, *, inverted: bool) -> bytes:
    """Go on only if what was loaded is in a set, or is not."""
    return expression(
        "lookup",
        text_attribute(1, within.name),
        attribute(2, _U32.pack(_REGISTER)),
        attribute(5, _U32.pack(_INVERTED if inverted else 0)),
    )


def verdict(what: int) -> bytes:
    """The end of a rule."""
    return expression(
        "immediate",
        attribute(1, _U32.pack(_VERDICT_REGISTER)),
        nested(2, nested(2, attribute(1, _U32.pack(what)))),
    )


def _text(payload: bytes | None) -> str:
    return (payload or b"").rstrip(b"\0").decode(errors="replace")
