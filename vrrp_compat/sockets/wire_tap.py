"""Hears what routers say on an interface, whoever it is for: frames, not datagrams.

Rules of this file: a filter in the kernel, so that other traffic does not wake us; the network card is asked
for VRRP's groups and is never made promiscuous; nothing is sent.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import time

import msgspec

from vipkeeper.model.errors import ConfigError, KernelRefused, MissingPrivilege
from vrrp_compat.sockets.wire_filter import SNAP_BYTES, wire_filter

_ETH_ALL = 0x0003
_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")
_SOL_PACKET = 263
_PACKET_ADD_MEMBERSHIP, _PACKET_IGNORE_OUTGOING = 1, 23
_MEMBERSHIP = struct.Struct("=iHH8s")  # interface index, kind, address length, address
_MR_MULTICAST, _MR_ALLMULTI = 0, 2
_INSTRUCTION_BYTES = 8
_FRAMES_AT_ONCE = 64  # then others have their turn, whatever the wire carries

# RFC 1112 6.4 and RFC 2464 7, of 224.0.0.18 and ff02::12.
_GROUP_MACS = (bytes.fromhex("01005e000012"), bytes.fromhex("333300000012"))


class TappedFrame(msgspec.Struct, frozen=True):
    """`at_ns` is the kernel's stamp, in wall time. `own`: this host sent it."""

    at_ns: int
    own: bool
    frame: bytes


class WireTap:
    """One interface, in the network namespace of the thread that makes this.

    `neighbours`: ARP and neighbour discovery as well. `own`: also what this host sends.
    Raises MissingPrivilege without CAP_NET_RAW, ConfigError if there is no such interface.
    """

    def __init__(self, interface: str, *, neighbours: bool = False, own: bool = False) -> None:
        self.interface = interface
        self._socket = _opened(interface)
        try:
            index = socket.if_nametoindex(interface)
        except OSError as refused:
            self._socket.close()
            raise ConfigError(
                (f'this host has no interface "{interface}"; `ip link` shows those that it has',)
            ) from refused
        try:
            self._prepare(index, neighbours=neighbours, own=own)
        except OSError as refused:
            self._socket.close()
            raise KernelRefused(
                f"the kernel refused to let {interface} be listened to: {refused.strerror}",
                refused.errno or 0,
            ) from refused

    def _prepare(self, index: int, *, neighbours: bool, own: bool) -> None:
        tap = self._socket
        tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if not own:
            tap.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        code = wire_filter(neighbours=neighbours)
        buffer = ctypes.create_string_buffer(code, len(code))
        program = struct.pack("@HP", len(code) // _INSTRUCTION_BYTES, ctypes.addressof(buffer))
        tap.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        wanted = [(_MR_MULTICAST, mac) for mac in _GROUP_MACS]
        if neighbours:  # a solicitation goes to one of 16 million groups
            wanted.append((_MR_ALLMULTI, b""))
        for kind, mac in wanted:
            membership = _MEMBERSHIP.pack(index, kind, len(mac), mac)
            tap.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)
        # Protocol 0 received nothing until now: the filter comes first.
        tap.bind((self.interface, _ETH_ALL))

    def fileno(self) -> int:
        return self._socket.fileno()

    def frames(self) -> list[TappedFrame]:
        """Some of what waits; nothing when nothing does. The kernel drops what finds no room."""
        frames: list[TappedFrame] = []
        while len(frames) < _FRAMES_AT_ONCE:
            try:
                frame, ancillary, _, sender = self._socket.recvmsg(SNAP_BYTES, 64)
            except BlockingIOError:
                break
            except OSError as refused:
                # Told once when the link goes down; the tap hears again when it comes back.
                if refused.errno != errno.ENETDOWN:
                    raise
                continue
            frames.append(TappedFrame(_stamp_ns(ancillary), sender[2] == socket.PACKET_OUTGOING, frame))
        return frames

    def close(self) -> None:
        self._socket.close()


def _opened(interface: str) -> socket.socket:
    try:
        return socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0
        )
    except PermissionError as refused:
        raise MissingPrivilege(
            f"listening on {interface} needs CAP_NET_RAW, which this process does not have: run it as root"
        ) from refused


def _stamp_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, stamp in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack(stamp[: _TIMESPEC.size])
            return int(seconds) * 10**9 + int(nanoseconds)
    return time.time_ns()
