"""A bench holds one segment with three hosts, and does to their interfaces what happens to real ones.

Rules of this file: whatever a bench does goes for both segments alike, so that a test cannot tell them apart.
"""

from __future__ import annotations

import contextlib
import ipaddress
import time
from collections.abc import Iterator
from typing import Protocol

from vipkeeper.lab.namespaces import Namespace, make_namespace, new_lab_name
from vrrp_compat.sockets.memory_segment import MemorySegment
from vrrp_compat.sockets.raw_ports import RawPorts
from vrrp_compat.sockets.segment_port import SegmentPorts

INTERFACE = "eth0"
HOSTS = ("a", "b", "c")


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def own_address(name: str, ip_version: int) -> bytes:
    """Where a host is reached, and what it sends from."""
    number = HOSTS.index(name) + 1
    return packed(f"10.9.0.{number}" if ip_version == 4 else f"fe80::9:{number}")


class SegmentBench(Protocol):
    """Three hosts on one segment, each with one interface called eth0."""

    def ports(self, name: str) -> SegmentPorts: ...

    def set_interface(self, name: str, *, up: bool) -> None: ...

    def remove_interface(self, name: str) -> None: ...

    def add_interface(self, name: str) -> None: ...


class MemoryBench:
    """See `SegmentBench`."""

    def __init__(self) -> None:
        self.segment = MemorySegment(time.monotonic)
        self.hosts = {
            name: self.segment.join(name, addresses=frozenset(own_address(name, ip) for ip in (4, 6)))
            for name in HOSTS
        }

    def ports(self, name: str) -> SegmentPorts:
        return self.hosts[name]

    def set_interface(self, name: str, *, up: bool) -> None:
        self.hosts[name].set_interface(up=up)

    def remove_interface(self, name: str) -> None:
        self.hosts[name].remove_interface()

    def add_interface(self, name: str) -> None:
        self.hosts[name].add_interface()


class RawBench:
    """See `SegmentBench`: namespaces on a bridge."""

    def __init__(self, switch: Namespace, namespaces: dict[str, Namespace]) -> None:
        self.namespaces = namespaces
        self.switch = switch
        switch.configure("link add lan type bridge mcast_snooping 0", "link set lan up")
        for name in HOSTS:
            self.add_interface(name)

    def ports(self, name: str) -> SegmentPorts:
        return RawPorts(self.namespaces[name].socket)

    def set_interface(self, name: str, *, up: bool) -> None:
        self.namespaces[name].configure(f"link set {INTERFACE} {'up' if up else 'down'}")
        if up:
            self._address(name)

    def remove_interface(self, name: str) -> None:
        self.namespaces[name].configure(f"link del {INTERFACE}")

    def add_interface(self, name: str) -> None:
        namespace = self.namespaces[name]
        self.switch.configure(
            f"link add port-{name} type veth peer name {INTERFACE} netns {namespace.name}",
            f"link set port-{name} master lan up",
        )
        namespace.configure(f"link set {INTERFACE} addrgenmode none", f"link set {INTERFACE} up")
        self._address(name)

    def _address(self, name: str) -> None:
        """IPv6 addresses go when an interface goes down."""
        ipv4, ipv6 = (ipaddress.ip_address(own_address(name, version)) for version in (4, 6))
        self.namespaces[name].configure(
            f"address replace {ipv4}/16 dev {INTERFACE}",
            f"address replace {ipv6}/64 dev {INTERFACE} nodad",
        )


@contextlib.contextmanager
def make_raw_bench() -> Iterator[RawBench]:
    """Gone again when the block ends."""
    lab_name = new_lab_name()
    with contextlib.ExitStack() as stack:
        switch = stack.enter_context(make_namespace(lab_name, "switch"))
        yield RawBench(switch, {name: stack.enter_context(make_namespace(lab_name, name)) for name in HOSTS})
