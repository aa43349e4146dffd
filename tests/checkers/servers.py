"""Real servers of a test: those that answer, those that are silent, those that are gone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator

from vipkeeper.health.checkers.results import Turn
from vipkeeper.model.balancing import Reach

PATIENCE_S = 30.0  # far longer than anything here takes
LONG_S = 60.0  # a time limit that no test waits for
SHORT_S = 0.2  # one that a test waits for
TURN = Turn()


async def until(true: Callable[[], bool]) -> None:
    """Let others run until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - what is waited for happens in the kernel
            await asyncio.sleep(0.005)


@contextlib.contextmanager
def listening(address: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[socket.socket, Reach]]:
    """A server that takes connections (the kernel does it) and says nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family, backlog=64) as server:
        yield server, Reach(address, server.getsockname()[1])


@contextlib.contextmanager
def overloaded() -> Iterator[Reach]:
    """A server that takes no more connections: its queue is full, so the kernel drops what comes."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        waiting = stack.enter_context(socket.socket())
        waiting.connect(server.getsockname())
        yield Reach(*server.getsockname())


def closed_port(address: str = "127.0.0.1") -> Reach:
    """Nobody listens there. It is bound by nobody and was just free."""
    with listening(address) as (_, reach):
        return reach


class Datagrams(asyncio.DatagramProtocol):
    """A UDP server that keeps what comes, and answers only when it is told to."""

    def __init__(self) -> None:
        self.senders: list[tuple[str, int]] = []
        self.heard: list[bytes] = []
        self.automatic: bytes | None = None
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def reach(self) -> Reach:
        assert self._transport is not None
        return Reach(*self._transport.get_extra_info("sockname")[:2])

    def has_heard(self, count: int) -> bool:
        return len(self.heard) >= count

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override] # narrower
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)
        self.senders.append(addr)
        if self.automatic is not None:
            self.answer(self.automatic, addr)

    def answer(self, data: bytes, sender: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(data, sender)


@contextlib.asynccontextmanager
async def datagram_server() -> AsyncIterator[Datagrams]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()
        await asyncio.sleep(0)  # it closes its socket in the next turn
