"""A relay before a server that holds requests back, or loses replies, as a network and a busy server may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.contract.calls import PATIENCE_S


class Relay:
    """Set the attributes at any time."""

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self.server = (parts.hostname or "", parts.port or 0)
        self.url = ""
        self.hold_requests = False
        self.deaf = False  # what clients send, and that they leave, is never known
        self.lose_replies = False
        self.held = b""
        self._held_for: _ServerSide | None = None
        self._more_held = asyncio.Event()

    async def has_held(self, part: bytes) -> None:
        """Wait until it has held back a request with this in it."""
        async with asyncio.timeout(PATIENCE_S):
            while part not in self.held:
                self._more_held.clear()
                await self._more_held.wait()

    def release(self) -> None:
        """Pass on what was held."""
        assert self._held_for is not None
        self.hold_requests = False
        self._held_for.send(self.held)

    def take(self, data: bytes, side: _ServerSide) -> None:
        """A client sent something."""
        if self.deaf:
            return
        if self.hold_requests:
            self.held += data
            self._held_for = side
            self._more_held.set()
        else:
            side.send(data)


class _ServerSide(asyncio.Protocol):
    """The relay's connection to the server."""

    def __init__(self, relay: Relay, client: asyncio.Transport) -> None:
        self._relay = relay
        self._client = client
        self._server: asyncio.Transport | None = None
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._server = transport
        transport.write(self._early)

    def data_received(self, data: bytes) -> None:
        if not self._relay.lose_replies and not self._client.is_closing():
            self._client.write(data)

    def send(self, data: bytes) -> None:
        if self._server is None:
            self._early += data
        else:
            self._server.write(data)

    def leave(self) -> None:
        if self._server is not None:
            self._server.close()


class _ClientSide(asyncio.Protocol):
    """A client's connection to the relay."""

    def __init__(self, relay: Relay, sides: list[_ServerSide]) -> None:
        self._relay = relay
        self._sides = sides
        self._connecting: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._side = _ServerSide(self._relay, transport)
        self._sides.append(self._side)
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(loop.create_connection(lambda: self._side, *self._relay.server))

    def data_received(self, data: bytes) -> None:
        self._relay.take(data, self._side)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._relay.deaf:
            self._side.leave()


@asynccontextmanager
async def relay(server_url: str) -> AsyncGenerator[Relay, None]:
    """A relay on loopback, gone at the end."""
    running = Relay(server_url)
    sides: list[_ServerSide] = []
    server = await asyncio.get_running_loop().create_server(
        lambda: _ClientSide(running, sides), "127.0.0.1", 0
    )
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield running
    finally:
        server.close()
        for side in sides:
            side.leave()
        await asyncio.sleep(0.01)  # for the ends of these connections
