"""Datagrams to send, and a router that notes what it hears."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.vrrp_sockets.segment_benches import INTERFACE, SegmentBench, own_address
from vrrp_compat.sockets.segment_port import PortSettings, SegmentPort
from vrrp_compat.wire.advertisement import (
    FULL_TTL,
    GROUP_IPV4,
    GROUP_IPV6,
    PROTOCOL_VRRP,
    Datagram,
)

GROUP = {4: GROUP_IPV4, 6: GROUP_IPV6}
PATIENCE_S = 30.0
_HEADER = struct.Struct("!BBHHHBBH4s4s")


def datagram(
    payload: bytes,
    *,
    source: bytes,
    destination: bytes,
    ttl: int = FULL_TTL,
    protocol: int = PROTOCOL_VRRP,
) -> Datagram:
    """One that the kernel changes nothing of, so that it arrives as it was sent."""
    header = b""
    if len(source) == 4:
        total = _HEADER.size + len(payload)
        fields = (0x45, 0xC0, total, 7, 0, ttl, protocol)
        header = _HEADER.pack(*fields, 0, source, destination)
        header = _HEADER.pack(*fields, _checksum(header), source, destination)
    return Datagram(source, destination, ttl, protocol, payload, header)


def _checksum(header: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Router:
    """One host's port, and what it heard."""

    def __init__(self, bench: SegmentBench, name: str, settings: PortSettings) -> None:
        self.name = name
        self.heard: list[Datagram] = []
        self.places: set[str] = set()
        self.settings = settings
        self._bench = bench
        self.port = self._open()

    def _open(self) -> SegmentPort:
        port = self._bench.ports(self.name).open(self.settings, self._receive)
        assert not hasattr(port, "reason"), port
        return port

    def _receive(self, interface: str, heard: Datagram) -> None:
        self.places.add(interface)
        self.heard.append(heard)

    def reopen(self) -> None:
        """Another port, as after a change of the interface."""
        self.port.close()
        self.port = self._open()

    def message(self, payload: bytes = b"message!", *, to: bytes | None = None, **fields: int) -> Datagram:
        """A datagram of this router's; to the group unless it is said otherwise."""
        version = self.settings.ip_version
        return datagram(
            payload,
            source=own_address(self.name, version),
            destination=GROUP[version] if to is None else to,
            **fields,
        )

    def send(self, payload: bytes = b"message!", *, to: bytes | None = None, **fields: int) -> Datagram:
        """Send one; it has to leave."""
        sent = self.message(payload, to=to, **fields)
        assert self.port.send(sent) is None
        return sent


@contextmanager
def routers(
    bench: SegmentBench, ip_version: int, *names: str, protocols: frozenset[int] = frozenset({PROTOCOL_VRRP})
) -> Iterator[list[Router]]:
    """Open ports that hear the group and what is sent to their own address."""
    opened: list[Router] = []
    try:
        for name in names:
            settings = PortSettings(
                ip_version,
                INTERFACE,
                groups=frozenset({GROUP[ip_version]}),
                addresses=frozenset({own_address(name, ip_version)}),
                protocols=protocols,
            )
            opened.append(Router(bench, name, settings))
        yield opened
    finally:
        for one in opened:
            one.port.close()


async def until_so(condition: Callable[[], bool]) -> None:
    """Wait for it on the event loop, with patience."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come to pass"
        await asyncio.sleep(0.005)
