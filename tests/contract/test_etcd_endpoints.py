"""Several endpoints: which is asked, how fast the next one is, and what is never believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, aclosing
from pathlib import Path

import pytest

from backends.endpoint_rotation import Rotation
from backends.etcd import EtcdStore
from backends.etcd_members import ClusterIdentity
from backends.etcd_rpc.etcd_pb2 import ResponseHeader
from backends.etcd_settings import EtcdSettings
from backends.store import Committed, Snapshot, Transaction, Unknown
from tests.contract.bad_servers import refusing_server, silent_server, unreachable_server
from tests.contract.benches import etcd_client
from tests.contract.calls import PATIENCE_S, commit, established, lost, read, values
from tests.contract.etcd_server import EtcdServer
from tests.contract.event_loop import on_loop

pytestmark = pytest.mark.etcd

# What this machine may add to a deadline when it is busy.
SLACK_S = 3.0


async def _try_commit(store: EtcdStore, key: str, timeout_s: float) -> object:
    return await store.commit(Transaction(puts={key: b"1"}), timeout_s=timeout_s)


@on_loop
async def test_a_refused_connection_costs_no_attempt(shared_etcd: EtcdServer, prefix: str) -> None:
    with refusing_server() as gone:
        async with etcd_client(EtcdSettings((gone, gone, shared_etcd.url))) as store:
            assert isinstance(await _try_commit(store, prefix + "a", PATIENCE_S), Committed)
            assert shared_etcd.url in store.describe()
        async with etcd_client(EtcdSettings((gone, shared_etcd.url))) as store:
            assert (await read(store, prefix)).records[0].key == prefix + "a"


@on_loop
async def test_nobody_listens_anywhere(prefix: str) -> None:
    with refusing_server() as first, refusing_server() as second:
        async with etcd_client(EtcdSettings((first, second))) as store:
            for answer in (
                await store.read(prefix, timeout_s=PATIENCE_S),
                await _try_commit(store, prefix, PATIENCE_S),
            ):
                assert isinstance(answer, Unknown)
                assert first in answer.why
                assert second in answer.why


DEAD = pytest.mark.parametrize("dead_server", [silent_server, unreachable_server])


@DEAD
@on_loop
async def test_a_dead_endpoint_costs_a_commit_one_attempt(
    dead_server: Callable[[], AbstractContextManager[str]], shared_etcd: EtcdServer, prefix: str
) -> None:
    with dead_server() as dead:
        async with etcd_client(EtcdSettings((dead, shared_etcd.url))) as store:
            began_s = time.monotonic()
            missed = await _try_commit(store, prefix + "a", 0.3)
            assert isinstance(missed, Unknown)
            assert dead in missed.why
            assert ("connecting" in missed.why) == (dead_server is unreachable_server)
            assert time.monotonic() - began_s < 0.3 + SLACK_S
            for _ in range(3):
                assert isinstance(await _try_commit(store, prefix + "b", PATIENCE_S), Committed)
            assert shared_etcd.url in store.describe()


@DEAD
@on_loop
async def test_a_read_asks_the_next_endpoint_while_the_first_is_silent(
    dead_server: Callable[[], AbstractContextManager[str]], shared_etcd: EtcdServer, prefix: str
) -> None:
    with dead_server() as dead:
        async with etcd_client(EtcdSettings((dead, dead, shared_etcd.url))) as store:
            began_s = time.monotonic()
            assert isinstance(await store.read(prefix, timeout_s=PATIENCE_S), Snapshot)
            assert time.monotonic() - began_s < PATIENCE_S / 4  # two hedges are 0.16 s
            assert shared_etcd.url in store.describe()


@DEAD
@on_loop
async def test_a_watch_leaves_a_dead_endpoint(
    dead_server: Callable[[], AbstractContextManager[str]], shared_etcd: EtcdServer, prefix: str
) -> None:
    with dead_server() as dead:
        async with etcd_client(EtcdSettings((dead, shared_etcd.url))) as store:
            assert dead in (await lost(store.watch(prefix, after_revision=1, heartbeat_s=0.5))).why
            watch = store.watch(prefix, after_revision=1, heartbeat_s=PATIENCE_S)
            async with aclosing(watch):
                await established(watch)


@on_loop
async def test_one_of_two_servers_freezes_and_comes_back(shared_etcd: EtcdServer, prefix: str) -> None:
    """The endpoint that answers stays in use: the other may come and go without being asked."""
    with silent_server() as other:
        async with etcd_client(EtcdSettings((shared_etcd.url, other))) as store:
            await commit(store, puts={prefix + "a": b"1"})
            shared_etcd.freeze()
            try:
                assert isinstance(await _try_commit(store, prefix + "b", 0.2), Unknown)
                assert other in store.describe()
                assert isinstance(await _try_commit(store, prefix + "b", 0.2), Unknown)
            finally:
                shared_etcd.thaw()
            for _ in range(3):
                await commit(store, puts={prefix + "c": b"1"})
            assert (await values(store, prefix))[prefix + "a"] == b"1"


@on_loop
async def test_two_clusters_are_never_mixed(shared_etcd: EtcdServer, prefix: str, tmp_path: Path) -> None:
    flags = ("--initial-cluster-token=another",)
    with ExitStack() as stack:
        stranger = stack.enter_context(EtcdServer(tmp_path, flags=flags))
        async with etcd_client(EtcdSettings((shared_etcd.url, stranger.url))) as store:
            await commit(store, puts={prefix + "a": b"1"})
            shared_etcd.freeze()
            stack.callback(shared_etcd.thaw)
            assert isinstance(await _try_commit(store, prefix + "b", 0.2), Unknown)
            foreign = await _try_commit(store, prefix + "b", PATIENCE_S)
            assert isinstance(foreign, Unknown)
            assert foreign.actor == "operator"
            assert "belongs to etcd cluster" in foreign.why


def test_the_preferred_endpoint_changes_only_for_a_reason() -> None:
    rotation = Rotation(["a", "b", "c"])
    rotation.missed("b")
    assert rotation.preferred == "a"
    rotation.missed("a")
    assert rotation.order() == ("b", "c", "a")
    rotation.answered("b")
    assert rotation.order() == ("b", "c", "a")
    rotation.answered("a")
    assert rotation.order() == ("a", "b", "c")


def test_a_member_with_an_older_term_is_not_believed_alone() -> None:
    identity = ClusterIdentity(3)
    assert identity.distrust("a", ResponseHeader(cluster_id=7, raft_term=5), 0) is None
    assert identity.raft_term == 5
    old = ResponseHeader(cluster_id=7, raft_term=2)
    assert identity.distrust("b", old, 0) is None  # sent before term 5 was seen
    assert identity.distrust("b", old, 5) is not None
    assert identity.distrust("b", old, 5) is not None  # one member, however often it says so
    assert identity.distrust("a", ResponseHeader(cluster_id=7, raft_term=5), 5) is None
    assert identity.distrust("b", old, 5) is not None


def test_a_restored_cluster_is_believed_when_most_endpoints_are_of_it() -> None:
    identity = ClusterIdentity(3)
    assert identity.distrust("a", ResponseHeader(cluster_id=7, raft_term=5), 0) is None
    old = ResponseHeader(cluster_id=7, raft_term=2)
    assert identity.distrust("b", old, 5) is not None
    assert identity.distrust("c", old, 5) is None
    assert identity.raft_term == 2
    assert identity.distrust("b", old, 2) is None


def test_an_answer_without_a_header_is_not_believed() -> None:
    assert ClusterIdentity(1).distrust("a", ResponseHeader(), 0) is not None
