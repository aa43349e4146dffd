"""Raw sockets as VRRP wants them, made one option at a time.

Rules of this file: every call may raise OSError; nothing here waits, and nothing leaves but for the reports
of joined groups. A name of an interface means what it means in the socket's own network namespace.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Callable, Iterable

OpenSocket = Callable[[int, int, int], socket.socket]

PRECEDENCE = 0xC0  # RFC 9568 5.2: internetwork control, as keepalived and FRR mark it

_SIOCGIFINDEX = 0x8933
_IFREQ = struct.Struct("=16si20x")
_IP_MULTICAST_ALL = 49
_IPV6_MULTICAST_ALL = 29
_IPV6_FREEBIND = 78
_SO_RCVBUFFORCE = 33
# Room for a tenth of a second of 255 routers that advertise every 10 ms: the kernel counts 768 bytes for
# each datagram, against twice this number.
_RECEIVE_BYTES = 1 << 20

_MREQN = struct.Struct("=4s4si")  # group, address, interface index
_MREQ6 = struct.Struct("=16si")
_PKTINFO6 = struct.Struct("=16si")


def interface_index(sock: socket.socket, name: str) -> int:
    """The index of an interface in the namespace of this socket; 0 when there is none of that name."""
    try:
        answer = fcntl.ioctl(sock, _SIOCGIFINDEX, _IFREQ.pack(name.encode(), 0))
    except OSError:
        return 0
    return int(_IFREQ.unpack(answer)[1])


def receiving_socket(
    open_socket: OpenSocket, ip_version: int, protocol: int, interface: str, groups: Iterable[bytes]
) -> socket.socket:
    """Hears `protocol` on one interface: these groups, and whatever is sent to an address of this host."""
    sock = _raw_socket(open_socket, ip_version, protocol, interface)
    try:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
        except PermissionError:  # that takes CAP_NET_ADMIN; the kernel grants its maximum to everybody
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        index = interface_index(sock, interface)
        if ip_version == 4:
            # Without this a socket hears the groups that any other program of the host has joined.
            sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            for group in groups:
                membership = _MREQN.pack(group, bytes(4), index)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        else:
            # The kernel is not asked to verify checksums (IPV6_CHECKSUM): what is wrong would vanish, and
            # nobody would count it.
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            for group in groups:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, _MREQ6.pack(group, index))
    except OSError:
        sock.close()
        raise
    return sock


def sending_socket(open_socket: OpenSocket, ip_version: int, interface: str) -> socket.socket:
    """Sends on one interface. Nothing is to be read from it."""
    # IPPROTO_RAW in IPv4: the header says which protocol it is, and nothing is ever received.
    protocol = socket.IPPROTO_RAW if ip_version == 4 else 112
    sock = _raw_socket(open_socket, ip_version, protocol, interface)
    try:
        # A full queue must not stop the loop: the advertisement is lost then, and the next one follows.
        sock.setblocking(False)
        index = interface_index(sock, interface)
        if ip_version == 4:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _MREQN.pack(bytes(4), bytes(4), index))
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, PRECEDENCE)
            # A virtual MAC interface speaks for the link-local address of its base, which it does not have.
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    except OSError:
        sock.close()
        raise
    return sock


def packet_info(source: bytes, index: int) -> bytes:
    """IPV6_PKTINFO: where it comes from, and where it goes out."""
    return _PKTINFO6.pack(source, index)


def packet_destination(packet_info: bytes) -> bytes:
    """The destination in a received IPV6_PKTINFO."""
    return packet_info[:16]


def _raw_socket(open_socket: OpenSocket, ip_version: int, protocol: int, interface: str) -> socket.socket:
    family = socket.AF_INET if ip_version == 4 else socket.AF_INET6
    sock = open_socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
    except OSError:
        sock.close()
        raise
    return sock
