"""Reports of joined groups (IGMP, MLD) leave by the base interface, under its own MAC.

A backup joins the group on its virtual MAC interface, and the kernel would report that under the virtual
MAC. Switches learn from every frame where a MAC is: clients' traffic for the master would go to the backup
until the next advertisement. Seen with a Linux bridge, see docs/decisions/0016-virtual-mac.md.

Rules of this file: one small tc program for each virtual MAC interface, which lives and goes with it.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from vipkeeper.kernel import bpf_calls
from vipkeeper.kernel.bpf_assembler import Assembler, Register
from vipkeeper.kernel.macvlan_messages import Device, as_link
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.traffic_control import EGRESS, attach_program, read_filters
from vipkeeper.model.errors import KernelRefused

FILTER_NAME = "vipkeeper-reports"

_PREFERENCE = 2  # after the fence
_HANDLE = 1

_SKB_PROTOCOL = 16  # offset in struct __sk_buff; network byte order
_SKB_STORE_BYTES = 9
_REDIRECT = 23
_SKB_LOAD_BYTES_RELATIVE = 68
_FROM_NETWORK_HEADER = 1
_TC_ACT_UNSPEC = -1

_ETH_IPV4 = 0x0800
_ETH_IPV6 = 0x86DD
_IPV4_PROTOCOL_AT = 9
_IGMP = 2
_IPV6_NEXT_HEADER_AT = 6
_HOP_BY_HOP = 0  # RFC 3810 section 5: every MLD message has a router alert, so the header has 8 bytes
_HOP_BY_HOP_NEXT_AT = 40
_ICMPV6 = 58
_ICMPV6_TYPE_AT = 48
_MLD_REPORTS = (131, 132, 143)
_SOURCE_MAC_AT = 6

_MAC = -8  # on the stack
_SCRATCH = -16


def redirect_reports(netlink: NetlinkSocket, device: Device, base: Device) -> None:
    """Put the program on `device`, in place of an earlier one. Raises KernelRefused or MissingPrivilege."""
    try:
        program_fd = bpf_calls.load_classifier(_program(base), "vk_reports")
    except OSError as refused:
        raise KernelRefused(
            f"the kernel refused the tc program: {refused.strerror}", refused.errno or errno.EINVAL
        ) from refused
    try:
        attach_program(
            netlink,
            as_link(device),
            EGRESS,
            handle=_HANDLE,
            program_fd=program_fd,
            name=FILTER_NAME,
            preference=_PREFERENCE,
        )
    finally:
        os.close(program_fd)


def is_redirected(netlink: NetlinkSocket, device: Device) -> bool:
    """Whether such a program is there."""
    return any(
        found.handle == _HANDLE and found.preference == _PREFERENCE
        for found in read_filters(netlink, device.index, EGRESS)
    )


def _program(base: Device) -> bytes:
    code = Assembler()
    code.copy(Register.R6, Register.R1)  # the frame
    code.load_word(Register.R7, Register.R6, _SKB_PROTOCOL)
    code.jump_if_equal(Register.R7, socket.htons(_ETH_IPV4), "ipv4")
    code.jump_if_equal(Register.R7, socket.htons(_ETH_IPV6), "ipv6")
    code.jump("pass")

    code.label("ipv4")
    _load_byte(code, _IPV4_PROTOCOL_AT)
    code.jump_if_equal(Register.R1, _IGMP, "move")
    code.jump("pass")

    code.label("ipv6")
    _load_byte(code, _IPV6_NEXT_HEADER_AT)
    code.jump_unless_equal(Register.R1, _HOP_BY_HOP, "pass")
    _load_byte(code, _HOP_BY_HOP_NEXT_AT)
    code.jump_unless_equal(Register.R1, _ICMPV6, "pass")
    _load_byte(code, _ICMPV6_TYPE_AT)
    for kind in _MLD_REPORTS:
        code.jump_if_equal(Register.R1, kind, "move")

    code.label("pass")
    code.set(Register.R0, _TC_ACT_UNSPEC)
    code.exit()

    code.label("move")
    first, second = struct.unpack("=ii", base.mac + bytes(2))
    code.store_word(Register.FRAME, _MAC, first)
    code.store_word(Register.FRAME, _MAC + 4, second)
    code.copy(Register.R1, Register.R6)
    code.set(Register.R2, _SOURCE_MAC_AT)
    code.copy(Register.R3, Register.FRAME)
    code.add(Register.R3, _MAC)
    code.set(Register.R4, len(base.mac))
    code.set(Register.R5, 0)
    code.call(_SKB_STORE_BYTES)
    code.set(Register.R1, base.index)
    code.set(Register.R2, 0)
    code.call(_REDIRECT)
    code.exit()
    return code.assemble()


def _load_byte(code: Assembler, offset: int) -> None:
    """One byte of the frame into R1; a frame that is too short goes on."""
    code.copy(Register.R1, Register.R6)
    code.set(Register.R2, offset)
    code.copy(Register.R3, Register.FRAME)
    code.add(Register.R3, _SCRATCH)
    code.set(Register.R4, 1)
    code.set(Register.R5, _FROM_NETWORK_HEADER)
    code.call(_SKB_LOAD_BYTES_RELATIVE)
    code.jump_unless_equal(Register.R0, 0, "pass")
    code.load_byte(Register.R1, Register.FRAME, _SCRATCH)
