"""Fixtures of the store contract: every test that asks for `bench` runs against each backend."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.contract.benches import Bench, EtcdBench, HistoryBench, MemoryBench, ZookeeperBench
from tests.contract.etcd_server import EtcdServer
from tests.contract.zookeeper_server import ZookeeperServer


@pytest.fixture(scope="package")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """One etcd for the tests that leave it as they found it, apart from keys below their own prefix."""
    with EtcdServer(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture(scope="package")
def shared_zookeeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZookeeperServer]:
    """One ZooKeeper for the tests that leave it as they found it, apart from their own keys."""
    with ZookeeperServer(tmp_path_factory.mktemp("zookeeper")) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    """A prefix nobody else uses."""
    return f"/{uuid.uuid4().hex}/"


ETCD = pytest.param("etcd", marks=pytest.mark.etcd)
ZOOKEEPER = pytest.param("zookeeper", marks=pytest.mark.zookeeper)


@pytest.fixture(params=["memory", ETCD, ZOOKEEPER])
def bench(request: pytest.FixtureRequest, prefix: str) -> Iterator[Bench]:
    """The store under test."""
    if request.param != "zookeeper":
        yield from _history_bench(request, prefix)
        return
    zookeeper: ZookeeperServer = request.getfixturevalue("shared_zookeeper")
    yield ZookeeperBench(prefix, zookeeper)
    zookeeper.thaw()


@pytest.fixture(params=["memory", ETCD])
def history_bench(request: pytest.FixtureRequest, prefix: str) -> Iterator[HistoryBench]:
    """The store under test, if it remembers each write."""
    yield from _history_bench(request, prefix)


def _history_bench(request: pytest.FixtureRequest, prefix: str) -> Iterator[HistoryBench]:
    if request.param == "memory":
        yield MemoryBench(prefix)
        return
    etcd: EtcdServer = request.getfixturevalue("shared_etcd")
    yield EtcdBench(prefix, etcd)
    etcd.thaw()
