"""A bench holds one store under test: clients to it, and the faults that every store can have."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from backends.etcd import EtcdStore
from backends.etcd_settings import EtcdSettings
from backends.memory import Faults, MemoryMap, MemoryStore
from backends.store import Store
from backends.zookeeper import ZookeeperStore
from backends.zookeeper_settings import ZookeeperSettings
from tests.contract.etcd_server import EtcdServer
from tests.contract.zookeeper_server import ZookeeperServer


class Bench(Protocol):
    """`prefix` is this test's own part of the store."""

    prefix: str

    def client(self) -> AbstractAsyncContextManager[Store]:
        """A new client, closed at the end."""
        ...

    def freeze(self) -> None:
        """Nothing answers from now on."""
        ...

    def thaw(self) -> None:
        """It goes on where it stood."""
        ...


class HistoryBench(Bench, Protocol):
    """A store that remembers each write, and not only the last of each key."""

    def compact(self, revision: int) -> None:
        """Forget the history up to a revision."""
        ...


class MemoryBench:
    """See `HistoryBench`."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.map = MemoryMap()
        self.faults = Faults()

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[Store, None]:
        store = MemoryStore(self.map, self.faults)
        try:
            yield store
        finally:
            await store.close()

    def freeze(self) -> None:
        self.faults.freeze()

    def thaw(self) -> None:
        self.faults.thaw()

    def compact(self, revision: int) -> None:
        self.map.compact(revision)


class EtcdBench:
    """See `HistoryBench`."""

    def __init__(self, prefix: str, server: EtcdServer) -> None:
        self.prefix = prefix
        self._server = server

    def client(self) -> AbstractAsyncContextManager[Store]:
        return etcd_client(EtcdSettings((self._server.url,)))

    def freeze(self) -> None:
        self._server.freeze()

    def thaw(self) -> None:
        self._server.thaw()

    def compact(self, revision: int) -> None:
        self._server.etcdctl("compaction", str(revision))


class ZookeeperBench:
    """See `Bench`."""

    def __init__(self, prefix: str, server: ZookeeperServer) -> None:
        self.prefix = prefix
        self._server = server

    def client(self) -> AbstractAsyncContextManager[Store]:
        return zookeeper_client(ZookeeperSettings((self._server.endpoint,)))

    def freeze(self) -> None:
        self._server.freeze()

    def thaw(self) -> None:
        self._server.thaw()


@asynccontextmanager
async def etcd_client(settings: EtcdSettings) -> AsyncGenerator[EtcdStore, None]:
    """An etcd store, closed at the end."""
    store = EtcdStore(settings)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def zookeeper_client(settings: ZookeeperSettings) -> AsyncGenerator[ZookeeperStore, None]:
    """A ZooKeeper store, closed at the end."""
    store = ZookeeperStore(settings)
    try:
        yield store
    finally:
        await store.close()
