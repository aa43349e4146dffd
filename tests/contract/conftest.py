"""Fixtures of the store contract: every test that asks for `bench` runs against each backend."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.contract.benches import Bench, EtcdBench, MemoryBench
from tests.contract.etcd_server import EtcdServer


@pytest.fixture(scope="package")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """One etcd for the tests that leave it as they found it, apart from keys below their own prefix."""
    with EtcdServer(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    """A prefix nobody else uses."""
    return f"/{uuid.uuid4().hex}/"


@pytest.fixture(params=["memory", pytest.param("etcd", marks=pytest.mark.etcd)])
def bench(request: pytest.FixtureRequest, prefix: str) -> Iterator[Bench]:
    """The store under test."""
    if request.param == "memory":
        yield MemoryBench(prefix)
        return
    etcd: EtcdServer = request.getfixturevalue("shared_etcd")
    yield EtcdBench(prefix, etcd)
    etcd.thaw()
