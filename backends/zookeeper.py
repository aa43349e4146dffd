"""The ZooKeeper store: linearizable reads from a mirror, transactions as multis, watches with a heartbeat.

Rules of this file:

- A commit goes to one server. Endpoints that cannot even be connected to are passed over within the call.
- A read first writes nothing through the leader, then takes what its server's mirror shows. While the
  preferred endpoint is slow, the next is asked as well.
- Only an answer to our own request is Committed or Conflict; everything else is Unknown.
- A call returns when its time is up and leaves nothing to wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from backends.endpoint_rotation import Rotation, most_telling
from backends.store import (
    Advice,
    Changed,
    Committed,
    Conflict,
    Snapshot,
    Transaction,
    Unknown,
    WatchAlive,
    WatchLost,
)
from backends.zookeeper_commits import COMMITTING, commit_over
from backends.zookeeper_endpoint import Endpoint
from backends.zookeeper_examine import examine
from backends.zookeeper_failures import CallFailed
from backends.zookeeper_login import Login
from backends.zookeeper_paths import Tree
from backends.zookeeper_settings import ZookeeperSettings, addresses
from backends.zookeeper_watch import ZookeeperWatch

# A healthy server passes a write through its leader within a few ms.
HEDGE_INTERVAL_S = 0.08

_Answer = Snapshot | Committed | Conflict | Unknown


class ZookeeperStore:
    """The `Store` over a ZooKeeper ensemble. ConfigError for settings that cannot work."""

    def __init__(self, settings: ZookeeperSettings) -> None:
        self._addresses, chroot = addresses(settings)
        self._tree = Tree(chroot)
        self._login = Login(settings)
        self._endpoints = Rotation(
            [Endpoint(address, self._login, self._tree) for address in self._addresses]
        )
        self._watches: set[ZookeeperWatch] = set()
        self._ending: set[asyncio.Task[Any]] = set()

    async def read(self, prefix: str, *, timeout_s: float) -> Snapshot | Unknown:
        """See `Store.read`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        hedge_interval_s = min(HEDGE_INTERVAL_S, timeout_s / 4)
        waiting = list(self._endpoints.order())
        asked: dict[asyncio.Task[Snapshot | Unknown], Endpoint] = {}
        heard = {endpoint: endpoint.answers for endpoint in waiting}
        failures: list[Unknown] = []
        passed = asyncio.Event()  # a server has shown its majority: nobody else is asked then
        try:
            while (left_s := deadline - loop.time()) > 0:
                if waiting and not passed.is_set():
                    endpoint = waiting.pop(0)
                    asked[loop.create_task(self._read_from(endpoint, prefix, passed))] = endpoint
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
            for endpoint in asked.values():
                if endpoint.answers > heard[endpoint]:  # its mirror goes on reading, for the next call
                    failures.append(Unknown(f"{endpoint.address}: reading: not all within {timeout_s:g} s"))
                else:
                    failures.append(self._give_up(endpoint, "reading", timeout_s))
            return most_telling(failures)
        finally:
            for task in asked:
                self._cancel(task)

    async def commit(self, transaction: Transaction, *, timeout_s: float) -> Committed | Conflict | Unknown:
        """See `Store.commit`."""
        loop = asyncio.get_running_loop()
        at = [self._endpoints.preferred]
        task = loop.create_task(self._commit_once(transaction, at))
        try:
            await asyncio.wait({task}, timeout=timeout_s)
            if task.done():
                return task.result()
        finally:
            self._cancel(task)
        return self._give_up(at[-1], COMMITTING, timeout_s)

    async def watch(
        self, prefix: str, *, after_revision: int, heartbeat_s: float
    ) -> AsyncGenerator[Changed | WatchAlive | WatchLost, None]:
        """See `Store.watch`. After a WatchLost that a server is to blame for, the next goes to another."""
        endpoint = self._endpoints.preferred
        watch = ZookeeperWatch(endpoint, heartbeat_s=heartbeat_s)
        self._watches.add(watch)
        try:
            async with aclosing(watch.items(prefix, after_revision)) as items:
                async for item in items:
                    if isinstance(item, WatchLost) and watch.server_failed:
                        self._endpoints.missed(endpoint)
                    yield item
        finally:
            self._watches.discard(watch)

    async def examine(self, prefix: str, *, timeout_s: float) -> tuple[Advice, ...] | Unknown:
        """See `Store.examine`. What the servers tell is the same for every prefix."""
        del prefix
        return await examine(self._addresses, timeout_s=timeout_s)

    def describe(self) -> str:
        """See `Store.describe`."""
        return f"zookeeper {self._endpoints.preferred.address}"

    async def close(self) -> None:
        """See `Store.close`."""
        for watch in self._watches:
            watch.stop("the store was closed")
        for endpoint in self._endpoints.order():
            await endpoint.close()
        while self._ending:
            await asyncio.wait(self._ending)
        await asyncio.sleep(0)  # asyncio frees the sockets in its next turn

    async def _read_from(self, endpoint: Endpoint, prefix: str, passed: asyncio.Event) -> Snapshot | Unknown:
        try:
            link = await endpoint.ready()
            with link.connection.in_use():
                revision = await link.barrier()
                passed.set()
                return await link.snapshot(prefix, revision)
        except CallFailed as failed:
            return self._failed(endpoint, failed)

    async def _commit_once(
        self, transaction: Transaction, at: list[Endpoint]
    ) -> Committed | Conflict | Unknown:
        """Send it to the first endpoint that takes connections; `at` says how far this came."""
        failures: list[Unknown] = []
        for endpoint in self._endpoints.order():
            at.append(endpoint)
            try:
                link = await endpoint.ready()
            except CallFailed as failed:
                failures.append(self._failed(endpoint, failed))
                continue
            try:
                with link.connection.in_use():
                    outcome = await commit_over(link, transaction, self._login.acl)
            except CallFailed as failed:
                return self._failed(endpoint, failed)
            self._endpoints.answered(endpoint)
            return outcome
        return most_telling(failures)

    def _failed(self, endpoint: Endpoint, failed: CallFailed) -> Unknown:
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
