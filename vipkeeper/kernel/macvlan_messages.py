"""macvlan interfaces in rtnetlink: made, read, set up and deleted (linux/if_link.h).

Rules of this file: it says what the kernel has and does what it is told; what is right is decided elsewhere.
"""

from __future__ import annotations

import struct

import msgspec

from vipkeeper.kernel.links import RTM_DELLINK, RTM_NEWLINK
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.netlink_wire import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Message,
    attribute,
    attributes,
    nested,
    text_attribute,
)
from vipkeeper.model.host import Link

_RTM_GETLINK = 18
_RTM_NEWROUTE = 24

_IFINFO = struct.Struct("=BxHiII")  # family, type, index, flags, change mask
_IFLA_ADDRESS = 1
_IFLA_IFNAME = 3
_IFLA_LINK = 5
_IFLA_LINKINFO = 18
_IFLA_EXT_MASK = 29
_RTEXT_FILTER_SKIP_STATS = 8
_INFO_KIND = 1
_INFO_DATA = 2
_MACVLAN_MODE = 1
_IFF_UP = 0x1

KIND = "macvlan"
PRIVATE = 1
MODES = {1: "private", 2: "vepa", 4: "bridge", 8: "passthru", 16: "source"}

_RTMSG = struct.Struct("=BBBBBBBBI")  # family, lengths, tos, table, protocol, scope, type, flags
_RTA_DST = 1
_RTA_OIF = 4
_RTA_PRIORITY = 6
_AF_INET6 = 10
_MAIN_TABLE = 254
_PROTOCOL_KERNEL = 2
_UNICAST = 1
_LINK_LOCAL = b"\xfe\x80" + bytes(14)
_LINK_LOCAL_BITS = 64
_ADDRCONF_METRIC = 256


class Device(msgspec.Struct, frozen=True):
    """One interface, with what makes a macvlan."""

    name: str
    index: int
    mac: bytes
    up: bool  # by its administrator; the carrier is another matter
    kind: str = ""  # of a virtual interface
    mode: int = 0
    lower_index: int = 0


def as_link(device: Device) -> Link:
    """For those who want a link of it."""
    return Link(device.name, device.index, device.mac, up=device.up, resolves=True, port=False)


def read_devices(netlink: NetlinkSocket) -> dict[str, Device]:
    """Every interface, by name."""
    request = _IFINFO.pack(0, 0, 0, 0, 0) + attribute(
        _IFLA_EXT_MASK, struct.pack("=I", _RTEXT_FILTER_SKIP_STATS)
    )
    devices = (_parse(body) for kind, body in netlink.dump(_RTM_GETLINK, request) if kind == RTM_NEWLINK)
    return {device.name: device for device in devices}


def _parse(body: bytes) -> Device:
    _, _, index, flags, _ = _IFINFO.unpack_from(body)
    fields = dict(attributes(body, _IFINFO.size))
    info = dict(attributes(fields.get(_IFLA_LINKINFO, b"")))
    kind = info.get(_INFO_KIND, b"").rstrip(b"\0").decode()
    data = dict(attributes(info.get(_INFO_DATA, b""))) if kind == KIND else {}
    return Device(
        name=fields.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode(),
        index=index,
        mac=fields.get(_IFLA_ADDRESS, b""),
        up=bool(flags & _IFF_UP),
        kind=kind,
        mode=_number(data.get(_MACVLAN_MODE, b"")),
        lower_index=_number(fields.get(_IFLA_LINK, b"")),
    )


def _number(payload: bytes) -> int:
    return struct.unpack("=I", payload)[0] if len(payload) == 4 else 0


def make_macvlan(netlink: NetlinkSocket, name: str, mac: bytes, lower: Device) -> None:
    """A new one in private mode, down. Raises KernelRefused or MissingPrivilege."""
    body = (
        _IFINFO.pack(0, 0, 0, 0, 0)
        + text_attribute(_IFLA_IFNAME, name)
        + attribute(_IFLA_ADDRESS, mac)
        + attribute(_IFLA_LINK, struct.pack("=I", lower.index))
        + nested(
            _IFLA_LINKINFO,
            text_attribute(_INFO_KIND, KIND),
            nested(_INFO_DATA, attribute(_MACVLAN_MODE, struct.pack("=I", PRIVATE))),
        )
    )
    netlink.request(Message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body), f"interface {name} (macvlan)")


def set_up(netlink: NetlinkSocket, device: Device) -> None:
    """As `ip link set ... up` does. Raises KernelRefused or MissingPrivilege."""
    body = _IFINFO.pack(0, 0, device.index, _IFF_UP, _IFF_UP)
    netlink.request(Message(RTM_NEWLINK, 0, body), f"setting {device.name} up")


def delete(netlink: NetlinkSocket, device: Device) -> None:
    """Its addresses, routes, filters and settings go with it. Raises KernelRefused or MissingPrivilege."""
    body = _IFINFO.pack(0, 0, device.index, 0, 0)
    netlink.request(Message(RTM_DELLINK, 0, body), f"removal of interface {device.name}")


def route_link_local(netlink: NetlinkSocket, device: Device) -> None:
    """fe80::/64 on an interface without a link-local address of its own: a virtual one is answered from.

    Raises KernelRefused (EEXIST: it is there) or MissingPrivilege.
    """
    body = (
        _RTMSG.pack(_AF_INET6, _LINK_LOCAL_BITS, 0, 0, _MAIN_TABLE, _PROTOCOL_KERNEL, 0, _UNICAST, 0)
        + attribute(_RTA_DST, _LINK_LOCAL)
        + attribute(_RTA_OIF, struct.pack("=I", device.index))
        + attribute(_RTA_PRIORITY, struct.pack("=I", _ADDRCONF_METRIC))
    )
    doing = f"the link-local route on {device.name}"
    # With EXCL the base's route of the same prefix would count as this one.
    netlink.request(Message(_RTM_NEWROUTE, NLM_F_CREATE, body), doing)
