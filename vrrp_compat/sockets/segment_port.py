"""Datagrams in and out of one interface: the seam that raw sockets and the in-memory segment implement.

Rules of this file: a port tells of the network by values and never raises for it; what it hands on is what
came, right or wrong, because the receiver counts what it discards. One port serves all virtual routers of an
interface and an IP version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from vrrp_compat.wire.advertisement import PROTOCOL_VRRP, Datagram


class PortSettings(msgspec.Struct, frozen=True):
    """What a port hears and where it speaks."""

    ip_version: int  # 4 or 6
    interface: str  # heard here: the virtual MAC interface where there is one
    groups: frozenset[bytes] = frozenset()
    # Our own addresses at which peers reach us; without any, nothing unicast is heard.
    addresses: frozenset[bytes] = frozenset()
    protocols: frozenset[int] = frozenset({PROTOCOL_VRRP})  # AH besides it, in IPv4, when it is spoken
    send_on: str = ""  # another interface than the one heard on

    @property
    def sending_interface(self) -> str:
        return self.send_on or self.interface


class SendFailed(msgspec.Struct, frozen=True):
    """A datagram did not leave; the next advertisement tries again."""

    reason: str  # the kernel's words
    errno: int


class PortUnavailable(msgspec.Struct, frozen=True):
    """A port cannot be opened now. It may be later: the interface may come."""

    reason: str


class SegmentPort(Protocol):
    """Open until `close`. It hears on the running event loop, by itself."""

    settings: PortSettings

    def send(self, datagram: Datagram) -> SendFailed | None:
        """Send it now, or say why not. It is not heard by this host.

        IPv4 takes `header` and `payload` as they are; the kernel writes total length and header checksum,
        and the identification when that is 0. IPv6 has no header: it is made from the other fields, and a
        link-local source need not be on the sending interface.
        """
        ...

    def drain(self) -> int:
        """Hand on what waits now, in order; how many that were.

        Before time is fed to a virtual router: what its master said in time must not be read too late.
        """
        ...

    def is_stale(self) -> bool:
        """Whether an interface is gone, or another one has its name now: close this port and open a new one.

        An interface that only goes down and comes back needs no new port.
        """
        ...

    def close(self) -> None:
        """Hear and send no more."""
        ...


# What a port calls for each datagram: interface it was heard on, datagram.
Receive = Callable[[str, Datagram], None]


class SegmentPorts(Protocol):
    """Opens the ports of one host."""

    def open(self, settings: PortSettings, receive: Receive) -> SegmentPort | PortUnavailable:
        """Hear from now on, on the running event loop. Raises MissingPrivilege."""
        ...
