"""Servers that etcd clients meet on bad days: silent ones, unreachable ones, and ones that talk nonsense."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded

Answer = Callable[[H2Connection, int], None]

GRPC_HEADERS = [(":status", "200"), ("content-type", "application/grpc")]


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections, as a stopped process does, and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield _url(listener)


@contextmanager
def unreachable_server() -> Iterator[str]:
    """Connecting hangs: its queue is full, so the kernel drops each further SYN, as a dead machine would."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(listener.getsockname())
        yield _url(listener)


@contextmanager
def refusing_server() -> Iterator[str]:
    """Nobody listens; the port stays ours, so that nobody else will."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield _url(unused)


@asynccontextmanager
async def babbling_server(babble: bytes, *, closes: bool = True) -> AsyncGenerator[str, None]:
    """Answers the first bytes of each connection with these, and closes it or is silent from then on."""
    async with _served(lambda: _Babbling(babble, closes)) as url:
        yield url


@asynccontextmanager
async def http2_server(answer: Answer) -> AsyncGenerator[str, None]:
    """Speaks HTTP/2 well; `answer` is called with the connection and the stream of each request."""
    async with _served(lambda: _Http2(answer)) as url:
        yield url


class _Babbling(asyncio.Protocol):
    def __init__(self, babble: bytes, closes: bool) -> None:
        self._babble = babble
        self._closes = closes
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(self._babble)
        self._babble = b""
        if self._closes:
            self._transport.close()


class _Http2(asyncio.Protocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        config = H2Configuration(client_side=False, validate_outbound_headers=False)
        self._connection = H2Connection(config)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connection.initiate_connection()
        transport.write(self._connection.data_to_send())

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        for event in self._connection.receive_data(data):
            if isinstance(event, StreamEnded):
                self._answer(self._connection, event.stream_id)
        self._transport.write(self._connection.data_to_send())


@asynccontextmanager
async def _served(protocol: Callable[[], asyncio.Protocol]) -> AsyncGenerator[str, None]:
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    try:
        yield _url(server.sockets[0])
    finally:
        server.close()
        await asyncio.sleep(0.01)  # the ends of connections that the client has just closed


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
