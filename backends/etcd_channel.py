"""One etcd endpoint: its connection, and calls over it.

Rules of this file:

- A `Connection` is made once and never again behind a call's back, so nothing is sent twice or late.
- A connection that did not answer in time gets no new calls; it is dropped, without a farewell that a dead
  peer would not hear, when its last call or watch has ended.
- grpclib cancels the task that waits for a lost stream. So every call runs in a task of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message
from grpclib.client import Channel, Handler, Stream, StreamStreamMethod, UnaryUnaryMethod
from grpclib.config import Configuration
from grpclib.encoding.proto import ProtoCodec
from grpclib.protocol import EventsProcessor, H2Protocol
from h2.config import H2Configuration
from h2.events import Event

from backends.etcd_failures import CallFailed, is_authentication_off, translated
from backends.etcd_rpc.etcd_pb2 import (
    AuthenticateRequest,
    AuthenticateResponse,
    RangeRequest,
    RangeResponse,
    StatusRequest,
    StatusResponse,
    TxnRequest,
    TxnResponse,
    WatchRequest,
    WatchResponse,
)
from backends.etcd_settings import EtcdAddress
from backends.store import Unknown

_Request = TypeVar("_Request", bound=Message)
_Reply = TypeVar("_Reply", bound=Message)


@dataclass(frozen=True, slots=True)
class Method(Generic[_Request, _Reply]):
    """A call that etcd offers. `doing` is what a failure message calls it."""

    path: str
    request: type[_Request]
    reply: type[_Reply]
    doing: str


RANGE = Method("/etcdserverpb.KV/Range", RangeRequest, RangeResponse, "reading")
TXN = Method("/etcdserverpb.KV/Txn", TxnRequest, TxnResponse, "committing")
AUTHENTICATE = Method(
    "/etcdserverpb.Auth/Authenticate", AuthenticateRequest, AuthenticateResponse, "logging in"
)
STATUS = Method("/etcdserverpb.Maintenance/Status", StatusRequest, StatusResponse, "asking how the member is")
WATCH = Method("/etcdserverpb.Watch/Watch", WatchRequest, WatchResponse, "watching")


class _Events(EventsProcessor):
    """What to do on each HTTP/2 event. RFC 9113, 5.5 wants unknown frames ignored, and a proxy may send
    informational headers first; grpclib itself ends the connection for both.
    """

    def process(self, event: Event) -> None:
        with suppress(NotImplementedError):
            super().process(event)


class _Http2(H2Protocol):
    """grpclib's protocol, which also tells whether, and the calls why, their connection was lost."""

    def __init__(self, handler: Handler, config: Configuration, h2_config: H2Configuration) -> None:
        super().__init__(handler, config, h2_config)
        self._handler = handler

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        super().connection_made(transport)
        self.processor = _Events(self.handler, self.connection)

    @property
    def lost(self) -> bool:
        """Whether the connection has ended; true at once when the peer says so."""
        return self._handler.connection_lost

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        try:
            super().data_received(data)
        except UnicodeDecodeError:
            self.processor.close(reason="connection closed: it sent a header that is not text")

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by asyncio."""
        self.processor.close(reason=f"connection lost ({exc})" if exc else "connection lost")


class Connection(Channel):
    """One HTTP/2 connection, for calls that may overlap."""

    def __init__(self, address: EtcdAddress) -> None:
        super().__init__(address.host, address.port, ssl=address.tls, codec=ProtoCodec())
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._http2: _Http2 | None = None
        self._users = 0
        self._retired = False

    async def open(self) -> None:
        """Connect, and agree on TLS if wanted. OSError when that fails."""
        transport, http2 = await asyncio.get_running_loop().create_connection(
            lambda: _Http2(Handler(), self._config, self._h2_config),
            self._address.host,
            self._address.port,
            ssl=self._address.tls,
        )
        self._transport, self._http2 = transport, http2

    async def __connect__(self) -> H2Protocol:
        """What grpclib asks for at the start of each call."""
        if self._http2 is None or not self.usable:
            raise ConnectionResetError("connection lost")
        return self._http2

    @property
    def usable(self) -> bool:
        """Whether a new call makes sense."""
        return self._http2 is not None and not self._retired and not self._http2.lost

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While this lasts, `retire` does not drop the connection."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if self._retired and not self._users:
                self.drop()

    def retire(self) -> None:
        """Take no new calls, and go when the last has ended."""
        self._retired = True
        if not self._users:
            self.drop()

    def drop(self) -> None:
        """Go now; calls that are under way fail."""
        self._retired = True
        if self._transport is not None:
            # close() would wait 30 s for the TLS farewell of a peer that is gone. In Python 3.11.2 a TLS
            # transport that grpclib has closed twice cannot be aborted, and does wait so long.
            with suppress(AttributeError):
                self._transport.abort()

    async def call(
        self, method: Method[_Request, _Reply], request: _Request, metadata: Mapping[str, str]
    ) -> _Reply:
        """One request, one reply. CallFailed for everything else."""
        bound = UnaryUnaryMethod(self, method.path, method.request, method.reply)
        with self.in_use(), translated(self._address, method.doing):
            return await bound(request, metadata=dict(metadata))

    def stream(
        self, method: Method[_Request, _Reply], metadata: Mapping[str, str]
    ) -> Stream[_Request, _Reply]:
        """Requests and replies both ways; raises what grpclib raises."""
        bound = StreamStreamMethod(self, method.path, method.request, method.reply)
        return bound.open(metadata=dict(metadata))


class Login:
    """The user's token, shared by all endpoints: etcd's members replicate it."""

    def __init__(self, username: str | None, password: str | None) -> None:
        self._request = (
            None if username is None else AuthenticateRequest(name=username, password=password or "")
        )
        self._metadata: Mapping[str, str] | None = None

    async def metadata(self, connection: Connection) -> Mapping[str, str]:
        """What every call has to carry; logs in if there is no token. CallFailed if that fails."""
        if self._metadata is None:
            self._metadata = {} if self._request is None else await _token(connection, self._request)
        return self._metadata

    def forget(self) -> None:
        """The token was refused: log in before the next call."""
        self._metadata = None


async def _token(connection: Connection, request: AuthenticateRequest) -> Mapping[str, str]:
    try:
        reply = await connection.call(AUTHENTICATE, request, {})
    except CallFailed as failed:
        if is_authentication_off(failed):
            return {}
        raise
    return {"token": reply.token}


class Endpoint:
    """One endpoint and its connection in use, if there is one."""

    def __init__(self, address: EtcdAddress, login: Login) -> None:
        self.address = address
        self._login = login
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._closed = False

    async def ready(self) -> tuple[Connection, Mapping[str, str]]:
        """A connection, and the metadata for calls over it. CallFailed: nothing of the call has left."""
        async with self._connecting:
            connection = self._connection
            if connection is None or not connection.usable:
                connection = Connection(self.address)
                with translated(self.address, "connecting"):
                    await connection.open()
                self._connection = connection
            if self._closed:
                connection.drop()
                raise CallFailed(Unknown(f"{self.address}: the store was closed"))
        return connection, await self._login.metadata(connection)

    @property
    def connected(self) -> bool:
        """Whether calls can be sent."""
        return self._connection is not None and self._connection.usable

    def note(self, failed: CallFailed) -> None:
        """A call over it failed: if for its token, the next one logs in again."""
        if failed.token_refused:
            self._login.forget()

    def retire(self) -> None:
        """The connection did not answer in time: the next call makes another."""
        if self._connection is not None:
            self._connection.retire()
            self._connection = None

    def close(self) -> None:
        """Drop the connection: calls that are under way fail, and so do all later ones."""
        self._closed = True
        if self._connection is not None:
            self._connection.drop()
