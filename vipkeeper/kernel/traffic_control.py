"""tc filters on clsact: ours put in place, found again and taken away, everybody else's left alone.

Rules of this file: ours is the bpf filter named FILTER_NAME. It asks for preference 1, because a filter
before it could take a frame away from it; another program at the same preference is run after ours. The qdisc
is removed only when no filter is left on it.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import NamedTuple

from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.netlink_wire import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Message,
    attribute,
    attributes,
    nested,
    text_attribute,
)
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.host import Link

FILTER_NAME = "vipkeeper"

RTM_DELQDISC = 37
RTM_DELTFILTER = 45
_RTM_NEWQDISC = 36
_RTM_NEWTFILTER = 44
_RTM_GETTFILTER = 46

_TCMSG = struct.Struct("=BxxxiIII")  # family, interface index, handle, parent, info
_TC_H_CLSACT = 0xFFFFFFF1
_CLSACT_HANDLE = 0xFFFF0000
INGRESS = 0xFFFFFFF2
EGRESS = 0xFFFFFFF3

_TCA_KIND = 1
_TCA_OPTIONS = 2
_TCA_BPF_FD = 6
_TCA_BPF_NAME = 7
_TCA_BPF_FLAGS = 8
_TCA_BPF_ID = 11
_TCA_BPF_FLAG_DIRECT_ACTION = 1
_ETH_P_ALL = 3

_PREFERENCE = 1
HANDLES = range(0x76697001, 0x76697009)  # "vip", and a number


class Filter(NamedTuple):
    """One classifier on one hook."""

    ours: bool
    handle: int
    preference: int
    program_id: int


def read_filters(netlink: NetlinkSocket, index: int, direction: int) -> list[Filter]:
    """The filters on INGRESS or EGRESS of an interface; none when it has no clsact qdisc, or is gone."""
    try:
        records = netlink.dump(_RTM_GETTFILTER, _TCMSG.pack(0, index, 0, direction, 0))
    except KernelRefused as refused:
        if refused.errno in (errno.EINVAL, errno.ENODEV, errno.ENOENT):
            return []
        raise
    filters = []
    for kind, body in records:
        if kind != _RTM_NEWTFILTER:
            continue
        _, _, handle, _, info = _TCMSG.unpack_from(body)
        fields = dict(attributes(body, _TCMSG.size))
        options = dict(attributes(fields.get(_TCA_OPTIONS, b"")))
        if not handle and not options:
            continue  # the head of a preference, without a filter of its own
        ours = (
            fields.get(_TCA_KIND, b"").rstrip(b"\0") == b"bpf"
            and options.get(_TCA_BPF_NAME, b"").rstrip(b"\0") == FILTER_NAME.encode()
        )
        program_id = options.get(_TCA_BPF_ID, bytes(4))
        filters.append(Filter(ours, handle, info >> 16, struct.unpack("=I", program_id)[0]))
    return filters


def attach_program(
    netlink: NetlinkSocket,
    link: Link,
    direction: int,
    *,
    handle: int,
    program_fd: int,
    name: str = FILTER_NAME,
    preference: int = _PREFERENCE,
) -> None:
    """Put a program on a hook, in place of the one with this handle at this preference.

    A filter of another `name` is not one of the fence's, and stays when the fence goes.
    Raises KernelRefused or MissingPrivilege.
    """
    doing = f"a tc filter on {link.name}"
    clsact = _TCMSG.pack(0, link.index, _CLSACT_HANDLE, _TC_H_CLSACT, 0) + text_attribute(_TCA_KIND, "clsact")
    try:
        netlink.request(Message(_RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, clsact), doing)
    except KernelRefused as refused:
        if refused.errno != errno.EEXIST:
            raise
    options = (
        attribute(_TCA_BPF_FD, struct.pack("=I", program_fd)),
        text_attribute(_TCA_BPF_NAME, name),
        attribute(_TCA_BPF_FLAGS, struct.pack("=I", _TCA_BPF_FLAG_DIRECT_ACTION)),
    )
    body = (
        _our_filter(link.index, direction, handle, preference)
        + text_attribute(_TCA_KIND, "bpf")
        + nested(_TCA_OPTIONS, *options)
    )
    netlink.request(Message(_RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, body), doing)


def detach_programs(netlink: NetlinkSocket, link: Link, *, keep: int = 0) -> None:
    """Take our filters off an interface, but for the one with handle `keep`; the qdisc if nobody uses it."""
    for direction in (INGRESS, EGRESS):
        for found in read_filters(netlink, link.index, direction):
            if found.ours and found.handle != keep:
                body = _our_filter(link.index, direction, found.handle) + text_attribute(_TCA_KIND, "bpf")
                _unless_gone(
                    netlink, Message(RTM_DELTFILTER, 0, body), f"removal of the tc filter from {link.name}"
                )
    if not any(read_filters(netlink, link.index, direction) for direction in (INGRESS, EGRESS)):
        body = _TCMSG.pack(0, link.index, _CLSACT_HANDLE, _TC_H_CLSACT, 0) + text_attribute(
            _TCA_KIND, "clsact"
        )
        _unless_gone(netlink, Message(RTM_DELQDISC, 0, body), f"removal of the clsact qdisc from {link.name}")


def _our_filter(index: int, direction: int, handle: int, preference: int = _PREFERENCE) -> bytes:
    return _TCMSG.pack(0, index, handle, direction, preference << 16 | socket.htons(_ETH_P_ALL))


def _unless_gone(netlink: NetlinkSocket, message: Message, doing: str) -> None:
    try:
        netlink.request(message, doing)
    except KernelRefused as refused:
        if refused.errno not in (errno.ENOENT, errno.ENODEV, errno.EINVAL):
            raise
