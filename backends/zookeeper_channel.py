"""One connection to a ZooKeeper server: requests, their answers in order, and events between them.

Rules of this file:

- A `Connection` is made once and never again behind a call's back, so nothing is sent twice or late. Its
  session means nothing to us: no ephemeral znode, no safety hangs on it.
- Answers and events are handed on in the order in which the server sent them, before anything later is read.
- A connection that did not answer in time gets no new calls; it is dropped when its last call or watch has
  ended.
- The messages are kazoo's.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import msgspec
from kazoo.protocol.serialization import (
    CloseInstance,
    Connect,
    PingInstance,
    ReplyHeader,
    Watch,
)

from backends.zookeeper_failures import CONNECTION_LOST, FAREWELLS, OK, TLS_REFUSED, CallFailed, refused
from backends.zookeeper_settings import ZookeeperAddress

# The server forgets a session so long after its last sign of life. We lose nothing by it, so it only has to
# be longer than a busy machine pauses.
SESSION_TIMEOUT_S = 10.0
_PING_EVERY_S = SESSION_TIMEOUT_S / 3

_WATCH_XID, _PING_XID, AUTH_XID = -1, -2, -4
_LARGEST_XID = 2**31 - 1
# ZooKeeper's own limit for what it sends is 1 MB unless raised; a larger length is no answer of its.
_LARGEST_FRAME = 64 * 2**20
_LENGTH = struct.Struct(">i")

# What kazoo's messages raise for bytes that are none.
_NONSENSE = (struct.error, ValueError, LookupError, RuntimeError, TypeError)


class Request(Protocol):
    """One of kazoo's messages, or one like them."""

    @property
    def type(self) -> int | None:
        """The number of the operation."""
        ...

    def serialize(self) -> bytes | bytearray:
        """What is sent."""
        ...


class Answer(msgspec.Struct, frozen=True):
    """What came back: an error code (0 for none) and what the message says, at one moment of the store."""

    zxid: int  # the last change that the server had applied
    error: int
    value: Any = None


class Listener(Protocol):
    """Hears what the server says unasked."""

    def changed(self, kind: int, path: str) -> None:
        """A watched znode was made (1), deleted (2) or changed (3)."""
        ...

    def lost(self, why: str) -> None:
        """Nothing more will be heard."""
        ...


