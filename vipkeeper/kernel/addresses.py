"""Virtual addresses in the kernel: read, added, refreshed and removed in packed batches.

Rules of this file: an address is ours when the kernel's IFA_PROTO says so, and no other is ever touched.
Adding asks for EXCL, so that an address somebody else put there is never taken over.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple

from vipkeeper.changes.change_kinds import AddAddresses, RefreshAddresses, RemoveAddresses
from vipkeeper.kernel.netlink_socket import CAP_NET_ADMIN, Answer, NetlinkSocket
from vipkeeper.kernel.netlink_wire import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Message,
    attribute,
    attributes,
    text_attribute,
)
from vipkeeper.kernel.refusals import explain, kernel_error
from vipkeeper.model.address_options import PLAIN, AddressOptions
from vipkeeper.model.host import ENDLESS, Lifetime, Link
from vipkeeper.model.vips import VipAddress

# IFA_PROTO (Linux 5.18) says who added an address. The kernel uses 1 to 3; the rest is free. Ours is the
# letter v. It is none of the numbers that iproute2 names for routes, which some tools reuse for addresses
# (keepalived: 18).
OUR_PROTOCOL = ord("v")

RTM_NEWADDR = 20
RTM_DELADDR = 21
_RTM_GETADDR = 22

_IFADDRMSG = struct.Struct("=BBBBi")  # family, prefix length, flags, scope, interface index
_CACHEINFO = struct.Struct("=IIII")  # preferred, valid, created, updated
_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_LABEL = 3
_IFA_BROADCAST = 4
_IFA_CACHEINFO = 6
_IFA_FLAGS = 8
_IFA_PROTO = 11
_IFA_F_NODAD = 0x02
_IFA_F_NOPREFIXROUTE = 0x200
_FOREVER = 0xFFFFFFFF

_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_GONE = frozenset({errno.EADDRNOTAVAIL, errno.ENODEV})


class FoundAddresses(NamedTuple):
    """What is in the kernel: ours with their lifetimes and, where they are not plain, options; and others."""

    ours: dict[VipAddress, Lifetime]
    options: dict[VipAddress, AddressOptions]
    foreign: frozenset[VipAddress]


def read_addresses(netlink: NetlinkSocket, names: Mapping[int, str], now_s: float) -> FoundAddresses:
    """A fresh reading. `names`: interface name by index.

    An address on an interface that `names` does not have is left out.
    """
    ours: dict[VipAddress, Lifetime] = {}
    options: dict[VipAddress, AddressOptions] = {}
    foreign: set[VipAddress] = set()
    for kind, body in netlink.dump(_RTM_GETADDR, _IFADDRMSG.pack(0, 0, 0, 0, 0)):
        if kind != RTM_NEWADDR:
            continue
        family, prefix_length, _, scope, index = _IFADDRMSG.unpack_from(body)
        fields = dict(attributes(body, _IFADDRMSG.size))
        # On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL, where given, is always ours.
        packed = fields.get(_IFA_LOCAL, fields.get(_IFA_ADDRESS))
        name = names.get(index)
        if packed is None or name is None:
            continue
        vip = VipAddress(socket.inet_ntop(family, packed), prefix_length, name)
        if fields.get(_IFA_PROTO) == bytes([OUR_PROTOCOL]):
            ours[vip] = _lifetime(fields.get(_IFA_CACHEINFO), now_s)
            look = read_options(fields, family, scope, name)
            if look != PLAIN:
                options[vip] = look
        else:
            foreign.add(vip)
    return FoundAddresses(ours, options, frozenset(foreign))


def read_options(fields: Mapping[int, bytes], family: int, scope: int, interface: str) -> AddressOptions:
    """How an address of the kernel looks. An IPv6 scope is the kernel's own finding."""
    local, other = fields.get(_IFA_LOCAL), fields.get(_IFA_ADDRESS)
    peer = socket.inet_ntop(family, other) if local and other and local != other else ""
    if family != socket.AF_INET:
        return AddressOptions(peer=peer) if peer else PLAIN
    label = fields.get(_IFA_LABEL, b"").rstrip(b"\0").decode(errors="replace")
    broadcast = fields.get(_IFA_BROADCAST)
    return AddressOptions(
        broadcast="" if broadcast is None else socket.inet_ntop(family, broadcast),
        label="" if label == interface else label,
        scope=scope,
        peer=peer,
    )


def _lifetime(cache_info: bytes | None, now_s: float) -> Lifetime:
    if cache_info is None:
        return ENDLESS
    _, valid_s, _, _ = _CACHEINFO.unpack_from(cache_info)
    # The kernel reports whole seconds, rounded up.
    return ENDLESS if valid_s == _FOREVER else Lifetime(now_s + valid_s - 1, now_s + valid_s)


