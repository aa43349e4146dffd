"""A segment in memory that several routers join: the real ports' partner, with faults in a test's hand.

Rules of this file: what is lost, late or doubled is decided by one function of the test's, so that any fault
can be written down; time comes from the test's clock. Deliveries to one port are in the order of their
instants, and of their sending where those are equal. With a running event loop a port hands on by itself
what has arrived, as a real one does; `drain` works without any loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import heapq
import os
from collections.abc import Callable, Iterable

from vrrp_compat.sockets.segment_port import PortSettings, PortUnavailable, Receive, SegmentPort, SendFailed
from vrrp_compat.wire.advertisement import Datagram

# (sender, receiver, datagram) -> the delay of each copy that arrives. No copy: it is lost.
Fate = Callable[[str, str, Datagram], Iterable[float]]

_FIRST_MULTICAST = {4: 0xE0, 16: 0xFF}
_SOON_S = 0.001


def arrives(_sender: str, _receiver: str, _datagram: Datagram) -> Iterable[float]:
    """The fate of every datagram on a healthy cable."""
    return (0.0,)


class MemorySegment:
    """One cable. `clock` gives seconds, on any scale."""

    def __init__(self, clock: Callable[[], float], fate: Fate = arrives) -> None:
        self.clock = clock
        self.fate = fate
        self._hosts: dict[str, MemoryHost] = {}
        self._cuts: set[tuple[str, str]] = set()

    def join(
        self, name: str, *, interface: str = "eth0", addresses: frozenset[bytes] = frozenset()
    ) -> MemoryHost:
        """One more host; others reach it at `addresses`."""
        self._hosts[name] = MemoryHost(self, name, interface, addresses)
        return self._hosts[name]

    def cut(self, sender: str, receiver: str) -> None:
        """Nothing gets from one to the other any more; the other direction stays."""
        self._cuts.add((sender, receiver))

    def part(self, *names: str) -> None:
        """These lose sight of all others, and the others of these."""
        for one in names:
            for other in self._hosts.keys() - set(names):
                self._cuts |= {(one, other), (other, one)}

    def heal(self) -> None:
        """Everybody hears everybody."""
        self._cuts.clear()

    def next_arrival_s(self) -> float | None:
        """When the next datagram under way arrives somewhere; for tests that move a clock."""
        return min((port.waiting[0][0] for port in self._ports() if port.waiting), default=None)

    def carry(self, sender: str, datagram: Datagram) -> None:
        """To everybody who can hear it."""
        multicast = datagram.destination[0] >= _FIRST_MULTICAST[len(datagram.destination)]
        for host in self._hosts.values():
            if host.name == sender or (sender, host.name) in self._cuts or not host.is_up:
                continue
            if multicast or datagram.destination in host.addresses:
                host.take(datagram, tuple(self.fate(sender, host.name, datagram)))

    def _ports(self) -> Iterable[MemoryPort]:
        return (port for host in self._hosts.values() for port in host.ports)


class MemoryHost:
    """Implements `SegmentPorts`: one host with one interface, which comes and goes as a test says."""

    def __init__(
        self, segment: MemorySegment, name: str, interface: str, addresses: frozenset[bytes]
    ) -> None:
        self.segment = segment
        self.name = name
        self.interface = interface
        self.addresses = addresses
        self.is_up = True
        self.index = 1  # 0: there is no such interface
        self.ports: list[MemoryPort] = []
        self._last_index = 1

    def open(self, settings: PortSettings, receive: Receive) -> SegmentPort | PortUnavailable:
        """See `SegmentPorts.open`."""
        places = dict.fromkeys((settings.interface, settings.sending_interface))
        if not self.index or any(place != self.interface for place in places):
            return PortUnavailable(f"there is no interface {' and '.join(places)}")
        port = MemoryPort(self, settings, receive)
        self.ports.append(port)
        return port

    def set_interface(self, *, up: bool) -> None:
        """As `ip link set` does."""
        self.is_up = up

    def remove_interface(self) -> None:
        """Its memberships go with it."""
        self.is_up = False
        self.index = 0

    def add_interface(self) -> None:
        """Another one of the same name."""
        self._last_index += 1
        self.index = self._last_index
        self.is_up = True

    def take(self, datagram: Datagram, delays_s: tuple[float, ...]) -> None:
        """Copies of a datagram for this host are under way."""
        for port in self.ports:
            if port.index == self.index:
                port.take(datagram, delays_s)


class MemoryPort:
    """Implements `SegmentPort`."""

    def __init__(self, host: MemoryHost, settings: PortSettings, receive: Receive) -> None:
        self.settings = settings
        self.index = host.index
        self.waiting: list[tuple[float, int, Datagram]] = []
        self._host = host
        self._receive = receive
        self._heard = settings.groups | settings.addresses
        self._count = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        with contextlib.suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()

    def send(self, datagram: Datagram) -> SendFailed | None:
        """See `SegmentPort.send`."""
        if self.is_stale():
            return _send_failed(errno.ENODEV)
        if not self._host.is_up:
            return _send_failed(errno.ENETDOWN)
        self._host.segment.carry(self._host.name, datagram)
        return None

    def take(self, datagram: Datagram, delays_s: tuple[float, ...]) -> None:
        """It arrives, if this port hears it at all."""
        if datagram.protocol not in self.settings.protocols or datagram.destination not in self._heard:
            return
        if len(datagram.destination) != (4 if self.settings.ip_version == 4 else 16):
            return
        for delay_s in delays_s:
            self._count += 1
            arrives_s = self._host.segment.clock() + delay_s
            heapq.heappush(self.waiting, (arrives_s, self._count, datagram))
            if self._loop is not None:
                self._loop.call_later(delay_s, self._hand_on)

    def _hand_on(self) -> None:
        self.drain()
        # The loop's timers and the test's clock need not agree to the last bit.
        if self.waiting and self._loop is not None:
            pause_s = max(_SOON_S, self.waiting[0][0] - self._host.segment.clock())
            self._loop.call_later(pause_s, self._hand_on)

    def drain(self) -> int:
        """See `SegmentPort.drain`."""
        given = 0
        while self.waiting and self.waiting[0][0] <= self._host.segment.clock():
            _, _, datagram = heapq.heappop(self.waiting)
            given += 1
            self._receive(self.settings.interface, datagram)
        return given

    def is_stale(self) -> bool:
        """See `SegmentPort.is_stale`."""
        return self.index != self._host.index

    def close(self) -> None:
        """See `SegmentPort.close`."""
        self.waiting.clear()
        if self in self._host.ports:
            self._host.ports.remove(self)


def _send_failed(number: int) -> SendFailed:
    return SendFailed(os.strerror(number), number)
