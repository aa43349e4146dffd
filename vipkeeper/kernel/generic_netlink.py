"""Generic netlink: families by name, and messages that carry a command (linux/genetlink.h).

Rules of this file: the id of a family is asked for when a socket is made, because each boot, and each load
of a module, may give it another one. Asking makes the kernel load the module where it can.
"""

from __future__ import annotations

import errno
import struct

from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.netlink_wire import Message, attributes, text_attribute
from vipkeeper.model.errors import KernelRefused

NETLINK_GENERIC = 16
COMMAND = struct.Struct("=BBH")  # command, version of the family, reserved

_CONTROLLER = 0x10  # the one family whose id is fixed
_CTRL_CMD_GETFAMILY = 3
_CTRL_ATTR_FAMILY_ID = 1
_CTRL_ATTR_FAMILY_NAME = 2
_CTRL_VERSION = 2


def command(family: int, number: int, version: int, *attributes_: bytes, flags: int = 0) -> Message:
    """One command with its attributes."""
    return Message(family, flags, COMMAND.pack(number, version, 0) + b"".join(attributes_))


def find_family(netlink: NetlinkSocket, name: str) -> int | None:
    """Its id; None where this kernel has no such family. Raises KernelRefused or MissingPrivilege."""
    asked = command(
        _CONTROLLER, _CTRL_CMD_GETFAMILY, _CTRL_VERSION, text_attribute(_CTRL_ATTR_FAMILY_NAME, name)
    )
    try:
        answers = netlink.ask(asked, f"a look-up of the netlink family {name}")
    except KernelRefused as refused:
        if refused.errno == errno.ENOENT:
            return None
        raise
    for _, body in answers:
        fields = dict(attributes(body, COMMAND.size))
        if _CTRL_ATTR_FAMILY_ID in fields:
            family: int = struct.unpack("=H", fields[_CTRL_ATTR_FAMILY_ID])[0]
            return family
    return None
