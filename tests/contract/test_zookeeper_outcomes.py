"""What may have happened behind an Unknown, and what people and restarts do, with a real ZooKeeper."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from backends.store import Conflict, Store, Transaction, Unknown
from backends.zookeeper_settings import ZookeeperSettings
from tests.contract.benches import zookeeper_client
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
from tests.contract.event_loop import on_loop
from tests.contract.relay import relay
from tests.contract.zookeeper_hand import hand
from tests.contract.zookeeper_server import ZookeeperServer

pytestmark = pytest.mark.zookeeper


def _settings(*endpoints: str) -> ZookeeperSettings:
    return ZookeeperSettings(tuple(endpoint.removeprefix("http://") for endpoint in endpoints))


async def _holds(store: Store, key: str, value: bytes) -> None:
    async def does() -> bool:
        return (await values(store, key)).get(key) == value

    await eventually(does)


@on_loop
async def test_a_commit_may_happen_long_after_its_unknown(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    key = prefix + "late"
    async with (
        zookeeper_client(_settings(shared_zookeeper.endpoint)) as witness,
        relay(f"http://{shared_zookeeper.endpoint}") as line,
        zookeeper_client(_settings(line.url)) as store,
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
async def test_a_late_commit_dies_of_a_newer_write(shared_zookeeper: ZookeeperServer, prefix: str) -> None:
    key = prefix + "late"
    async with (
        zookeeper_client(_settings(shared_zookeeper.endpoint)) as witness,
        relay(f"http://{shared_zookeeper.endpoint}") as line,
        zookeeper_client(_settings(line.url)) as store,
    ):
        version = (await commit(store, puts={key: b"first"})).versions[key]
        line.hold_requests = True
        other = prefix + "other"
        late = Transaction({key: version, other: 0}, {key: b"a late value", other: b""})
        outcome = asyncio.ensure_future(store.commit(late, timeout_s=1.0))
        await line.has_held(b"a late value")
        line.deaf = True
        assert isinstance(await outcome, Unknown)
        await commit(witness, compares={key: version}, puts={key: b"newer"})
        line.release()
        await asyncio.sleep(0.3)
        assert await values(witness, prefix) == {key: b"newer"}


@on_loop
async def test_a_lost_reply_is_unknown_though_it_happened(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    key = prefix + "done"
    async with (
        zookeeper_client(_settings(shared_zookeeper.endpoint)) as witness,
        relay(f"http://{shared_zookeeper.endpoint}") as line,
        zookeeper_client(_settings(line.url, shared_zookeeper.endpoint)) as store,
    ):
        await commit(store, puts={prefix + "warm": b""})
        line.lose_replies = True
        outcome = asyncio.ensure_future(store.commit(Transaction({key: 0}, {key: b"1"}), timeout_s=1.0))
        await _holds(witness, key, b"1")
        assert isinstance(await outcome, Unknown)
        assert (await record(store, key)).value == b"1"  # over the other endpoint


@on_loop
async def test_a_connection_that_missed_an_answer_is_not_used_again(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    async with (
        relay(f"http://{shared_zookeeper.endpoint}") as line,
        zookeeper_client(_settings(line.url)) as store,
    ):
        await commit(store, puts={prefix + "a": b"1"})
        line.hold_requests = True
        missed = await store.commit(Transaction(puts={prefix + "a": b"2"}), timeout_s=0.3)
        assert isinstance(missed, Unknown)
        line.hold_requests = False  # and what was held is never passed on
        await commit(store, puts={prefix + "a": b"3"})
        assert await values(store, prefix) == {prefix + "a": b"3"}


@on_loop
async def test_a_restarted_server_loses_the_watch_but_no_change(tmp_path: Path) -> None:
    with ZookeeperServer(tmp_path) as server:
        async with zookeeper_client(_settings(server.endpoint)) as store:
            await commit(store, puts={"/vips/a": b"1"})
            reading = await read(store, "/vips/")
            watch = store.watch("/vips/", after_revision=reading.revision, heartbeat_s=PATIENCE_S)
            async with aclosing(watch):
                await established(watch)
                server.kill()
                await lost(watch)
            assert isinstance(await store.read("/vips/", timeout_s=0.5), Unknown)
            server.start()
            second = await commit(store, puts={"/vips/a": b"2"})
            # Nothing says what happened between the reading and the new connection.
            watch = store.watch("/vips/", after_revision=reading.revision, heartbeat_s=PATIENCE_S)
            assert "may be missed" in (await lost(watch)).why
            assert (await record(store, "/vips/a")).version == second.versions["/vips/a"]


@on_loop
async def test_a_watch_that_cannot_know_what_was_missed_leaves_the_endpoint_in_use(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    endpoints = (shared_zookeeper.endpoint, shared_zookeeper.endpoint.replace("127.0.0.1", "localhost"))
    async with zookeeper_client(_settings(*endpoints)) as store:
        before = store.describe()
        assert "may be missed" in (await lost(store.watch(prefix, after_revision=1, heartbeat_s=5.0))).why
        assert store.describe() == before
        start = (await read(store, prefix)).revision
        watch = store.watch(prefix, after_revision=start, heartbeat_s=PATIENCE_S)
        async with aclosing(watch):
            await established(watch)


@on_loop
async def test_a_version_is_never_taken_for_one_of_a_record_made_anew(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    """ZooKeeper itself counts the changes of a znode that was made anew from 0 again."""
    key = prefix + "lease"
    async with (
        zookeeper_client(_settings(shared_zookeeper.endpoint)) as ours,
        zookeeper_client(_settings(shared_zookeeper.endpoint)) as theirs,
    ):
        stale = (await commit(ours, puts={key: b"first life"})).versions[key]
        with hand(shared_zookeeper.endpoint) as operator:
            await asyncio.to_thread(operator.delete, prefix[:-1], recursive=True)
        for compares in ({key: 0}, {}):
            fresh = (await commit(theirs, compares=compares, puts={key: b"second life"})).versions[key]
            assert fresh % 2**31 == stale % 2**31 == 0  # the znodes' own versions are equal
            for transaction in (
                Transaction({key: stale}, {key: b"by mistake"}),
                Transaction({key: stale}),
                Transaction({key: stale}, deletes=frozenset({key})),
            ):
                assert await ours.commit(transaction, timeout_s=PATIENCE_S) == Conflict()
            assert (await record(ours, key)).value == b"second life"
            await commit(theirs, deletes=frozenset({key}))


@on_loop
async def test_what_a_person_wipes_is_gone_for_readings_and_watches(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    keys = [prefix + name for name in ("a", "b/c", "b/d")]
    async with zookeeper_client(_settings(shared_zookeeper.endpoint)) as store:
        committed = await commit(store, puts=dict.fromkeys(keys, b"1"))
        start = (await read(store, prefix)).revision
        watch = store.watch(prefix, after_revision=start, heartbeat_s=PATIENCE_S)
        async with aclosing(watch):
            await established(watch)
            with hand(shared_zookeeper.endpoint) as operator:
                await asyncio.to_thread(operator.delete, prefix[:-1], recursive=True)
            gone: set[str] = set()
            while len(gone) < len(keys):
                (changed,) = await next_changes(watch, 1)
                assert not changed.records
                gone |= changed.deleted.keys()
            assert gone == set(keys)
            assert await values(store, prefix) == {}
            stale = Transaction({keys[0]: committed.versions[keys[0]]}, {keys[0]: b"2"})
            assert await store.commit(stale, timeout_s=PATIENCE_S) == Conflict()
            again = await commit(store, compares={keys[0]: 0}, puts={keys[0]: b"3"})
            (back,) = await next_changes(watch, 1)
            assert {each.key: each.version for each in back.records} == dict(again.versions)


@on_loop
async def test_a_holder_that_a_person_left_empty_is_no_record(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    key, other = prefix + "vip", prefix + "other"
    async with zookeeper_client(_settings(shared_zookeeper.endpoint)) as store:
        for compares in ({key: 0}, {}):
            await commit(store, puts={key: b"1", other: b"1"})
            with hand(shared_zookeeper.endpoint) as operator:
                holder = f"{prefix}vip="
                (name,) = await asyncio.to_thread(operator.get_children, holder)
                await asyncio.to_thread(operator.delete, f"{holder}/{name}")
            assert key not in await values(store, prefix)
            await commit(store, compares=compares, puts={key: b"2"})
            assert (await values(store, prefix))[key] == b"2"
            assert await store.commit(Transaction({key: 0}), timeout_s=PATIENCE_S) == Conflict()


@on_loop
async def test_an_uncompared_key_that_others_delete_and_make_is_still_written(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    key, own = prefix + "shared", prefix + "own"
    async with (
        zookeeper_client(_settings(shared_zookeeper.endpoint)) as store,
        zookeeper_client(_settings(shared_zookeeper.endpoint)) as rival,
    ):
        finished = asyncio.Event()

        async def come_and_go() -> None:
            while not finished.is_set():
                await commit(rival, puts={key: b"theirs"})
                await commit(rival, deletes=frozenset({key}))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(come_and_go())
            version = 0
            for number in range(25):
                value = b"%d" % number
                done = await commit(store, compares={own: version}, puts={key: value, own: value})
                version = done.versions[own]
            await read(store, prefix)  # from here on there is a mirror to guess from
            for _ in range(25):
                await commit(store, puts={own: b""}, deletes=frozenset({key}))
            finished.set()


@on_loop
async def test_a_transaction_larger_than_the_server_takes_is_unknown(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    async with zookeeper_client(_settings(shared_zookeeper.endpoint)) as store:
        large = Transaction(puts={prefix + "a": bytes(2**20 + 1)})
        answer = await store.commit(large, timeout_s=PATIENCE_S)
        assert isinstance(answer, Unknown)
        await commit(store, puts={prefix + "b": b"1"})
        assert await values(store, prefix) == {prefix + "b": b"1"}


@on_loop
async def test_a_key_must_begin_with_a_slash(shared_zookeeper: ZookeeperServer) -> None:
    async with zookeeper_client(_settings(shared_zookeeper.endpoint)) as store:
        with pytest.raises(ValueError, match="does not begin with a slash"):
            await store.commit(Transaction(puts={"a": b""}), timeout_s=PATIENCE_S)


@on_loop
async def test_an_independent_client_sees_readable_records(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    async with zookeeper_client(_settings(shared_zookeeper.endpoint)) as store:
        committed = await commit(store, puts={prefix + "nodes/a/lease": b'{"seq":1}'})
        with hand(shared_zookeeper.endpoint) as client:
            assert await asyncio.to_thread(client.get_children, prefix + "nodes/a") == ["lease="]
            (name,) = await asyncio.to_thread(client.get_children, prefix + "nodes/a/lease=")
            value, stat = await asyncio.to_thread(client.get, f"{prefix}nodes/a/lease=/{name}")
        assert value == b'{"seq":1}'
        assert stat.mzxid == committed.revision
        assert committed.versions[prefix + "nodes/a/lease"] == int(name, 16) << 31 | stat.version


@on_loop
async def test_a_chroot_keeps_everything_below_it(shared_zookeeper: ZookeeperServer, prefix: str) -> None:
    chroot = prefix + "deep/root"
    async with (
        zookeeper_client(_settings(shared_zookeeper.endpoint + chroot)) as inside,
        zookeeper_client(_settings(shared_zookeeper.endpoint)) as outside,
    ):
        assert (await read(inside, "")).records == ()
        await commit(inside, puts={"/vips/a": b"1"})
        start = (await read(inside, "/")).revision
        watch = inside.watch("/vips/", after_revision=start, heartbeat_s=PATIENCE_S)
        async with aclosing(watch):
            await established(watch)
            await commit(outside, puts={chroot + "/vips/b": b"2", prefix + "elsewhere": b"3"})
            (changed,) = await next_changes(watch, 1)
            assert [each.key for each in changed.records] == ["/vips/b"]
        assert await values(inside, "") == {"/vips/a": b"1", "/vips/b": b"2"}
        assert await values(outside, chroot) == {chroot + "/vips/a": b"1", chroot + "/vips/b": b"2"}
