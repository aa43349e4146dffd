"""A stranger on the segment that keeps sending advertisements which every router has to discard.

Rules of this file: its bytes are made here, not by the product's encoder.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from types import TracebackType

from tests.peers.virtual_router import VirtualRouter
from vipkeeper.lab.network import Network

_VRRP = 112
_GROUP = "224.0.0.18"
_HIGHER_THAN_ANYBODY = 254


class Noise:
    """While its block runs: version 3 for the same VRID, priority 254, with a wrong checksum."""

    def __init__(self, network: Network, described: VirtualRouter, *, every_s: float) -> None:
        self._every_s = every_s
        self._packet = struct.pack(
            "!BBBBHH",
            *(3 << 4 | 1, described.vrid, _HIGHER_THAN_ANYBODY, len(described.addresses)),
            *(described.interval_ms // 10, 0xBAD0),
        ) + b"".join(ipaddress.ip_address(address).packed for address in described.addresses)
        observer = network.observer
        self._socket = observer.namespace.socket(socket.AF_INET, socket.SOCK_RAW, _VRRP)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        self._socket.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, ipaddress.IPv4Address(observer.ipv4).packed
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, name="noise")

    def _send(self) -> None:
        while not self._ended.wait(self._every_s):
            self._socket.sendto(self._packet, (_GROUP, 0))

    def __enter__(self) -> Noise:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()
