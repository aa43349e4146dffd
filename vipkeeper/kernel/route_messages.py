"""Routes in rtnetlink: read, added and removed (linux/rtnetlink.h).

Rules of this file: bytes to values and back, nothing else. A route is ours when its protocol number says so,
and each message names that number, so that the kernel itself leaves everybody else's alone.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable, Mapping

from vipkeeper.kernel.netlink_wire import attribute, attributes, nested
from vipkeeper.model.routing import NextHop, Route

RTM_NEWROUTE = 24
RTM_DELROUTE = 25
RTM_GETROUTE = 26

# The letter v, as for addresses. iproute2 gives that number no name, nor does any routing daemon.
OUR_ROUTES = ord("v")

_RTMSG = struct.Struct("=BBBBBBBBI")  # family, dst, src lengths, tos, table, protocol, scope, type, flags
_NEXT_HOP = struct.Struct("=HBBi")  # length, flags, hops, interface index
_VIA = struct.Struct("=H")  # family, then the address
_NUMBER = struct.Struct("=I")

_RTA_DST = 1
_RTA_SRC = 2
_RTA_OIF = 4
_RTA_GATEWAY = 5
_RTA_PRIORITY = 6
_RTA_PREFSRC = 7
_RTA_METRICS = 8
_RTA_MULTIPATH = 9
_RTA_TABLE = 15
_RTA_VIA = 18
_RTA_PREF = 20
_RTM_F_CLONED = 0x200
_RTNH_F_ONLINK = 4
_RTAX_LOCK = 1
_HIGHEST_OLD_TABLE = 255

_KINDS = {
    "unicast": 1,
    "local": 2,
    "broadcast": 3,
    "multicast": 5,
    "blackhole": 6,
    "unreachable": 7,
    "prohibit": 8,
    "throw": 9,
}
_KIND_NAMES = {number: name for name, number in _KINDS.items()}
_LIMITS = {
    "lock": _RTAX_LOCK,
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
_LIMIT_NAMES = {number: name for name, number in _LIMITS.items()}
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_VERSION = {int(family): version for version, family in _FAMILY.items()}
_UNIVERSE, _LINK, _HOST = 0, 253, 254


def request_for_ours(version: int) -> bytes:
    """The body of a request for all routes of ours of one family; the kernel leaves out the rest."""
    return _RTMSG.pack(_FAMILY[version], 0, 0, 0, 0, OUR_ROUTES, 0, 0, 0)


def is_ours(body: bytes) -> bool:
    """Whether a message about a route is about one of ours."""
    return len(body) >= _RTMSG.size and _RTMSG.unpack_from(body)[5] == OUR_ROUTES


def route_body(route: Route, index_of: Callable[[str], int]) -> bytes:
    """The body of a message that adds or removes it. `index_of` raises KeyError for no such interface."""
    family = _FAMILY[route.version]
    length = int(route.destination.rpartition("/")[2])
    from_length = int(route.from_.rpartition("/")[2]) if route.from_ else 0
    table = route.table if route.table <= _HIGHEST_OLD_TABLE else 0
    single = route.hops[0] if len(route.hops) == 1 else None
    flags = _RTNH_F_ONLINK if single is not None and single.onlink else 0
    scope = _scope(route)
    kind = _KINDS[route.kind]
    body = _RTMSG.pack(family, length, from_length, route.tos, table, OUR_ROUTES, scope, kind, flags)
    body += attribute(_RTA_TABLE, _NUMBER.pack(route.table))
    if length:
        body += attribute(_RTA_DST, _packed(route.destination))
    if from_length:
        body += attribute(_RTA_SRC, _packed(route.from_))
    if route.metric:
        body += attribute(_RTA_PRIORITY, _NUMBER.pack(route.metric))
    if route.source:
        body += attribute(_RTA_PREFSRC, _packed(route.source))
    if route.limits:
        body += nested(_RTA_METRICS, *(attribute(_LIMITS[key], _NUMBER.pack(n)) for key, n in route.limits))
    if route.preference is not None:
        body += attribute(_RTA_PREF, bytes([route.preference]))
    if single is not None:
        body += _way(single, route.version)
        if single.interface:
            body += attribute(_RTA_OIF, _NUMBER.pack(index_of(single.interface)))
    elif route.hops:
        body += attribute(
            _RTA_MULTIPATH, b"".join(_next_hop(hop, route.version, index_of) for hop in route.hops)
        )
    return body


def _scope(route: Route) -> int:
    """What `ip route` takes where nothing is said."""
    if route.version == 6:
        return _UNIVERSE
    if route.scope is not None:
        return route.scope
    if route.kind == "local":
        return _HOST
    if route.kind in {"broadcast", "multicast"}:
        return _LINK
    is_direct = route.kind == "unicast" and not any(hop.via for hop in route.hops)
    return _LINK if is_direct else _UNIVERSE


def _way(hop: NextHop, version: int) -> bytes:
    if not hop.via:
        return b""
    packed = _packed(hop.via)
    if version == 4 and len(packed) == 16:
        return attribute(_RTA_VIA, _VIA.pack(socket.AF_INET6) + packed)
    return attribute(_RTA_GATEWAY, packed)


def _next_hop(hop: NextHop, version: int, index_of: Callable[[str], int]) -> bytes:
    way = _way(hop, version)
    index = index_of(hop.interface) if hop.interface else 0
    flags = _RTNH_F_ONLINK if hop.onlink else 0
    return _NEXT_HOP.pack(_NEXT_HOP.size + len(way), flags, hop.weight - 1, index) + way


def _packed(text: str) -> bytes:
    return ipaddress.ip_address(text.partition("/")[0]).packed


def read_route_message(body: bytes, name_of: Callable[[int], str]) -> Route | None:
    """What a message says; None for what is no route of ours, or of no kind that we add."""
    family, length, from_length, tos, table, protocol, scope, kind, flags = _RTMSG.unpack_from(body)
    version = _VERSION.get(family, 0)
    if protocol != OUR_ROUTES or flags & _RTM_F_CLONED or kind not in _KIND_NAMES or not version:
        return None
    fields = dict(attributes(body, _RTMSG.size))
    nowhere = bytes(4 if version == 4 else 16)
    limits = (
        (_LIMIT_NAMES[number], _NUMBER.unpack(value)[0])
        for number, value in attributes(fields.get(_RTA_METRICS, b""))
        if number in _LIMIT_NAMES
    )
    source = fields.get(_RTA_PREFSRC)
    preference = fields.get(_RTA_PREF)
    from_ = fields.get(_RTA_SRC, nowhere)
    return Route(
        destination=f"{socket.inet_ntop(family, fields.get(_RTA_DST, nowhere))}/{length}",
        version=version,
        kind=_KIND_NAMES[kind],
        table=_NUMBER.unpack(fields[_RTA_TABLE])[0] if _RTA_TABLE in fields else table,
        metric=(_NUMBER.unpack(fields[_RTA_PRIORITY])[0] if _RTA_PRIORITY in fields else 0) or None,
        tos=tos,
        scope=scope,
        source="" if source is None else socket.inet_ntop(family, source),
        from_=f"{socket.inet_ntop(family, from_)}/{from_length}" if from_length else "",
        hops=_read_hops(fields, family, flags, name_of),
        limits=tuple(sorted(limits)),
        preference=preference[0] if preference else None,
    )


def _read_hops(
    fields: Mapping[int, bytes], family: int, flags: int, name_of: Callable[[int], str]
) -> tuple[NextHop, ...]:
    if _RTA_MULTIPATH in fields:
        return tuple(_read_several(fields[_RTA_MULTIPATH], family, name_of))
    via = _read_way(fields, family)
    index = _NUMBER.unpack(fields[_RTA_OIF])[0] if _RTA_OIF in fields else 0
    name = name_of(index) if index else ""
    hop = NextHop(via, name, 1, bool(flags & _RTNH_F_ONLINK))
    return () if hop == NextHop() else (hop,)


def _read_several(data: bytes, family: int, name_of: Callable[[int], str]) -> list[NextHop]:
    found = []
    offset = 0
    while offset + _NEXT_HOP.size <= len(data):
        length, flags, hops, index = _NEXT_HOP.unpack_from(data, offset)
        if length < _NEXT_HOP.size:
            break
        fields = dict(attributes(data[offset : offset + length], _NEXT_HOP.size))
        onlink = bool(flags & _RTNH_F_ONLINK)
        found.append(NextHop(_read_way(fields, family), name_of(index), hops + 1, onlink))
        offset += (length + 3) & ~3
    return found


def _read_way(fields: Mapping[int, bytes], family: int) -> str:
    if _RTA_VIA in fields:
        (other,) = _VIA.unpack_from(fields[_RTA_VIA])
        return socket.inet_ntop(other, fields[_RTA_VIA][_VIA.size :])
    gateway = fields.get(_RTA_GATEWAY)
    return "" if gateway is None else socket.inet_ntop(family, gateway)
