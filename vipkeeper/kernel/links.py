"""The interfaces of this network namespace, read with one RTM_GETLINK dump."""

from __future__ import annotations

import struct

from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.netlink_wire import attribute, attributes
from vipkeeper.model.host import Link

RTM_NEWLINK = 16
RTM_DELLINK = 17
_RTM_GETLINK = 18

_IFINFO = struct.Struct("=BxHiII")  # family, type, index, flags, change mask
_IFLA_ADDRESS = 1
_IFLA_IFNAME = 3
_IFLA_LINKINFO = 18
_IFLA_EXT_MASK = 29
_RTEXT_FILTER_SKIP_STATS = 8
_INFO_SLAVE_KIND = 4

_IFF_UP = 0x1
_IFF_LOOPBACK = 0x8
_IFF_RUNNING = 0x40  # RFC 2863 operational state: up with carrier, or a device that knows no carrier
_IFF_NOARP = 0x80

# These hand every frame to their upper device, where the host's own traffic passes the fence. On the port
# itself a fence would also stop frames that are only passing through a bridge.
_PORT_KINDS = frozenset({"bridge", "bond", "team", "openvswitch"})


def read_links(netlink: NetlinkSocket) -> dict[str, Link]:
    """Every interface, by name."""
    request = _IFINFO.pack(0, 0, 0, 0, 0) + attribute(
        _IFLA_EXT_MASK, struct.pack("=I", _RTEXT_FILTER_SKIP_STATS)
    )
    links = (_parse(body) for kind, body in netlink.dump(_RTM_GETLINK, request) if kind == RTM_NEWLINK)
    return {link.name: link for link in links}


def _parse(body: bytes) -> Link:
    _, _, index, flags, _ = _IFINFO.unpack_from(body)
    name = ""
    mac = b""
    upper_kind = ""
    for kind, payload in attributes(body, _IFINFO.size):
        if kind == _IFLA_IFNAME:
            name = payload.rstrip(b"\0").decode()
        elif kind == _IFLA_ADDRESS:
            mac = payload
        elif kind == _IFLA_LINKINFO:
            for inner, text in attributes(payload):
                if inner == _INFO_SLAVE_KIND:
                    upper_kind = text.rstrip(b"\0").decode()
    operational = _IFF_UP | _IFF_RUNNING
    return Link(
        name=name,
        index=index,
        mac=mac,
        up=flags & operational == operational,
        resolves=not flags & (_IFF_LOOPBACK | _IFF_NOARP),
        port=upper_kind in _PORT_KINDS,
    )
