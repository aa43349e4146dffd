"""Every VRRP advertisement on a lab's LAN, heard at the switch: when, on whose cable, and its raw bytes.

Rules of this file: it reads as much of a packet as a test needs to tell packets apart, with code of its own,
because it judges the product's decoder too. Frames are taken where a host's cable enters the switch: so the
sender is known by its cable, and unicast is heard like multicast. Times are CLOCK_BOOTTIME, made from the
kernel's own stamp.
"""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator

import msgspec

from vipkeeper.lab.network import Network

_ETH_ALL, _ETH_IPV4, _ETH_IPV6 = 0x0003, 0x0800, 0x86DD
_VRRP, _AH = 112, 51
_AH_BYTES = 24
_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_SOL_PACKET, _PACKET_IGNORE_OUTGOING = 263, 23
_TIMESPEC = struct.Struct("=qq")
_SNAP_BYTES = 2048
_POLL_S = 0.02

# tcpdump -dd of "ip proto 112 or ip proto 51 or ip6 proto 112", without what a VLAN would need.
_FILTER = (
    (0x28, 0, 0, 12),  # the frame's type
    (0x15, 0, 3, _ETH_IPV4),
    (0x30, 0, 0, 23),  # IPv4's protocol
    (0x15, 4, 0, _VRRP),
    (0x15, 3, 4, _AH),
    (0x15, 0, 3, _ETH_IPV6),
    (0x30, 0, 0, 20),  # IPv6's next header
    (0x15, 0, 1, _VRRP),
    (0x06, 0, 0, _SNAP_BYTES),
    (0x06, 0, 0, 0),
)


class Advert(msgspec.Struct, frozen=True):
    """One packet. `message` is the VRRP message alone, `frame` all of it."""

    received_ns: int
    host: str
    source_mac: str
    source: str
    destination: str
    ttl: int
    version: int
    vrid: int
    priority: int
    authenticated: bool  # came in AH
    message: bytes
    frame: bytes

    @property
    def is_multicast(self) -> bool:
        return ipaddress.ip_address(self.destination).is_multicast


class Adverts:
    """What was heard so far; a thread goes on listening."""

    def __init__(self, ears: dict[int, tuple[socket.socket, str]]) -> None:
        self._ears = ears
        self._heard: list[Advert] = []
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="adverts")
        self._thread.start()

    def heard(self, *, since_ns: int = 0, host: str | None = None, vrid: int | None = None) -> list[Advert]:
        """In the order of their arrival."""
        return [
            each
            for each in tuple(self._heard)
            if each.received_ns >= since_ns and host in (None, each.host) and vrid in (None, each.vrid)
        ]

    def wait_for(
        self, *, since_ns: int, host: str | None = None, priority: int | None = None, timeout_s: float = 20.0
    ) -> Advert:
        """The first one since then of that host and priority. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while True:
            for each in self.heard(since_ns=since_ns, host=host):
                if priority in (None, each.priority):
                    return each
            if time.monotonic() > deadline:
                raise TimeoutError(f"no advertisement of {host or 'anybody'} within {timeout_s:g} s")
            time.sleep(_POLL_S)

    def _listen(self) -> None:
        poll = select.poll()
        for number in (*self._ears, self._stop_read):
            poll.register(number, select.POLLIN)
        while True:
            for number, _ in poll.poll():
                if number == self._stop_read:
                    return
                self._read(*self._ears[number])

    def _read(self, ear: socket.socket, host: str) -> None:
        try:
            frame, ancillary, _, _ = ear.recvmsg(_SNAP_BYTES, 64)
        except OSError:  # the cable was pulled; it hears again when it is back
            return
        advert = read_advert(frame, host=host, received_ns=_received_ns(ancillary))
        if advert is not None:
            self._heard.append(advert)

    def close(self) -> None:
        os.write(self._stop_write, b"x")
        self._thread.join()
        for ear, _ in self._ears.values():
            ear.close()
        os.close(self._stop_read)
        os.close(self._stop_write)


def read_advert(frame: bytes, *, host: str = "", received_ns: int = 0) -> Advert | None:
    """None for what is too short to be one."""
    (ether_type,) = struct.unpack_from("!H", frame, 12)
    packet = frame[14:]
    if ether_type == _ETH_IPV4:
        packet = packet[: struct.unpack_from("!H", packet, 2)[0]]  # a short frame is padded
        source, destination, ttl = packet[12:16], packet[16:20], packet[8]
        start = (packet[0] & 15) * 4
        authenticated = packet[9] == _AH
    else:
        packet = packet[: 40 + struct.unpack_from("!H", packet, 4)[0]]
        source, destination, ttl = packet[8:24], packet[24:40], packet[7]
        start, authenticated = 40, False
    message = packet[start + (_AH_BYTES if authenticated else 0) :]
    if len(message) < 8:
        return None
    return Advert(
        received_ns=received_ns,
        host=host,
        source_mac=frame[6:12].hex(":"),
        source=str(ipaddress.ip_address(source)),
        destination=str(ipaddress.ip_address(destination)),
        ttl=ttl,
        version=message[0] >> 4,
        vrid=message[1],
        priority=message[2],
        authenticated=authenticated,
        message=message,
        frame=frame,
    )


def _received_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    for level, kind, stamp in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack(stamp[: _TIMESPEC.size])
            age_ns: int = time.clock_gettime_ns(time.CLOCK_REALTIME) - seconds * 10**9 - nanoseconds
            return now_ns - age_ns
    return now_ns


@contextlib.contextmanager
def hear_adverts(network: Network) -> Iterator[Adverts]:
    """Listen at every host's port of the switch until the block ends."""
    ears = {}
    for host in network.hosts:
        ear = network.switch.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        ear.setblocking(False)
        ear.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        ear.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)  # what the switch passes on to this host
        _attach_filter(ear)
        ear.bind((host.lan_port, _ETH_ALL))
        ears[ear.fileno()] = (ear, host.name)
    adverts = Adverts(ears)
    try:
        yield adverts
    finally:
        adverts.close()


def _attach_filter(ear: socket.socket) -> None:
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in _FILTER)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(_FILTER), ctypes.addressof(buffer))
    ear.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
