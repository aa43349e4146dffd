"""Sockets of checks: from the address, port, interface and mark that a check is to have, to its real server.

Rules of this file: IO. What the network or the real server answers is `Failed`; what this node lacks (files,
rights, an address, a firewall of its own) is `CannotCheck`, because it says nothing of the server. An error
that comes at once is this node's unless it can only be the server's or the way's; one that comes later came
by the network.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
from collections.abc import Callable
from ipaddress import ip_address

from vipkeeper.health.checkers.results import CannotCheck, Failed
from vipkeeper.model.balancing import Reach
from vipkeeper.model.ipvs import endpoint, ip_version

# At once, and yet not this node's: the loopback answers at once, and what has no route gets no client either.
_NOT_OURS = frozenset(
    {errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH}
)

_WORDS = {
    errno.ECONNREFUSED: "connection refused by {where}",
    errno.ECONNRESET: "connection reset by {where}",
    errno.EHOSTUNREACH: "{where} cannot be reached (no route to host)",
    errno.EHOSTDOWN: "{where} cannot be reached (host is down)",
    errno.ENETUNREACH: "there is no route to {where}",
    errno.ETIMEDOUT: "no answer from {where}",
    errno.EACCES: "a firewall on the way to {where} refuses it",
}

_RST_AT_CLOSE = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger: on, 0 s


class NoSocket(CannotCheck):
    """The kernel gives none, for reasons of this process or node."""

    def __init__(self, error: OSError) -> None:
        self.code = error.errno or 0
        super().__init__(_no_socket(error))


async def connected(reach: Reach, *, timeout_s: float) -> socket.socket:
    """A TCP connection, non-blocking. The caller closes it.

    With `bind_port` it is reset at the end, or else the port would be in TIME_WAIT at the next turn.
    """
    sock = opened(reach, socket.SOCK_STREAM)
    try:
        if reach.bind_port:
            reset_at_close(sock)
        code = sock.connect_ex(socket_address(reach))
        if code == errno.EINPROGRESS:
            if not await writable(sock, timeout_s):
                raise Failed(f"no answer from {where(reach)} within {timeout_s:g} s")
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise answered_with(code, reach)
        elif code:
            raise refused_with(code, reach)
        if sock.getsockname()[:2] == (reach.address, reach.port):
            # Of a port of this host that nobody has, the kernel may choose the same for us: TCP calls itself.
            reset_at_close(sock)
            raise answered_with(errno.ECONNREFUSED, reach)
    except BaseException:
        sock.close()
        raise
    return sock


def opened(reach: Reach, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
    """A non-blocking socket that goes out as the check wants it, not connected yet."""
    family = socket.AF_INET6 if ip_version(reach.address) == 6 else socket.AF_INET
    try:
        sock = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
    except OSError as error:
        raise NoSocket(error) from error
    try:
        _go_out_as(sock, reach)
    except BaseException:
        sock.close()
        raise
    return sock


def reset_at_close(sock: socket.socket) -> None:
    """Close with RST: nothing stays behind on either side."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_AT_CLOSE)


def where(reach: Reach) -> str:
    """The other end, for people."""
    return endpoint(reach.address, reach.port) if reach.port else reach.address


def socket_address(reach: Reach) -> tuple[str, int] | tuple[str, int, int, int]:
    """What `connect` takes. A link-local address needs an interface: its own %zone, or `bind_if`."""
    if ip_version(reach.address) == 4:
        return reach.address, reach.port
    return (*_scoped(reach.address, reach.port, reach.bind_if),)


def answered_with(code: int, reach: Reach) -> Failed:
    """An error that came by the network."""
    words = _WORDS.get(code, "{where}: {reason}")
    return Failed(words.format(where=where(reach), reason=os.strerror(code)))


