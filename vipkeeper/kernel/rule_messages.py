"""Routing rules in rtnetlink: read, added and removed (linux/fib_rules.h).

Rules of this file: as in `route_messages.py`.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Mapping

from vipkeeper.kernel.netlink_wire import attribute, attributes, text_attribute
from vipkeeper.kernel.route_messages import OUR_ROUTES
from vipkeeper.model.routing import Rule

RTM_NEWRULE = 32
RTM_DELRULE = 33
RTM_GETRULE = 34

_HEADER = struct.Struct("=BBBBBBBBI")  # family, dst, src lengths, tos, table, 2 unused, action, flags
_NUMBER = struct.Struct("=I")
_SIGNED = struct.Struct("=i")
_PAIR = struct.Struct("=II")
_PORTS = struct.Struct("=HH")
_TUNNEL = struct.Struct(">Q")

_FRA_DST = 1
_FRA_SRC = 2
_FRA_IIFNAME = 3
_FRA_GOTO = 4
_FRA_PRIORITY = 6
_FRA_FWMARK = 10
_FRA_FLOW = 11
_FRA_TUN_ID = 12
_FRA_SUPPRESS_IFGROUP = 13
_FRA_SUPPRESS_PREFIXLEN = 14
_FRA_TABLE = 15
_FRA_FWMASK = 16
_FRA_OIFNAME = 17
_FRA_L3MDEV = 19
_FRA_UID_RANGE = 20
_FRA_PROTOCOL = 21
_FRA_IP_PROTO = 22
_FRA_SPORT_RANGE = 23
_FRA_DPORT_RANGE = 24
_INVERT = 0x2
_HIGHEST_OLD_TABLE = 255
_FULL_MASK = 0xFFFFFFFF

_ACTIONS = {"lookup": 1, "goto": 2, "nop": 3, "blackhole": 6, "unreachable": 7, "prohibit": 8}
_ACTION_NAMES = {number: name for name, number in _ACTIONS.items()}
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_VERSION = {int(family): version for version, family in _FAMILY.items()}


def request_for_rules(version: int) -> bytes:
    """The body of a request for all rules of one family, whoever added them."""
    return _HEADER.pack(_FAMILY[version], 0, 0, 0, 0, 0, 0, 0, 0)


def is_our_rule(body: bytes) -> bool:
    """Whether a message about a rule is about one of ours."""
    return any(
        kind == _FRA_PROTOCOL and value == bytes([OUR_ROUTES])
        for kind, value in attributes(body, _HEADER.size)
    )


def rule_body(rule: Rule) -> bytes:
    """The body of a message that adds or removes it."""
    to_length = int(rule.to.rpartition("/")[2]) if rule.to else 0
    from_length = int(rule.from_.rpartition("/")[2]) if rule.from_ else 0
    table = rule.table if rule.table <= _HIGHEST_OLD_TABLE else 0
    flags = _INVERT if rule.inverted else 0
    body = _HEADER.pack(
        _FAMILY[rule.version], to_length, from_length, rule.tos, table, 0, 0, _ACTIONS[rule.action], flags
    )
    body += attribute(_FRA_PROTOCOL, bytes([OUR_ROUTES]))
    numbers = {
        _FRA_TABLE: rule.table or None,
        _FRA_GOTO: rule.goto if rule.action == "goto" else None,
        _FRA_PRIORITY: rule.priority,
        _FRA_FWMARK: rule.fwmark if rule.fwmark or rule.fwmask is not None else None,
        _FRA_FWMASK: rule.fwmask,
        _FRA_FLOW: rule.realm or None,
        _FRA_SUPPRESS_PREFIXLEN: rule.suppress_length,
        _FRA_SUPPRESS_IFGROUP: rule.suppress_group,
    }
    body += b"".join(attribute(key, _NUMBER.pack(n)) for key, n in numbers.items() if n is not None)
    prefixes = ((_FRA_DST, rule.to), (_FRA_SRC, rule.from_))
    body += b"".join(attribute(key, _packed(text)) for key, text in prefixes if text)
    names = ((_FRA_IIFNAME, rule.iif), (_FRA_OIFNAME, rule.oif))
    body += b"".join(text_attribute(key, name) for key, name in names if name)
    ports = ((_FRA_SPORT_RANGE, rule.source_ports), (_FRA_DPORT_RANGE, rule.target_ports))
    body += b"".join(attribute(key, _PORTS.pack(*pair)) for key, pair in ports if pair is not None)
    if rule.l3mdev:
        body += attribute(_FRA_L3MDEV, b"\1")
    if rule.uids is not None:
        body += attribute(_FRA_UID_RANGE, _PAIR.pack(*rule.uids))
    if rule.ip_protocol:
        body += attribute(_FRA_IP_PROTO, bytes([rule.ip_protocol]))
    if rule.tunnel:
        body += attribute(_FRA_TUN_ID, _TUNNEL.pack(rule.tunnel))
    return body


def _packed(text: str) -> bytes:
    return ipaddress.ip_address(text.partition("/")[0]).packed


def read_rule_message(body: bytes) -> Rule | None:
    """What a message says; None for what is no rule of ours."""
    family, to_length, from_length, tos, table, _, _, action, flags = _HEADER.unpack_from(body)
    version = _VERSION.get(family, 0)
    if not is_our_rule(body) or action not in _ACTION_NAMES or not version:
        return None
    fields = dict(attributes(body, _HEADER.size))
    uids = fields.get(_FRA_UID_RANGE)
    tunnel = fields.get(_FRA_TUN_ID)
    mark, mask = _number(fields, _FRA_FWMARK), _number(fields, _FRA_FWMASK)
    lookup = _ACTION_NAMES[action] == "lookup"
    return Rule(
        version=version,
        action=_ACTION_NAMES[action],
        table=(_number(fields, _FRA_TABLE) or table) if lookup else 0,
        goto=_number(fields, _FRA_GOTO),
        priority=_number(fields, _FRA_PRIORITY),
        inverted=bool(flags & _INVERT),
        from_=_prefix(fields, _FRA_SRC, family, from_length),
        to=_prefix(fields, _FRA_DST, family, to_length),
        tos=tos,
        fwmark=mark,
        fwmask=None if mask == _FULL_MASK or _FRA_FWMASK not in fields else mask,
        iif=_text(fields, _FRA_IIFNAME),
        oif=_text(fields, _FRA_OIFNAME),
        l3mdev=bool(fields.get(_FRA_L3MDEV, b"\0")[0]),
        uids=None if uids is None else _PAIR.unpack(uids),
        ip_protocol=fields.get(_FRA_IP_PROTO, b"\0")[0],
        source_ports=_ports(fields, _FRA_SPORT_RANGE),
        target_ports=_ports(fields, _FRA_DPORT_RANGE),
        tunnel=0 if tunnel is None else _TUNNEL.unpack(tunnel)[0],
        realm=_number(fields, _FRA_FLOW),
        suppress_length=_suppressed(fields, _FRA_SUPPRESS_PREFIXLEN),
        suppress_group=_suppressed(fields, _FRA_SUPPRESS_IFGROUP),
    )


def _number(fields: Mapping[int, bytes], key: int) -> int:
    return int(_NUMBER.unpack(fields[key])[0]) if key in fields else 0


def _suppressed(fields: Mapping[int, bytes], key: int) -> int | None:
    """The kernel says -1 for what is not suppressed."""
    value = int(_SIGNED.unpack(fields[key])[0]) if key in fields else -1
    return None if value < 0 else value


def _text(fields: Mapping[int, bytes], key: int) -> str:
    return fields.get(key, b"").rstrip(b"\0").decode()


def _ports(fields: Mapping[int, bytes], key: int) -> tuple[int, int] | None:
    return _PORTS.unpack(fields[key]) if key in fields else None


def _prefix(fields: Mapping[int, bytes], key: int, family: int, length: int) -> str:
    return f"{socket.inet_ntop(family, fields[key])}/{length}" if key in fields else ""
