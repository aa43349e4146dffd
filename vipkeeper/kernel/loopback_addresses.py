"""Virtual addresses on `lo`, where a real server has them to take the packets that a director passes on.

Rules of this file: it says what the kernel has and does what it is told. An address is ours when IFA_PROTO
says so; the number is not the agent's, which removes what it has and should not keep.
"""

from __future__ import annotations

import errno
import socket
import struct

from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.netlink_wire import NLM_F_CREATE, NLM_F_EXCL, Message, attribute, attributes
from vipkeeper.model.errors import KernelRefused

# The letter r; see addresses.py for what else there is.
REAL_SERVER_PROTOCOL = ord("r")
LOOPBACK = "lo"

_RTM_NEWADDR = 20
_RTM_DELADDR = 21
_RTM_GETADDR = 22
_IFADDRMSG = struct.Struct("=BBBBi")  # family, prefix length, flags, scope, interface index
_CACHEINFO = struct.Struct("=IIII")  # preferred, valid, created, updated
_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_CACHEINFO = 6
_IFA_FLAGS = 8
_IFA_PROTO = 11
_IFA_F_NODAD = 0x02
_IFA_F_NOPREFIXROUTE = 0x200
_FOREVER = 0xFFFFFFFF
_SCOPE_HOST = 254
_GONE = frozenset({errno.EADDRNOTAVAIL, errno.ENODEV})


def read_loopback(netlink: NetlinkSocket) -> dict[str, bool]:
    """Each address of `lo` as text, and whether it is ours. Raises KernelRefused or MissingPrivilege."""
    index = socket.if_nametoindex(LOOPBACK)
    found: dict[str, bool] = {}
    for kind, body in netlink.dump(_RTM_GETADDR, _IFADDRMSG.pack(0, 0, 0, 0, 0)):
        family, _, _, _, found_index = _IFADDRMSG.unpack_from(body)
        if kind != _RTM_NEWADDR or found_index != index:
            continue
        fields = dict(attributes(body, _IFADDRMSG.size))
        packed = fields.get(_IFA_LOCAL, fields.get(_IFA_ADDRESS))
        if packed is not None:
            ours = fields.get(_IFA_PROTO) == bytes([REAL_SERVER_PROTOCOL])
            found[socket.inet_ntop(family, packed)] = ours
    return found


def add_to_loopback(netlink: NetlinkSocket, address: str) -> None:
    """Alone, as /32 or /128. The host's own connections do not start from it.

    Raises KernelRefused (EEXIST: it is there) or MissingPrivilege.
    """
    flags = _IFA_F_NODAD | _IFA_F_NOPREFIXROUTE
    body = _address(address) + attribute(_IFA_FLAGS, struct.pack("=I", flags))
    body += attribute(_IFA_PROTO, bytes([REAL_SERVER_PROTOCOL]))
    if ":" in address:
        # Scope host, which keeps an IPv4 address from being chosen, is not IPv6's to give; not preferred is.
        body += attribute(_IFA_CACHEINFO, _CACHEINFO.pack(0, _FOREVER, 0, 0))
    netlink.request(Message(_RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body), f"{address} on {LOOPBACK}")


def remove_from_loopback(netlink: NetlinkSocket, address: str) -> None:
    """One that is gone already is no refusal. Raises KernelRefused or MissingPrivilege."""
    try:
        netlink.request(Message(_RTM_DELADDR, 0, _address(address)), f"removal of {address} from {LOOPBACK}")
    except KernelRefused as refused:
        if refused.errno not in _GONE:
            raise


def _address(text: str) -> bytes:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    packed = socket.inet_pton(family, text)
    return (
        _IFADDRMSG.pack(family, len(packed) * 8, 0, _SCOPE_HOST, socket.if_nametoindex(LOOPBACK))
        + attribute(_IFA_LOCAL, packed)
        + attribute(_IFA_ADDRESS, packed)
    )
