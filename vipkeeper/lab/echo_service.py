"""A UDP service in every host at once: it answers a probe with the node's name, from the address asked.

Rules of this file: one process holds a socket in each host's namespace, so that hosts have no process but
the agent; it is bound to every address, so it answers for a VIP exactly when the kernel lets it.

Run as `python -m vipkeeper.lab.echo_service NAME=NAMESPACE...`; it prints `ready` and ends with SIGTERM.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import sys

from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.probe_frames import ECHO_PORT

# Linux values; this Python has no name for the first two.
_IP_PKTINFO = 8
_IN_PKTINFO = struct.Struct("=i4s4s")  # interface, address to send from, address it was sent to
_IN6_PKTINFO = struct.Struct("=16si")


def serve(hosts: dict[str, Namespace]) -> None:
    """Answer until the process is ended."""
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        for name, namespace in hosts.items():
            for family in (socket.AF_INET, socket.AF_INET6):
                listener = stack.enter_context(namespace.socket(family, socket.SOCK_DGRAM))
                _listen(listener)
                selector.register(listener, selectors.EVENT_READ, name.encode())
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)  # noqa: S101 (only sockets are registered)
                answer(key.fileobj, key.data)


def _listen(listener: socket.socket) -> None:
    if listener.family == socket.AF_INET:
        listener.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        listener.bind(("0.0.0.0", ECHO_PORT))  # noqa: S104 (inside a lab's namespace)
    else:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        listener.bind(("::", ECHO_PORT))
    listener.setblocking(False)


def answer(listener: socket.socket, name: bytes) -> None:
    """Answer everything that waits in one socket."""
    while True:
        try:
            payload, ancillary, _, peer = listener.recvmsg(256, 128)
        except BlockingIOError:
            return
        level, kind, info = ancillary[0]
        if listener.family == socket.AF_INET:
            _, _, asked = _IN_PKTINFO.unpack(info[: _IN_PKTINFO.size])
            source = _IN_PKTINFO.pack(0, asked, bytes(4))
        else:
            asked, _ = _IN6_PKTINFO.unpack(info[: _IN6_PKTINFO.size])
            source = _IN6_PKTINFO.pack(asked, 0)
        # The address may be gone by now, the link down, or a fence in the way: then there is no answer.
        with contextlib.suppress(OSError):
            listener.sendmsg([payload, name], [(level, kind, source)], 0, peer)


def main(arguments: list[str]) -> None:
    # The first processor is the observer's; where there is another one, answer from there.
    others = os.sched_getaffinity(0) - {0}
    if others:
        os.sched_setaffinity(0, others)
    pairs = (argument.split("=", 1) for argument in arguments)
    serve({name: Namespace(namespace) for name, namespace in pairs})


if __name__ == "__main__":
    main(sys.argv[1:])
