"""A server that gives each ZooKeeper client a session and then answers as it was told, however wrongly."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

# From a request's xid and the number of its operation to whole answers, without their lengths.
Script = Callable[[int, int], bytes]

GREETING = struct.pack(">iiq", 0, 10_000, 7) + struct.pack(">i", 16) + bytes(16) + b"\0"


def framed(message: bytes) -> bytes:
    """With its length, as everything is sent."""
    return struct.pack(">i", len(message)) + message


def reply(xid: int, error: int = 0, body: bytes = b"", zxid: int = 1) -> bytes:
    """The header of an answer, and what follows it."""
    return struct.pack(">iqi", xid, zxid, error) + body


class _Scripted(asyncio.Protocol):
    def __init__(self, script: Script, greeting: bytes) -> None:
        self._script = script
        self._greeting: bytes | None = greeting
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._received += data
        while len(self._received) >= 4:
            (length,) = struct.unpack_from(">i", self._received)
            frame, rest = self._received[4 : 4 + length], self._received[4 + length :]
            if len(frame) < length:
                return
            self._received = rest
            if self._greeting is not None:
                self._transport.write(framed(self._greeting))
                self._greeting = None
            else:
                xid, operation = struct.unpack_from(">ii", frame)
                self._transport.write(self._script(xid, operation))


@asynccontextmanager
async def scripted_zookeeper(script: Script, greeting: bytes = GREETING) -> AsyncGenerator[str, None]:
    """Its endpoint; gone at the end."""
    server = await asyncio.get_running_loop().create_server(
        lambda: _Scripted(script, greeting), "127.0.0.1", 0
    )
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.sleep(0.01)  # the ends of connections that the client has just closed
