"""What the kernel tells everybody of addresses, routes and rules that went: heard beside the agent.

Rules of this file: a refresh of a lifetime is told as an addition as well, so only what went is counted.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator

from vipkeeper.kernel.netlink_socket import receive_events
from vipkeeper.kernel.netlink_wire import attributes
from vipkeeper.kernel.route_messages import RTM_DELROUTE, is_ours
from vipkeeper.kernel.rule_messages import RTM_DELRULE, is_our_rule
from vipkeeper.lab.namespaces import Namespace

_GROUPS = 0x10 | 0x100  # IPv4 and IPv6 addresses
_ROUTING_GROUPS = 0x40 | 0x400 | 0x80 | 1 << 18  # routes and rules of both
_RTM_DELADDR = 21
_IFADDRMSG = struct.Struct("=BBBBi")
_IFA_ADDRESS = 1
_IFA_LOCAL = 2


@contextlib.contextmanager
def removed_addresses(namespace: Namespace) -> Iterator[Callable[[], list[str]]]:
    """Calling it gives the addresses that went since the last call, in that order."""
    with namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW) as listener:
        listener.bind((0, _GROUPS))

        def heard() -> list[str]:
            return [_text(body) for kind, body in receive_events(listener) if kind == _RTM_DELADDR]

        yield heard


@contextlib.contextmanager
def removed_routing(namespace: Namespace) -> Iterator[Callable[[], int]]:
    """Calling it gives how many routes and rules of ours went since the last call."""
    with namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW) as listener:
        listener.bind((0, _ROUTING_GROUPS))

        def heard() -> int:
            return sum(
                (kind == RTM_DELROUTE and is_ours(body)) or (kind == RTM_DELRULE and is_our_rule(body))
                for kind, body in receive_events(listener)
            )

        yield heard


def _text(body: bytes) -> str:
    family = _IFADDRMSG.unpack_from(body)[0]
    fields = dict(attributes(body, _IFADDRMSG.size))
    return socket.inet_ntop(family, fields.get(_IFA_LOCAL, fields.get(_IFA_ADDRESS, b"")))
