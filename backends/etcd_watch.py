"""A watch over one endpoint: changes in order, and proof that the server still lives.

Rules of this file:

- One task owns the stream, a second asks it for progress twice in each heartbeat interval. The answers
  are the heartbeat; etcd drops clients that send HTTP/2 pings as often.
- `hasleader` makes a member that lost its leader end the stream, instead of going silent on changes alone.
- A watch never reconnects: what it could miss meanwhile is for the reader to read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from grpclib.client import Stream

from backends.etcd_channel import WATCH, Endpoint
from backends.etcd_failures import CallFailed, refused, translated
from backends.etcd_members import ClusterIdentity
from backends.etcd_messages import PROGRESS_REQUEST, changes, watch_request
from backends.etcd_rpc.etcd_pb2 import WatchRequest, WatchResponse
from backends.store import Changed, WatchAlive, WatchLost

_REQUESTS_PER_HEARTBEAT = 2


class EtcdWatch:
    """One watch; `items` is run through once."""

    def __init__(self, endpoint: Endpoint, identity: ClusterIdentity, *, heartbeat_s: float) -> None:
        self._endpoint = endpoint
        self._identity = identity
        self._term = identity.raft_term
        self._heartbeat_s = heartbeat_s
        self._inbox: asyncio.Queue[WatchResponse | WatchLost] = asyncio.Queue()

    async def items(
        self, prefix: str, after_revision: int
    ) -> AsyncGenerator[Changed | WatchAlive | WatchLost, None]:
        """What `Store.watch` promises; the last item is a WatchLost."""
        receiver = asyncio.create_task(self._receive(watch_request(prefix, after_revision)))
        try:
            while True:
                response = await self._next()
                if isinstance(response, WatchLost):
                    yield response
                    return
                if lost := self._judge(response, after_revision):
                    yield lost
                    return
                if not response.events:
                    yield WatchAlive()
                for changed in changes(response.events):
                    yield changed
        finally:
            receiver.cancel()
            await asyncio.wait({receiver})

    def stop(self, why: str) -> None:
        """End it with a WatchLost."""
        self._inbox.put_nowait(WatchLost(why))

    async def _next(self) -> WatchResponse | WatchLost:
        try:
            async with asyncio.timeout(self._heartbeat_s):
                return await self._inbox.get()
        except TimeoutError:
            self._endpoint.retire()
            return self._lost(f"no sign of life for {self._heartbeat_s:g} s")

    def _judge(self, response: WatchResponse, after_revision: int) -> WatchLost | None:
        if distrust := self._identity.distrust(str(self._endpoint.address), response.header, self._term):
            return self._lost(distrust)
        if response.compact_revision:
            return self._lost(
                f"changes after revision {after_revision} were compacted up to {response.compact_revision}"
            )
        if response.canceled:
            reason = response.cancel_reason or "no reason given"
            return self._failed(refused(self._endpoint.address, WATCH.doing, reason))
        if not response.created and response.header.revision < after_revision:
            # It had half a heartbeat interval to catch up.
            return self._lost(f"it is at revision {response.header.revision}, behind {after_revision}")
        return None

    def _lost(self, why: str) -> WatchLost:
        return WatchLost(f"{self._endpoint.address}: watching: {why}")

    def _failed(self, failed: CallFailed) -> WatchLost:
        self._endpoint.note(failed)
        return WatchLost(failed.unknown.why)

    async def _receive(self, create: WatchRequest) -> None:
        try:
            connection, metadata = await self._endpoint.ready()
            with connection.in_use(), translated(self._endpoint.address, WATCH.doing):
                async with connection.stream(WATCH, {**metadata, "hasleader": "true"}) as stream:
                    await stream.send_message(create)
                    await self._pass_on(stream)
        except CallFailed as failed:
            self._inbox.put_nowait(self._failed(failed))
        else:
            self._inbox.put_nowait(self._lost("etcd ended the stream"))

    async def _pass_on(self, stream: Stream[WatchRequest, WatchResponse]) -> None:
        heart = asyncio.create_task(self._beat(stream))
        try:
            while (response := await stream.recv_message()) is not None:
                self._inbox.put_nowait(response)
            await stream.end()
            await stream.recv_trailing_metadata()  # raises what the server ended the stream with
        finally:
            heart.cancel()
            await asyncio.wait({heart})

    async def _beat(self, stream: Stream[WatchRequest, WatchResponse]) -> None:
        try:
            with translated(self._endpoint.address, WATCH.doing):
                while True:
                    await asyncio.sleep(self._heartbeat_s / _REQUESTS_PER_HEARTBEAT)
                    await stream.send_message(PROGRESS_REQUEST)
        except CallFailed as failed:
            self._inbox.put_nowait(self._failed(failed))
