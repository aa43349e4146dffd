"""The real ports: raw sockets on the running event loop.

Rules of this file: no threads; each wake-up reads a bounded number, so that others have their turn whatever
the segment sends; only what `PortSettings` names as heard is handed on.
"""

from __future__ import annotations

import abc
import asyncio
import errno
import functools
import os
import socket
import struct

from vipkeeper.model.errors import MissingPrivilege
from vrrp_compat.sockets.ip_sockets import (
    OpenSocket,
    interface_index,
    packet_destination,
    packet_info,
    receiving_socket,
    sending_socket,
)
from vrrp_compat.sockets.segment_port import PortSettings, PortUnavailable, Receive, SegmentPort, SendFailed
from vrrp_compat.wire.advertisement import Datagram

# The longest message has 4088 bytes (255 IPv6 addresses). What does not fit is cut, and too long even so.
_DATAGRAM_BYTES = 8192
_ANCILLARY_BYTES = socket.CMSG_SPACE(20) + socket.CMSG_SPACE(4)
_AT_ONCE = 256
# More than a receive buffer holds, so that `drain` ends although others go on sending.
_ALL_WAITING = 4096
_INT = struct.Struct("=i")


class RawPorts:
    """Implements `SegmentPorts`. `open_socket` makes the sockets: in another namespace, for tests."""

    def __init__(self, open_socket: OpenSocket = socket.socket) -> None:
        self._open_socket = open_socket

    def open(self, settings: PortSettings, receive: Receive) -> SegmentPort | PortUnavailable:
        """See `SegmentPorts.open`."""
        sockets: list[socket.socket] = []
        try:
            sockets.append(sending_socket(self._open_socket, settings.ip_version, settings.sending_interface))
            for protocol in sorted(settings.protocols):
                sockets.append(  # noqa: PERF401 - those opened before a refusal are closed below
                    receiving_socket(
                        self._open_socket,
                        settings.ip_version,
                        protocol,
                        settings.interface,
                        sorted(settings.groups),
                    )
                )
        except OSError as refused:
            for sock in sockets:
                sock.close()
            return _unavailable(settings, refused)
        port_kind = _Ipv4Port if settings.ip_version == 4 else _Ipv6Port
        return port_kind(settings, receive, sockets[0], sockets[1:])


def _unavailable(settings: PortSettings, refused: OSError) -> PortUnavailable:
    places = " and ".join(dict.fromkeys((settings.interface, settings.sending_interface)))
    if refused.errno in (errno.EPERM, errno.EACCES):
        raise MissingPrivilege(
            f"VRRP on {places} needs CAP_NET_RAW, which this process does not have: run the agent as root, "
            "or grant it in the systemd unit: AmbientCapabilities=CAP_NET_RAW"
        ) from refused
    if refused.errno == errno.ENODEV:
        return PortUnavailable(f"there is no interface {places}")
    if refused.errno == errno.ENOBUFS:
        return PortUnavailable(
            f"{places}: this host allows no more groups to one socket: raise net.ipv4.igmp_max_memberships"
        )
    return PortUnavailable(f"{places}: {refused.strerror}")


class _RawPort(abc.ABC):
    """What both IP versions share."""

    def __init__(
        self, settings: PortSettings, receive: Receive, sender: socket.socket, ears: list[socket.socket]
    ) -> None:
        self.settings = settings
        self._receive = receive
        self._heard = settings.groups | settings.addresses
        self._sender = sender
        self._ears = ears
        self._indices = self._read_indices()
        self._loop = asyncio.get_running_loop()
        for ear in ears:
            self._loop.add_reader(ear, self._read, ear, _AT_ONCE)

    def _read_indices(self) -> tuple[int, int]:
        return (
            interface_index(self._sender, self.settings.interface),
            interface_index(self._sender, self.settings.sending_interface),
        )

    def is_stale(self) -> bool:
        """See `SegmentPort.is_stale`."""
        return self._read_indices() != self._indices

    def drain(self) -> int:
        """See `SegmentPort.drain`."""
        return sum(self._read(ear, _ALL_WAITING) for ear in list(self._ears))

    @abc.abstractmethod
    def send(self, datagram: Datagram) -> SendFailed | None:
        """See `SegmentPort.send`."""

    @abc.abstractmethod
    def _read(self, ear: socket.socket, at_most: int) -> int:
        """Hand on at most so many of those that wait; how many were for us."""

    def close(self) -> None:
        """See `SegmentPort.close`."""
        for ear in self._ears:
            self._loop.remove_reader(ear)
            ear.close()
        self._ears = []
        self._sender.close()


class _Ipv4Port(_RawPort):
    def send(self, datagram: Datagram) -> SendFailed | None:
        """See `SegmentPort.send`."""
        try:
            self._sender.sendto(datagram.header + datagram.payload, (_ipv4_text(datagram.destination), 0))
        except OSError as refused:
            return _send_failed(refused)
        return None

    def _read(self, ear: socket.socket, at_most: int) -> int:
        heard = self._heard
        given = 0
        for _ in range(at_most):
            try:
                data = ear.recv(_DATAGRAM_BYTES)
            except OSError:
                # Nothing waits any more; or the callback closed us, or a link went down, told once.
                break
            destination = data[16:20]
            if destination not in heard:
                continue
            header_bytes = (data[0] & 0x0F) * 4  # the kernel has verified it
            given += 1
            self._receive(
                self.settings.interface,
                Datagram(
                    source=data[12:16],
                    destination=destination,
                    ttl=data[8],
                    protocol=data[9],
                    payload=data[header_bytes:],
                    header=data[:header_bytes],
                ),
            )
        return given


class _Ipv6Port(_RawPort):
    def send(self, datagram: Datagram) -> SendFailed | None:
        """See `SegmentPort.send`."""
        index = self._indices[1]
        ancillary = [
            (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packet_info(datagram.source, index)),
            (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, _INT.pack(datagram.ttl)),
        ]
        address = (_ipv6_text(datagram.destination), 0, 0, index)
        try:
            self._sender.sendmsg([datagram.payload], ancillary, 0, address)
        except OSError as refused:
            return _send_failed(refused)
        return None

    def _read(self, ear: socket.socket, at_most: int) -> int:
        heard = self._heard
        given = 0
        for _ in range(at_most):
            try:
                payload, ancillary, _, address = ear.recvmsg(_DATAGRAM_BYTES, _ANCILLARY_BYTES)
            except OSError:
                break  # as in IPv4
            destination = b""
            hop_limit = 0
            for _, kind, value in ancillary:
                if kind == socket.IPV6_PKTINFO:
                    destination = packet_destination(value)
                elif kind == socket.IPV6_HOPLIMIT:
                    (hop_limit,) = _INT.unpack(value)
            if destination not in heard:
                continue
            given += 1
            self._receive(
                self.settings.interface,
                Datagram(
                    source=_ipv6_bytes(address[0]),
                    destination=destination,
                    ttl=hop_limit,
                    protocol=ear.proto,
                    payload=payload,
                ),
            )
        return given


def _send_failed(refused: OSError) -> SendFailed:
    number = refused.errno or 0
    return SendFailed(os.strerror(number), number)


@functools.lru_cache(maxsize=1024)
def _ipv4_text(packed: bytes) -> str:
    return socket.inet_ntoa(packed)


@functools.lru_cache(maxsize=1024)
def _ipv6_text(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6, packed)


@functools.lru_cache(maxsize=1024)
def _ipv6_bytes(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
