"""What may have happened behind an Unknown, and what a restart or a full disk does, with a real etcd."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from backends.etcd_settings import EtcdSettings
from backends.store import Changed, Store, Transaction, Unknown
from tests.contract.benches import etcd_client
from tests.contract.calls import (
    PATIENCE_S,
    commit,
    established,
    eventually,
    lost,
    next_changes,
    read,
    record,
    values,
)
from tests.contract.etcd_server import EtcdServer
from tests.contract.event_loop import on_loop
from tests.contract.relay import relay

pytestmark = pytest.mark.etcd

# python-etcd3 needs protobuf's slow implementation, which has to be chosen before the first import.
INDEPENDENT_CLIENT = """
import json, sys, etcd3
client = etcd3.client(host="127.0.0.1", port=int(sys.argv[1]))
pairs = client.get_prefix(sys.argv[2])
found = {meta.key.decode(): [value.decode(), meta.mod_revision] for value, meta in pairs}
client.put(sys.argv[2] + "theirs", "2")
print(json.dumps(found))
"""


async def _holds(store: Store, key: str, value: bytes) -> None:
    async def does() -> bool:
        return await values(store, key) == {key: value}

    await eventually(does)


@on_loop
async def test_a_commit_may_happen_long_after_its_unknown(shared_etcd: EtcdServer, prefix: str) -> None:
    key = prefix + "late"
    async with (
        etcd_client(EtcdSettings((shared_etcd.url,))) as witness,
        relay(shared_etcd.url) as line,
        etcd_client(EtcdSettings((line.url,))) as store,
    ):
        version = (await commit(store, puts={key: b"first"})).versions[key]
        line.hold_requests = True
        late = Transaction({key: version}, {key: b"a late value"})
        outcome = asyncio.ensure_future(store.commit(late, timeout_s=1.0))
        await line.has_held(b"a late value")
        line.deaf = True
        assert isinstance(await outcome, Unknown)
        assert await values(witness, key) == {key: b"first"}
        line.release()
        await _holds(witness, key, b"a late value")


@on_loop
async def test_a_late_commit_dies_of_a_newer_write(shared_etcd: EtcdServer, prefix: str) -> None:
    key = prefix + "late"
    async with (
        etcd_client(EtcdSettings((shared_etcd.url,))) as witness,
        relay(shared_etcd.url) as line,
        etcd_client(EtcdSettings((line.url,))) as store,
    ):
        version = (await commit(store, puts={key: b"first"})).versions[key]
        line.hold_requests = True
        late = Transaction({key: version}, {key: b"a late value", prefix + "other": b""})
        outcome = asyncio.ensure_future(store.commit(late, timeout_s=1.0))
        await line.has_held(b"a late value")
        line.deaf = True
        assert isinstance(await outcome, Unknown)
        await commit(witness, compares={key: version}, puts={key: b"newer"})
        revision = (await read(witness, prefix)).revision
        line.release()
        await asyncio.sleep(0.3)
        after = await read(witness, prefix)
        assert {record.key: record.value for record in after.records} == {key: b"newer"}
        assert after.revision == revision


@on_loop
async def test_a_lost_reply_is_unknown_though_it_happened(shared_etcd: EtcdServer, prefix: str) -> None:
    key = prefix + "done"
    async with (
        etcd_client(EtcdSettings((shared_etcd.url,))) as witness,
        relay(shared_etcd.url) as line,
        etcd_client(EtcdSettings((line.url, shared_etcd.url))) as store,
    ):
        await commit(store, puts={prefix + "warm": b""})
        line.lose_replies = True
        outcome = asyncio.ensure_future(store.commit(Transaction({key: 0}, {key: b"1"}), timeout_s=1.0))
        await _holds(witness, key, b"1")
        assert isinstance(await outcome, Unknown)
        assert (await record(store, key)).value == b"1"  # over the other endpoint


@on_loop
async def test_a_restarted_server_loses_the_watch_but_no_change(tmp_path: Path) -> None:
    with EtcdServer(tmp_path) as server:
        async with etcd_client(EtcdSettings((server.url,))) as store:
            first = await commit(store, puts={"/vips/a": b"1"})
            watch = store.watch("/vips/", after_revision=first.revision - 1, heartbeat_s=PATIENCE_S)
            async with aclosing(watch):
                (seen,) = await next_changes(watch, 1)
                server.kill()
                await lost(watch)
            assert isinstance(await store.read("/vips/", timeout_s=0.5), Unknown)
            server.start()
            second = await commit(store, puts={"/vips/a": b"2"})
            watch = store.watch("/vips/", after_revision=seen.revision, heartbeat_s=PATIENCE_S)
            async with aclosing(watch):
                (later,) = await next_changes(watch, 1)
            assert later.revision == second.revision


@on_loop
async def test_a_full_store_says_who_must_act(tmp_path: Path) -> None:
    with EtcdServer(tmp_path, flags=("--quota-backend-bytes=65536",)) as server:
        async with etcd_client(EtcdSettings((server.url,))) as store:
            fill = Transaction(puts={"/fill": bytes(20_000)})
            async with asyncio.timeout(PATIENCE_S):
                while not isinstance(answer := await store.commit(fill, timeout_s=PATIENCE_S), Unknown):
                    pass
            assert answer.actor == "operator"
            for step in ("etcdctl compaction", "etcdctl defrag", "etcdctl alarm disarm"):
                assert step in answer.why
            assert (await read(store, "/fill")).records


@on_loop
async def test_a_transaction_larger_than_the_server_allows_says_who_must_act(tmp_path: Path) -> None:
    with EtcdServer(tmp_path, flags=("--max-txn-ops=16",)) as server:
        async with etcd_client(EtcdSettings((server.url,))) as store:
            large = Transaction(puts={f"/vips/{number}": b"" for number in range(17)})
            answer = await store.commit(large, timeout_s=PATIENCE_S)
            assert isinstance(answer, Unknown)
            assert answer.actor == "operator"
            assert "--max-txn-ops" in answer.why


@on_loop
async def test_an_independent_client_sees_the_same(shared_etcd: EtcdServer, prefix: str) -> None:
    async with etcd_client(EtcdSettings((shared_etcd.url,))) as store:
        ours = await commit(store, puts={prefix + "ours": b"1"})
        watch = store.watch(prefix, after_revision=ours.revision, heartbeat_s=PATIENCE_S)
        async with aclosing(watch):
            await established(watch)
            finished = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", INDEPENDENT_CLIENT, shared_etcd.url.rpartition(":")[2], prefix],
                env={**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"},
                capture_output=True,
                text=True,
                check=True,
                timeout=60.0,
            )
            assert json.loads(finished.stdout) == {prefix + "ours": ["1", ours.versions[prefix + "ours"]]}
            (theirs,) = await next_changes(watch, 1)
        assert isinstance(theirs, Changed)
        assert await values(store, prefix) == {prefix + "ours": b"1", prefix + "theirs": b"2"}
