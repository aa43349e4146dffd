"""Addresses that a host has while its agent runs, whoever owns a VIP: no lease ends them.

Rules of this file: they have a mark of their own in IFA_PROTO. That of virtual addresses means that without a
lease there is no address.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from vipkeeper.kernel.addresses import RTM_NEWADDR, address_body, read_options
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.netlink_wire import attribute, attributes
from vipkeeper.model.routing import StaticAddress
from vipkeeper.model.vips import VipAddress

OUR_STATIC = ord("s")

RTM_GETADDR = 22
_IFADDRMSG = struct.Struct("=BBBBi")  # family, prefix length, flags, scope, interface index
_CACHEINFO = struct.Struct("=IIII")  # preferred, valid, created, updated
_NUMBER = struct.Struct("=I")
_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_CACHEINFO = 6
_IFA_FLAGS = 8
_IFA_PROTO = 11
_FOREVER = 0xFFFFFFFF
# nodad, home, mngtmpaddr, noprefixroute, autojoin: what somebody asks for; the rest the kernel finds.
_ASKED_FOR = 0x02 | 0x10 | 0x100 | 0x200 | 0x400


def read_static_addresses(netlink: NetlinkSocket, name_of: Callable[[int], str]) -> list[StaticAddress]:
    """Ours, by a fresh reading."""
    found = []
    for kind, body in netlink.dump(RTM_GETADDR, _IFADDRMSG.pack(0, 0, 0, 0, 0)):
        fields = dict(attributes(body, _IFADDRMSG.size))
        if kind != RTM_NEWADDR or not is_our_static(body):
            continue
        family, length, _, scope, index = _IFADDRMSG.unpack_from(body)
        interface = name_of(index)
        packed = fields.get(_IFA_LOCAL, fields.get(_IFA_ADDRESS, b""))
        found.append(
            StaticAddress(
                VipAddress(socket.inet_ntop(family, packed), length, interface),
                read_options(fields, family, scope, interface),
                _NUMBER.unpack(fields.get(_IFA_FLAGS, bytes(4)))[0] & _ASKED_FOR,
            )
        )
    return found


def is_our_static(body: bytes) -> bool:
    """Whether a message about an address is about one of these."""
    return dict(attributes(body, _IFADDRMSG.size)).get(_IFA_PROTO) == bytes([OUR_STATIC])


def static_body(address: StaticAddress, index: int) -> bytes:
    """The body of a message that adds or removes it."""
    preferred_s = _FOREVER if address.preferred_s is None else address.preferred_s
    return (
        address_body(address.vip, index, address.options)
        + attribute(_IFA_FLAGS, _NUMBER.pack(address.flags))
        + attribute(_IFA_CACHEINFO, _CACHEINFO.pack(preferred_s, _FOREVER, 0, 0))
        + attribute(_IFA_PROTO, bytes([OUR_STATIC]))
    )