class Connection(asyncio.Protocol):
    """One connection and its session. `open` first."""

    def __init__(self, address: ZookeeperAddress) -> None:
        self.address = address
        self.listeners: list[Listener] = []
        self.answers = 0  # so many requests were answered
        self.lost_why: str | None = None
        self._lost_code = CONNECTION_LOST
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._greeting: asyncio.Future[None] = self._loop.create_future()
        self._received = bytearray()
        self._unsent = bytearray()
        self._flushing = False
        self._pending: deque[tuple[int, Request, Callable[[Answer], None]]] = deque()
        self._xid = 0
        self._ping: asyncio.TimerHandle | None = None
        self._users = 0
        self._retired = False

    async def open(self) -> None:
        """Connect and begin a session. CallFailed or OSError when that fails."""
        await self._loop.create_connection(
            lambda: self, self.address.host, self.address.port, ssl=self.address.tls
        )
        # Saying which change we saw last would make a server refuse us that was restored from a backup.
        self._frame(Connect(0, 0, int(SESSION_TIMEOUT_S * 1000), 0, b"\0" * 16, False).serialize())
        await self._greeting
        if self.lost_why is not None:
            raise refused(self.address, "connecting", self._lost_code, self.lost_why)
        self._ping = self._loop.call_later(_PING_EVERY_S, self._send_ping)

    @property
    def usable(self) -> bool:
        """Whether a new call makes sense."""
        return self.lost_why is None and not self._retired

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While this lasts, `retire` does not drop the connection."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if self._retired and not self._users:
                self.drop("it did not answer in time")

    def retire(self) -> None:
        """Take no new calls, and go when the last has ended."""
        self._retired = True
        if not self._users:
            self.drop("it did not answer in time")

    def drop(self, why: str) -> None:
        """Go now; calls that are under way fail."""
        self._retired = True
        if self.lost_why is None:
            self.send(CloseInstance, lambda _: None)
            self._flush()
            self._end(why)

    def send(self, request: Request, on_answer: Callable[[Answer], None], *, xid: int | None = None) -> None:
        """Send soon, together with what else is sent by then. `on_answer` is called once, in stream order."""
        if self.lost_why is not None:
            on_answer(Answer(0, self._lost_code, self.lost_why))
            return
        if xid is None:
            self._xid = xid = self._xid % _LARGEST_XID + 1
        self._pending.append((xid, request, on_answer))
        self._frame(struct.pack(">ii", xid, request.type or 0) + request.serialize())

    def ask(self, request: Request, *, xid: int | None = None) -> asyncio.Future[Answer]:
        """The answer, in time. Who asks many at once need not wait for each."""
        future: asyncio.Future[Answer] = self._loop.create_future()

        def answered(answer: Answer) -> None:
            if not future.done():
                future.set_result(answer)

        self.send(request, answered, xid=xid)
        return future

    async def call(self, request: Request, doing: str) -> Answer:
        """An answer without an error. CallFailed for any other."""
        with self.in_use():
            return self.accepted(await self.ask(request), doing)

    def accepted(self, answer: Answer, doing: str) -> Answer:
        """The answer if it is none of an error. CallFailed otherwise."""
        if answer.error != OK:
            raise self.failure(answer, doing)
        return answer

    def failure(self, answer: Answer, doing: str) -> CallFailed:
        """What an answer with an error means."""
        return refused(self.address, doing, answer.error, answer.value)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_connection makes no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        received = self._received
        received += data
        start = 0
        while self.lost_why is None and len(received) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(received, start)
            if not 0 <= length <= _LARGEST_FRAME:
                self._end(f"the answer is not ZooKeeper's (a length of {length})")
                return
            end = start + _LENGTH.size + length
            if len(received) < end:
                break
            self._take(bytes(received[start + _LENGTH.size : end]))
            start = end
        del received[:start]

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by asyncio."""
        if isinstance(exc, ssl.SSLError) and self.lost_why is None:
            self._lost_code = TLS_REFUSED
        self._end(f"connection lost ({exc})" if exc else "the server ended the connection")

    def _take(self, frame: bytes) -> None:
        try:
            if not self._greeting.done():
                self._greet(frame)
                return
            header, offset = ReplyHeader.deserialize(frame, 0)
            if header.xid == _WATCH_XID:
                event, _ = Watch.deserialize(frame, offset)
                for listener in tuple(self.listeners):
                    listener.changed(event.type, event.path)
            elif header.xid != _PING_XID:
                self._answer(header, frame, offset)
        except _NONSENSE as error:
            self._end(f"the answer is not ZooKeeper's ({type(error).__name__}: {error})")

    def _greet(self, frame: bytes) -> None:
        greeting, _ = Connect.deserialize(frame, 0)
        if greeting.time_out <= 0:
            self._end("the server gave us no session")
        else:
            self._greeting.set_result(None)

    def _answer(self, header: Any, frame: bytes, offset: int) -> None:
        xid, request, on_answer = self._pending.popleft()
        value = None
        try:
            if header.xid != xid:
                raise ValueError(f"it answers request {header.xid}, not {xid}")
            if header.err == OK and hasattr(request, "deserialize"):
                value = request.deserialize(frame, offset)
        except _NONSENSE:
            self._pending.appendleft((xid, request, on_answer))
            raise
        if header.err in FAREWELLS:
            self._retired = True
        self.answers += 1
        on_answer(Answer(header.zxid, header.err, value))

    def _frame(self, message: bytes | bytearray) -> None:
        self._unsent += _LENGTH.pack(len(message)) + message
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._unsent and self._transport is not None and self.lost_why is None:
            self._transport.write(bytes(self._unsent))
        self._unsent.clear()

    def _send_ping(self) -> None:
        self._frame(struct.pack(">ii", _PING_XID, PingInstance.type))
        self._ping = self._loop.call_later(_PING_EVERY_S, self._send_ping)

    def _end(self, why: str) -> None:
        if self.lost_why is not None:
            return
        self.lost_why = why
        if self._ping is not None:
            self._ping.cancel()
        if self._transport is not None:
            # close() would wait for a peer that may be gone. In Python 3.11.2 a TLS transport that was
            # closed twice cannot be aborted.
            with suppress(AttributeError):
                self._transport.abort()
        if not self._greeting.done():
            self._greeting.set_result(None)
        pending, self._pending = self._pending, deque()
        for _, _, on_answer in pending:
            on_answer(Answer(0, self._lost_code, why))
        for listener in tuple(self.listeners):
            listener.lost(why)