def add_addresses(
    netlink: NetlinkSocket, links: Mapping[str, Link], wanted: AddAddresses, now_s: float
) -> dict[VipAddress, str]:
    """Add addresses; those refused, with the kernel's reason. Raises MissingPrivilege."""
    return _put(netlink, links, wanted, now_s, NLM_F_CREATE | NLM_F_EXCL)


def refresh_addresses(
    netlink: NetlinkSocket, links: Mapping[str, Link], wanted: RefreshAddresses, now_s: float
) -> dict[VipAddress, str]:
    """Give addresses new lifetimes; those refused, with the kernel's reason. Raises MissingPrivilege.

    An address that has just been removed by somebody is added by this: Linux takes REPLACE without CREATE
    for a creation.
    """
    return _put(netlink, links, wanted, now_s, NLM_F_REPLACE)


def _put(
    netlink: NetlinkSocket,
    links: Mapping[str, Link],
    wanted: AddAddresses | RefreshAddresses,
    now_s: float,
    flags: int,
) -> dict[VipAddress, str]:
    refused: dict[VipAddress, str] = {}
    sent: list[VipAddress] = []
    batch: list[Message] = []
    for vip, span in wanted.lifetimes.items():
        link = links.get(vip.interface)
        valid_s = span.whole_seconds(now_s)
        if link is None:
            refused[vip] = f"interface {vip.interface} does not exist"
        elif valid_s < 1:
            refused[vip] = "its lease ended before it could be added"
        else:
            sent.append(vip)
            body = address_body(vip, link.index, wanted.options.get(vip, PLAIN)) + _terms(vip, valid_s)
            batch.append(Message(RTM_NEWADDR, flags, body))
    for position, answer in netlink.batch(batch).items():
        vip = sent[position]
        refused[vip] = _reason(vip, answer)
    return refused


def remove_addresses(
    netlink: NetlinkSocket, links: Mapping[str, Link], unwanted: RemoveAddresses
) -> dict[VipAddress, str]:
    """Remove addresses; those refused, with the kernel's reason. One that is gone already is not refused."""
    present = [vip for vip in unwanted.addresses if vip.interface in links]
    batch = [
        Message(
            RTM_DELADDR, 0, address_body(vip, links[vip.interface].index, unwanted.options.get(vip, PLAIN))
        )
        for vip in present
    ]
    return {
        present[position]: _reason(present[position], answer)
        for position, answer in netlink.batch(batch).items()
        if answer.number not in _GONE
    }


def address_body(vip: VipAddress, index: int, options: AddressOptions) -> bytes:
    """The part of a message that says which address, and how it looks."""
    family = _FAMILY[vip.version]
    packed = socket.inet_pton(family, vip.address)
    body = (
        _IFADDRMSG.pack(family, vip.prefix_length, 0, options.scope, index)
        + attribute(_IFA_LOCAL, packed)
        + attribute(_IFA_ADDRESS, socket.inet_pton(family, options.peer) if options.peer else packed)
    )
    if options.broadcast:
        body += attribute(_IFA_BROADCAST, socket.inet_pton(family, options.broadcast))
    return body + text_attribute(_IFA_LABEL, options.label) if options.label else body


def _terms(vip: VipAddress, valid_s: int) -> bytes:
    flags = _IFA_F_NOPREFIXROUTE
    preferred_s = valid_s
    if vip.version == 6:
        # Duplicate detection would keep the address silent for a second; the lease already proves that
        # nobody else has it. Not preferred: the host's own connections must not start from an address
        # that moves (RFC 6724, rule 3).
        flags |= _IFA_F_NODAD
        preferred_s = 0
    return (
        attribute(_IFA_FLAGS, struct.pack("=I", flags))
        + attribute(_IFA_CACHEINFO, _CACHEINFO.pack(preferred_s, valid_s, 0, 0))
        + attribute(_IFA_PROTO, bytes([OUR_PROTOCOL]))
    )


def _reason(vip: VipAddress, answer: Answer) -> str:
    if answer.number == errno.EPERM:
        raise kernel_error(answer.number, "changing addresses", capability=CAP_NET_ADMIN)
    if answer.number == errno.EEXIST:
        return (
            f"{vip.address} is on {vip.interface} already and was not put there by vipkeeper: "
            f"ip address del {vip.address}/{vip.prefix_length} dev {vip.interface}"
        )
    return f"{vip}: {explain(answer.number, answer.text)}"
