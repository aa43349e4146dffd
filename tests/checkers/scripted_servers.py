"""Servers on loopback that say exactly what a test wants, byte for byte, over TCP, TLS and UDP.

Rules of this file: each runs beside the test in threads of its own, as a server does, so that other programs
can be asked the same as ours.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import cast

ANY = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class Script:
    """What one server does with each connection, and what it saw.

    `parts` are sent one by one, with `pause_s` before each but the first. `then`: `close` says goodbye
    properly (TLS too), `cut` closes without TLS's goodbye, `reset` resets, `hold` keeps the connection open.
    """

    def __init__(
        self,
        *parts: bytes,
        then: str = "close",
        pause_s: float = 0.0,
        reads_request: bool = True,
        by_path: dict[str, bytes] | None = None,
    ) -> None:
        self.parts: Sequence[bytes] = parts
        self.then = then
        self.pause_s = pause_s
        self.reads_request = reads_request
        self.by_path = by_path or {}
        self.requests: list[bytes] = []
        self.names: list[str | None] = []  # SNI
        self.versions: list[str | None] = []
        self.client_certificates: list[bool] = []
        self.port = 0
        self.ended = threading.Event()

    @property
    def paths(self) -> list[str]:
        return [request.split(b" ")[1].decode() for request in self.requests]

    def talk(self, connection: socket.socket) -> None:
        if isinstance(connection, ssl.SSLSocket):
            self.versions.append(connection.version())
            self.client_certificates.append(bool(connection.getpeercert(binary_form=True)))
        parts = self.parts
        if self.reads_request:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                got = connection.recv(65536)
                if not got:
                    return
                request += got
            self.requests.append(request)
            path = request.split(b" ")[1].decode()
            parts = (self.by_path[path],) if path in self.by_path else parts
        for number, part in enumerate(parts):
            if number and self.ended.wait(self.pause_s):
                return
            connection.sendall(part)
        self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        if self.then == "hold":
            self.ended.wait()
        elif self.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            if self.then == "close" and isinstance(connection, ssl.SSLSocket):
                connection = connection.unwrap()
            # What was not read would turn the close into a reset.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


@contextlib.contextmanager
def serving(
    script: Script,
    *,
    context: ssl.SSLContext | None = None,
    family: socket.AddressFamily = socket.AF_INET,
) -> Iterator[Script]:
    """The server, which has its port in `script.port`."""
    if context is not None:
        context.sni_callback = lambda _tls, name, _context: script.names.append(name)
    with socket.create_server((ANY[family], 0), family=family, backlog=128) as listening:
        script.port = cast("int", listening.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listening, script, context), daemon=True)
        thread.start()
        try:
            yield script
        finally:
            script.ended.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listening: socket.socket, script: Script, context: ssl.SSLContext | None) -> None:
    talks: list[threading.Thread] = []
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            talks.append(threading.Thread(target=_talk, args=(connection, script, context), daemon=True))
            talks[-1].start()
    for talk in talks:
        talk.join()


def _talk(connection: socket.socket, script: Script, context: ssl.SSLContext | None) -> None:
    with connection, contextlib.suppress(OSError):
        if context is None:
            script.talk(connection)
            return
        with context.wrap_socket(connection, server_side=True) as encrypted:
            script.talk(encrypted)


@contextlib.contextmanager
def datagrams(answers: Callable[[bytes], Sequence[bytes]]) -> Iterator[int]:
    """A UDP server that sends what `answers` makes of each datagram; gives its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = cast("int", sock.getsockname()[1])

        def serve() -> None:
            while True:
                packet, sender = sock.recvfrom(65536)
                if not packet:
                    return
                for answer in answers(packet):
                    sock.sendto(answer, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", port))
            thread.join()
