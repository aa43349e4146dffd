"""The etcd store: linearizable reads, transactions on mod_revision, watches with a heartbeat.

Rules of this file:

- A commit is sent at most once. Endpoints that cannot even be connected to are passed over within the call.
- A read harms nothing: while the preferred endpoint is slow, the next is asked as well, and the first good
  answer counts.
- Only a reply with a header we trust is Committed or Conflict; everything else is Unknown.
- A call returns when its time is up and leaves nothing to wait for: what it started is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from backends.endpoint_rotation import Rotation, most_telling
from backends.etcd_channel import RANGE, TXN, Endpoint, Login
from backends.etcd_examine import examine
from backends.etcd_failures import CallFailed
from backends.etcd_members import ClusterIdentity
from backends.etcd_messages import next_page, range_request, records, txn_request
from backends.etcd_rpc.etcd_pb2 import ResponseHeader
from backends.etcd_settings import EtcdSettings, addresses
from backends.etcd_watch import EtcdWatch
from backends.store import (
    Advice,
    Changed,
    Committed,
    Conflict,
    Record,
    Snapshot,
    Transaction,
    Unknown,
    WatchAlive,
    WatchLost,
)

# A healthy etcd answers a linearizable read within a few ms; a second read costs it little.
HEDGE_INTERVAL_S = 0.08

_Answer = Snapshot | Committed | Conflict | Unknown


class EtcdStore:
    """The `Store` over an etcd cluster. ConfigError for settings that cannot work."""

    def __init__(self, settings: EtcdSettings) -> None:
        self._login = Login(settings.username, settings.password)
        self._addresses = addresses(settings)
        endpoints = [Endpoint(address, self._login) for address in self._addresses]
        self._endpoints = Rotation(endpoints)
        self._identity = ClusterIdentity(len(endpoints))
        self._watches: set[EtcdWatch] = set()
        self._ending: set[asyncio.Task[_Answer]] = set()

    async def read(self, prefix: str, *, timeout_s: float) -> Snapshot | Unknown:
        """See `Store.read`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        hedge_interval_s = min(HEDGE_INTERVAL_S, timeout_s / 4)
        waiting = list(self._endpoints.order())
        asked: dict[asyncio.Task[Snapshot | Unknown], Endpoint] = {}
        failures: list[Unknown] = []
        try:
            while (left_s := deadline - loop.time()) > 0:
                if waiting:
                    endpoint = waiting.pop(0)
                    asked[loop.create_task(self._read_from(endpoint, prefix))] = endpoint
                elif not asked:
                    break
                patience_s = min(left_s, hedge_interval_s) if waiting else left_s
                done, _ = await asyncio.wait(asked, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    endpoint, answer = asked.pop(task), task.result()
                    if isinstance(answer, Snapshot):
                        self._endpoints.answered(endpoint)
                        return answer
                    failures.append(answer)
            failures += [self._give_up(endpoint, RANGE.doing, timeout_s) for endpoint in asked.values()]
            return most_telling(failures)
        finally:
            for task in asked:
                self._cancel(task)

    async def commit(self, transaction: Transaction, *, timeout_s: float) -> Committed | Conflict | Unknown:
        """See `Store.commit`."""
        loop = asyncio.get_running_loop()
        at = [self._endpoints.preferred]
        task = loop.create_task(self._commit_once(transaction, loop.time() + timeout_s, at))
        try:
            await asyncio.wait({task}, timeout=timeout_s)
            if task.done():
                return task.result()
        finally:
            self._cancel(task)
        return self._give_up(at[-1], TXN.doing, timeout_s)

    async def watch(
        self, prefix: str, *, after_revision: int, heartbeat_s: float
    ) -> AsyncGenerator[Changed | WatchAlive | WatchLost, None]:
        """See `Store.watch`. After a WatchLost the next watch goes to another endpoint."""
        endpoint = self._endpoints.preferred
        watch = EtcdWatch(endpoint, self._identity, heartbeat_s=heartbeat_s)
        self._watches.add(watch)
        try:
            async with aclosing(watch.items(prefix, after_revision)) as items:
                async for item in items:
                    if isinstance(item, WatchLost):
                        self._endpoints.missed(endpoint)
                    yield item
        finally:
            self._watches.discard(watch)

    async def examine(self, prefix: str, *, timeout_s: float) -> tuple[Advice, ...] | Unknown:
        """See `Store.examine`."""
        return await examine(self._addresses, self._login, prefix, timeout_s=timeout_s)

    def describe(self) -> str:
        """See `Store.describe`."""
        return f"etcd {self._endpoints.preferred.address}"

    async def close(self) -> None:
        """See `Store.close`."""
        for watch in self._watches:
            watch.stop("the store was closed")
        for endpoint in self._endpoints.order():
            endpoint.close()
        while self._ending:
            await asyncio.wait(self._ending)
        await asyncio.sleep(0)  # asyncio frees the sockets in its next turn

    async def _read_from(self, endpoint: Endpoint, prefix: str) -> Snapshot | Unknown:
        request = range_request(prefix)
        found: list[Record] = []
        revision = 0
        try:
            connection, metadata = await endpoint.ready()
            while True:
                term = self._identity.raft_term
                page = await connection.call(RANGE, request, metadata)
                if distrusted := self._distrusted(endpoint, page.header, term):
                    return distrusted
                revision = revision or page.header.revision
                found.extend(records(page.kvs))
                if not page.more:
                    return Snapshot(prefix, revision, tuple(found))
                request = next_page(request, page.kvs[-1], revision)
        except CallFailed as failed:
            return self._failed(endpoint, failed)

    async def _commit_once(
        self, transaction: Transaction, deadline: float, at: list[Endpoint]
    ) -> Committed | Conflict | Unknown:
        """Send it to the first endpoint that takes connections; `at` says how far this came."""
        request = txn_request(transaction)
        failures: list[Unknown] = []
        for endpoint in self._endpoints.order():
            at.append(endpoint)
            try:
                connection, metadata = await endpoint.ready()
            except CallFailed as failed:
                failures.append(self._failed(endpoint, failed))
                continue
            if asyncio.get_running_loop().time() >= deadline:
                break  # grpclib can turn our cancellation into a failure; Unknown was returned already
            term = self._identity.raft_term
            try:
                reply = await connection.call(TXN, request, metadata)
            except CallFailed as failed:
                return self._failed(endpoint, failed)
            if distrusted := self._distrusted(endpoint, reply.header, term):
                return distrusted
            self._endpoints.answered(endpoint)
            if not reply.succeeded:
                return Conflict()
            revision = reply.header.revision
            return Committed(revision, dict.fromkeys(transaction.puts, revision))
        return most_telling(failures)

    def _distrusted(self, endpoint: Endpoint, header: ResponseHeader, term: int) -> Unknown | None:
        why = self._identity.distrust(str(endpoint.address), header, term)
        if why is None:
            return None
        self._endpoints.missed(endpoint)
        return Unknown(f"{endpoint.address}: {why}", "operator")

    def _failed(self, endpoint: Endpoint, failed: CallFailed) -> Unknown:
        endpoint.note(failed)
        if not failed.token_refused:
            self._endpoints.missed(endpoint)
        return failed.unknown

    def _give_up(self, endpoint: Endpoint, doing: str, timeout_s: float) -> Unknown:
        why = f"{doing}: no answer" if endpoint.connected else "connecting: nothing"
        endpoint.retire()
        self._endpoints.missed(endpoint)
        return Unknown(f"{endpoint.address}: {why} within {timeout_s:g} s")

    def _cancel(self, task: asyncio.Task[_Answer]) -> None:
        if not task.done():
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