def refused_with(code: int, reach: Reach) -> Failed | CannotCheck:
    """An error that the kernel had at once."""
    if code in _NOT_OURS:
        return answered_with(code, reach)
    if code in (errno.EPERM, errno.EACCES):
        return CannotCheck(
            "this node's own firewall or a route of type prohibit refuses checks: allow what goes out to "
            "the real servers"
        )
    if code == errno.ENOBUFS:
        return CannotCheck(
            "the kernel has no room for the packet of a check: raise net.ipv4.neigh.default.gc_thresh3 (and "
            "that of ipv6) if its log says `neighbor table overflow`, or look for drops in `tc -s qdisc`"
        )
    if code == errno.EADDRNOTAVAIL:
        return CannotCheck(
            "there is no free port or no source address left for checks: look at "
            "net.ipv4.ip_local_port_range, `bind_port` and `ip address`"
        )
    if code == errno.EINVAL and reach.address.startswith("fe80:"):
        return CannotCheck("a link-local address is checked through an interface: write `bind_if`")
    return CannotCheck(f"the kernel refuses to connect ({os.strerror(code)})")


async def writable(sock: socket.socket, timeout_s: float) -> bool:
    """Whether it became so (or has an error) in time."""
    loop = asyncio.get_running_loop()
    return await _became(loop.add_writer, loop.remove_writer, sock.fileno(), timeout_s)


async def readable(sock: socket.socket, timeout_s: float) -> bool:
    """Whether something came (or an error, or the end) in time."""
    loop = asyncio.get_running_loop()
    return await _became(loop.add_reader, loop.remove_reader, sock.fileno(), timeout_s)


async def _became(
    add: Callable[..., object], remove: Callable[[int], object], descriptor: int, timeout_s: float
) -> bool:
    """asyncio.timeout and sock_connect do the same; measured, a check of TCP cost a third more with them."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[bool] = loop.create_future()
    add(descriptor, _settle, waiter, True)
    timer = loop.call_later(timeout_s, _settle, waiter, False)
    try:
        return await waiter
    finally:
        timer.cancel()
        remove(descriptor)


def _settle(waiter: asyncio.Future[bool], result: bool) -> None:
    if not waiter.done():
        waiter.set_result(result)


def _go_out_as(sock: socket.socket, reach: Reach) -> None:
    if reach.fwmark:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, reach.fwmark)
        except OSError as error:
            raise CannotCheck(
                f"`fwmark` cannot be set ({error.strerror}): grant the process CAP_NET_ADMIN, or leave it out"
            ) from error
    if reach.bind_if:
        _bind_to_interface(sock, reach.bind_if)
    if reach.bindto or reach.bind_port:
        _bind_to_address(sock, reach)


def _bind_to_interface(sock: socket.socket, name: str) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode() + b"\0")
    except OSError as error:
        if error.errno == errno.ENODEV:
            raise CannotCheck(f"there is no interface {name}: correct `bind_if`, or make it") from error
        raise CannotCheck(f"`bind_if` {name} cannot be set ({error.strerror}): grant CAP_NET_RAW") from error


def _bind_to_address(sock: socket.socket, reach: Reach) -> None:
    source: tuple[str, int] | tuple[str, int, int, int]
    if sock.family == socket.AF_INET:
        source = reach.bindto or "0.0.0.0", reach.bind_port  # noqa: S104 - the source of what goes out
    else:
        source = _scoped(reach.bindto or "::", reach.bind_port, reach.bind_if)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(source)
    except OSError as error:
        shown = endpoint(source[0], source[1]) if reach.bind_port else source[0]
        remedy = {
            errno.EADDRNOTAVAIL: "no interface has that address: correct `bindto`, or add it",
            errno.EADDRINUSE: "something else uses that port: correct `bind_port`",
            errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE",
        }.get(error.errno or 0, "correct `bindto` and `bind_port`")
        raise CannotCheck(f"checks cannot go out from {shown} ({error.strerror}): {remedy}") from error


def _scoped(address: str, port: int, interface: str) -> tuple[str, int, int, int]:
    plain, _, zone = address.partition("%")
    name = zone or interface
    if not name or not ip_address(plain).is_link_local:
        return plain, port, 0, 0
    try:
        return plain, port, 0, socket.if_nametoindex(name)
    except OSError as error:
        raise CannotCheck(f"there is no interface {name}: correct {address}, or make it") from error


def _no_socket(error: OSError) -> str:
    if error.errno == errno.EMFILE:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return f"this process has {limit} files open and may have no more: raise LimitNOFILE of the unit"
    if error.errno == errno.ENFILE:
        return "the kernel has no file left for a socket: raise fs.file-max"
    return f"the kernel gives no socket ({error.strerror})"
