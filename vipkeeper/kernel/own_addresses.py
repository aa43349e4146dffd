"""The address that this host speaks from on an interface: its primary IPv4 one, or its link-local IPv6 one.

Rules of this file: never a virtual address, ours or one that the caller names, because it is on another node
tomorrow.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection

from vipkeeper.kernel.addresses import OUR_PROTOCOL, RTM_NEWADDR
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.netlink_wire import attributes

_RTM_GETADDR = 22
_IFADDRMSG = struct.Struct("=BBBBi")  # family, prefix length, flags, scope, interface index
_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_FLAGS = 8
_IFA_PROTO = 11
_SECONDARY = 0x01
_DUPLICATE = 0x08
_TENTATIVE = 0x40
_LINK_SCOPE = 253
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


def speaking_address(
    netlink: NetlinkSocket, index: int, ip_version: int, *, virtual: Collection[bytes] = ()
) -> bytes | None:
    """4 or 16 bytes; None while the interface has no such address. `virtual` is what must not be taken.

    A global IPv4 address goes before one that is valid on the link alone (169.254.0.0/16). An IPv6 address
    counts when it is known to be unique. Raises KernelRefused or MissingPrivilege.
    """
    family = _FAMILY[ip_version]
    found: list[tuple[bool, bytes]] = []
    for kind, body in netlink.dump(_RTM_GETADDR, _IFADDRMSG.pack(family, 0, 0, 0, 0)):
        found_family, _, flags, scope, found_index = _IFADDRMSG.unpack_from(body)
        if kind != RTM_NEWADDR or (found_family, found_index) != (family, index):
            continue
        fields = dict(attributes(body, _IFADDRMSG.size))
        address = fields.get(_IFA_LOCAL, fields.get(_IFA_ADDRESS, b""))
        if _IFA_FLAGS in fields:
            (flags,) = struct.unpack("=I", fields[_IFA_FLAGS])
        is_ours = fields.get(_IFA_PROTO) == bytes([OUR_PROTOCOL])
        unfit = _SECONDARY if ip_version == 4 else _DUPLICATE | _TENTATIVE
        if is_ours or flags & unfit or address in virtual:
            continue
        if ip_version == 4 or scope == _LINK_SCOPE:
            found.append((scope == _LINK_SCOPE, address))
    return min(found, key=lambda one: one[0])[1] if found else None
