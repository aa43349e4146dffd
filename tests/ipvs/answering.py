"""Real servers that say who they are, and a client that asks: TCP, UDP and SCTP.

Rules of this file: real sockets; one thread serves them all. A stream tells the name once and then echoes, a
datagram is answered by the name.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator

from vipkeeper.lab.namespaces import Namespace
from vipkeeper.model.ipvs import AddressKey, Transport, ip_version

PATIENCE_S = 20.0
# Linux has them; Python has no name for them. A real server of a test listens before it has the address.
_FREEBIND = {4: (socket.IPPROTO_IP, 15), 6: (socket.IPPROTO_IPV6, 78)}
_KINDS = {
    Transport.TCP: (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    Transport.UDP: (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    Transport.SCTP: (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
_MOST = 64


def open_socket(inside: Namespace, transport: Transport, address: str) -> socket.socket:
    """One for this address, unbound. Raises OSError."""
    family = socket.AF_INET if ip_version(address) == 4 else socket.AF_INET6
    return inside.socket(family, *_KINDS[transport])


class Answering:
    """All servers of a test; each is one listening socket of some namespace."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="answering")
        self._thread.start()

    def listen(self, name: str, inside: Namespace, key: AddressKey) -> Callable[[], None]:
        """Answer there from now on; calling the result ends it."""
        listener = open_socket(inside, key.transport, key.address)
        level, option = _FREEBIND[key.ip_version]
        listener.setsockopt(level, option, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((key.address, key.port))
        listener.setblocking(False)
        if key.transport is not Transport.UDP:
            listener.listen()
        answer = _tell_datagram if key.transport is Transport.UDP else self._accept
        with self._lock:
            self._selector.register(listener, selectors.EVENT_READ, (answer, name.encode()))

        def end() -> None:
            with self._lock:
                self._selector.unregister(listener)
            listener.close()

        return end

    def close(self) -> None:
        """End all of them."""
        self._ending.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()

    def _serve(self) -> None:
        while not self._ending.is_set():
            ready = self._selector.select(0.05)
            with self._lock:
                known = self._selector.get_map()
                for key, _ in ready:
                    if known.get(key.fileobj) is not None:
                        answer, name = key.data
                        answer(key.fileobj, name)

    def _accept(self, listener: socket.socket, name: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            stream, _ = listener.accept()
            stream.sendall(name)
            self._selector.register(stream, selectors.EVENT_READ, (self._echo, name))

    def _echo(self, stream: socket.socket, _name: bytes) -> None:
        try:
            data = stream.recv(_MOST)
        except OSError:
            data = b""
        if data:
            stream.sendall(data)
        else:
            self._selector.unregister(stream)
            stream.close()


def _tell_datagram(listener: socket.socket, name: bytes) -> None:
    with contextlib.suppress(BlockingIOError):
        _, client = listener.recvfrom(_MOST)
        listener.sendto(name, client)


@contextlib.contextmanager
def answering() -> Iterator[Answering]:
    made = Answering()
    try:
        yield made
    finally:
        made.close()


class Conversation:
    """One connection of a client, to the server that it got. Raises OSError."""

    def __init__(self, client: Namespace, key: AddressKey) -> None:
        self._socket = open_socket(client, key.transport, key.address)
        self._socket.settimeout(PATIENCE_S)
        try:
            self._socket.connect((key.address, key.port))
            if key.transport is Transport.UDP:
                self._socket.send(b"who")
            self.server = self._socket.recv(_MOST).decode()
        except BaseException:
            self._socket.close()
            raise

    def goes_on(self) -> bool:
        """Whether the same server still echoes."""
        self._socket.sendall(b"still there")
        return self._socket.recv(_MOST) == b"still there"

    def end(self) -> None:
        self._socket.close()


def ask(client: Namespace, key: AddressKey, times: int) -> Counter[str]:
    """Which servers answered that many connections of one client, one after the other."""
    answers: Counter[str] = Counter()
    for _ in range(times):
        conversation = Conversation(client, key)
        answers[conversation.server] += 1
        conversation.end()
    return answers
