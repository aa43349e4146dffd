"""A member that lost its quorum: whatever it still knows, it must not answer for the cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from backends.etcd_settings import EtcdSettings
from backends.store import Transaction, Unknown
from tests.contract.benches import etcd_client
from tests.contract.calls import PATIENCE_S, commit, established, eventually, lost, read, values
from tests.contract.etcd_server import EtcdServer
from tests.contract.event_loop import on_loop

pytestmark = pytest.mark.etcd

# A member tells its watches of a missing leader after some three election timeouts.
QUICK = ("--heartbeat-interval=50", "--election-timeout=500")


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EtcdServer, EtcdServer]]:
    """Two members of one cluster; either alone has no quorum."""
    with (
        EtcdServer(tmp_path_factory.mktemp("first"), flags=QUICK) as first,
        EtcdServer(tmp_path_factory.mktemp("second"), flags=QUICK, joins=first) as second,
    ):
        yield first, second


@on_loop
async def test_a_member_without_quorum_answers_nothing(
    pair: tuple[EtcdServer, EtcdServer], prefix: str
) -> None:
    first, second = pair
    key = prefix + "lease"
    async with etcd_client(EtcdSettings((first.url,))) as store:
        committed = await commit(store, puts={key: b"1"})
        watch = store.watch(prefix, after_revision=committed.revision, heartbeat_s=60.0)
        async with aclosing(watch):
            await established(watch)
            second.freeze()
            only_compared = Transaction({key: committed.versions[key]})
            for answer in (
                await store.read(prefix, timeout_s=0.5),
                await store.commit(only_compared, timeout_s=0.5),
                await store.commit(Transaction(puts={key: b"2"}), timeout_s=0.5),
            ):
                assert isinstance(answer, Unknown)
            # The member still answers the watch's heartbeat: only its missing leader ends the stream.
            assert "no leader" in (await lost(watch)).why
        second.thaw()

        async def works_again() -> bool:
            return not isinstance(await store.read(prefix, timeout_s=PATIENCE_S), Unknown)

        await eventually(works_again)
        assert (await values(store, prefix))[key] in {b"1", b"2"}


@on_loop
async def test_all_members_of_a_cluster_are_believed(
    pair: tuple[EtcdServer, EtcdServer], prefix: str
) -> None:
    first, second = pair
    async with (
        etcd_client(EtcdSettings((first.url, second.url))) as one,
        etcd_client(EtcdSettings((second.url, first.url))) as other,
    ):
        for number in range(20):
            committed = await commit(one, puts={prefix + "a": b"%d" % number})
            snapshot = await read(other, prefix)
            assert snapshot.records[0].version == committed.versions[prefix + "a"]
            assert snapshot.revision == committed.revision
        first_watch = other.watch(prefix, after_revision=committed.revision, heartbeat_s=PATIENCE_S)
        async with aclosing(first_watch):
            await established(first_watch)


@on_loop
async def test_an_outage_longer_than_many_attempts(pair: tuple[EtcdServer, EtcdServer], prefix: str) -> None:
    """Each attempt makes a new connection; none is left over, and the first after the outage succeeds."""
    first, second = pair
    async with etcd_client(EtcdSettings((first.url, second.url))) as store:
        await commit(store, puts={prefix + "a": b"1"})
        first.freeze()
        second.freeze()
        began_s = time.monotonic()
        for _ in range(20):
            answer = await store.commit(Transaction(puts={prefix + "a": b""}), timeout_s=0.05)
            assert isinstance(answer, Unknown)
        assert time.monotonic() - began_s < 20 * 0.05 + PATIENCE_S / 4
        first.thaw()
        second.thaw()

        async def works_again() -> bool:
            return not isinstance(await store.read(prefix, timeout_s=PATIENCE_S), Unknown)

        await eventually(works_again)
