"""Reads and commits: what every backend promises."""

from __future__ import annotations

import asyncio

import pytest

from backends.store import (
    MAX_TRANSACTION_OPERATIONS,
    Committed,
    Conflict,
    Snapshot,
    Transaction,
    Unknown,
)
from tests.contract.benches import Bench
from tests.contract.calls import PATIENCE_S, commit, read, record, values
from tests.contract.event_loop import on_loop


@on_loop
async def test_an_empty_prefix_has_a_revision(bench: Bench) -> None:
    async with bench.client() as store:
        snapshot = await read(store, bench.prefix)
    assert snapshot.records == ()
    assert snapshot.prefix == bench.prefix
    assert snapshot.revision > 0


@on_loop
async def test_another_client_reads_what_was_committed(bench: Bench) -> None:
    key = bench.prefix + "lease"
    async with bench.client() as writer, bench.client() as reader:
        for round_number in range(50):
            committed = await commit(writer, puts={key: b"%d" % round_number})
            snapshot = await read(reader, key)
            assert snapshot.records[0].value == b"%d" % round_number
            assert snapshot.records[0].version == committed.versions[key]
            assert snapshot.revision >= committed.revision


@on_loop
async def test_version_zero_means_absent(bench: Bench) -> None:
    key = bench.prefix + "vip"
    claim = Transaction({key: 0}, {key: b"node-1"})
    async with bench.client() as store:
        assert isinstance(await store.commit(claim, timeout_s=PATIENCE_S), Committed)
        assert await store.commit(claim, timeout_s=PATIENCE_S) == Conflict()
        await commit(store, deletes=frozenset({key}))
        assert isinstance(await store.commit(claim, timeout_s=PATIENCE_S), Committed)


@on_loop
async def test_a_compare_takes_only_the_current_version(bench: Bench) -> None:
    key = bench.prefix + "lease"
    async with bench.client() as store:
        first = (await commit(store, puts={key: b"1"})).versions[key]
        second = (await commit(store, compares={key: first}, puts={key: b"2"})).versions[key]
        assert second != first
        stale = Transaction({key: first}, {key: b"3"})
        assert await store.commit(stale, timeout_s=PATIENCE_S) == Conflict()
        assert (await record(store, key)).value == b"2"
        await commit(store, compares={key: second}, puts={key: b"4"})


@on_loop
async def test_a_write_of_the_same_value_makes_a_new_version(bench: Bench) -> None:
    key = bench.prefix + "lease"
    async with bench.client() as store:
        versions = {(await commit(store, puts={key: b"same"})).versions[key] for _ in range(5)}
    assert len(versions) == 5


@on_loop
async def test_one_failed_compare_undoes_everything(bench: Bench) -> None:
    good, bad, new = (bench.prefix + name for name in ("good", "bad", "new"))
    async with bench.client() as store:
        versions = (await commit(store, puts={good: b"g", bad: b"b"})).versions
        transaction = Transaction(
            {good: versions[good], bad: versions[bad] + 1}, {new: b"n", good: b"changed"}, frozenset({bad})
        )
        assert await store.commit(transaction, timeout_s=PATIENCE_S) == Conflict()
        assert await values(store, bench.prefix) == {good: b"g", bad: b"b"}


@on_loop
async def test_put_and_delete_happen_together(bench: Bench) -> None:
    old, new, never = (bench.prefix + name for name in ("old", "new", "never"))
    async with bench.client() as store:
        await commit(store, puts={old: b"1"})
        committed = await commit(store, puts={new: b"2"}, deletes=frozenset({old, never}))
        assert set(committed.versions) == {new}
        assert await values(store, bench.prefix) == {new: b"2"}


@on_loop
async def test_committed_names_the_versions_that_a_read_shows(bench: Bench) -> None:
    keys = [f"{bench.prefix}{number}" for number in range(4)]
    async with bench.client() as store:
        await commit(store, puts={keys[0]: b"before"})
        committed = await commit(store, puts=dict.fromkeys(keys, b"x"))
        snapshot = await read(store, bench.prefix)
    assert {record.key: record.version for record in snapshot.records} == dict(committed.versions)
    assert {record.revision for record in snapshot.records} == {committed.revision}


@on_loop
async def test_a_transaction_may_only_compare(bench: Bench) -> None:
    key = bench.prefix + "lease"
    async with bench.client() as store:
        committed = await commit(store, puts={key: b"1"})
        version = committed.versions[key]
        only_compared = await commit(store, compares={key: version, bench.prefix + "absent": 0})
        assert only_compared.versions == {}
        assert only_compared.revision >= committed.revision
        assert await store.commit(Transaction({key: version + 1}), timeout_s=PATIENCE_S) == Conflict()


@on_loop
async def test_a_prefix_is_exact(bench: Bench) -> None:
    inside = ["a", "a/", "a/b", "a0", "a\x7f", "aä", "a\U0010ffff"]
    outside = ["A", "`", "b", "\x01a", "ä"]
    async with bench.client() as store:
        await commit(store, puts={bench.prefix + name: name.encode() for name in inside + outside})
        found = await values(store, bench.prefix + "a")
        everything = await read(store, bench.prefix)
    assert found == {bench.prefix + name: name.encode() for name in inside}
    keys = [record.key for record in everything.records]
    assert keys == sorted(keys)
    assert len(keys) == len(inside + outside)


@on_loop
async def test_the_empty_prefix_is_everything(bench: Bench) -> None:
    async with bench.client() as store:
        await commit(store, puts={bench.prefix + "a": b"1"})
        assert bench.prefix + "a" in await values(store, "")


@on_loop
async def test_values_are_bytes(bench: Bench) -> None:
    wanted = {bench.prefix + "empty": b"", bench.prefix + "all": bytes(range(256)) * 40}
    async with bench.client() as store:
        await commit(store, puts=wanted)
        assert await values(store, bench.prefix) == wanted


@on_loop
async def test_the_largest_transaction(bench: Bench) -> None:
    keys = [f"{bench.prefix}{number:03}" for number in range(MAX_TRANSACTION_OPERATIONS)]
    half = MAX_TRANSACTION_OPERATIONS // 2
    async with bench.client() as store:
        created = await commit(store, compares=dict.fromkeys(keys, 0), puts=dict.fromkeys(keys, b"1"))
        await commit(
            store,
            compares=dict(created.versions),
            puts=dict.fromkeys(keys[:half], b"2"),
            deletes=frozenset(keys[half:]),
        )
        assert await values(store, bench.prefix) == dict.fromkeys(keys[:half], b"2")


def test_a_larger_transaction_cannot_be_made() -> None:
    keys = [str(number) for number in range(MAX_TRANSACTION_OPERATIONS + 1)]
    with pytest.raises(ValueError, match="129 writes"):
        Transaction(puts=dict.fromkeys(keys, b""))
    with pytest.raises(ValueError, match="129 compares"):
        Transaction(compares=dict.fromkeys(keys, 0))
    with pytest.raises(ValueError, match="put and deleted"):
        Transaction(puts={"a": b""}, deletes=frozenset({"a"}))


@on_loop
async def test_thousands_of_keys_are_one_snapshot(bench: Bench) -> None:
    value = bytes(2500)  # 5 MB in all, more than gRPC's usual limit for a message
    keys = [f"{bench.prefix}{number:04}" for number in range(2000)]
    async with bench.client() as store:
        for start in range(0, len(keys), 100):
            committed = await commit(store, puts=dict.fromkeys(keys[start : start + 100], value))
        snapshot = await read(store, bench.prefix)
    assert [record.key for record in snapshot.records] == keys
    assert {len(record.value) for record in snapshot.records} == {len(value)}
    assert snapshot.revision >= committed.revision


@on_loop
async def test_a_snapshot_of_many_pages_is_of_one_revision(bench: Bench) -> None:
    first, last = bench.prefix + "!", bench.prefix + "~"
    filler = [f"{bench.prefix}{number:04}" for number in range(1200)]
    async with bench.client() as store, bench.client() as writer:
        for start in range(0, len(filler), 120):
            await commit(store, puts=dict.fromkeys(filler[start : start + 120], b""))
        await commit(store, puts={first: b"0", last: b"0"})
        reading = asyncio.Event()

        async def keep_writing() -> None:
            number = 0
            while not reading.is_set():
                number += 1
                await commit(writer, puts={first: b"%d" % number, last: b"%d" % number})

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_writing())
            for _ in range(5):
                found = await values(store, bench.prefix)
                assert found[first] == found[last]
                assert len(found) == len(filler) + 2
            reading.set()


@on_loop
async def test_a_snapshot_is_never_older_than_what_its_reader_knows(bench: Bench) -> None:
    key, busy = bench.prefix + "key", bench.prefix + "busy"
    async with bench.client() as store, bench.client() as writer:
        version = (await commit(store, puts={key: b"1"})).versions[key]
        finished = asyncio.Event()

        async def compare_and_read(times: int) -> None:
            for _ in range(times):
                compared = await commit(store, compares={key: version})
                assert (await read(store, bench.prefix)).revision >= compared.revision

        async def keep_writing() -> None:
            while not finished.is_set():
                await commit(writer, puts={busy: b""})

        await compare_and_read(10)  # a store in which nothing happens
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_writing())
            await compare_and_read(100)
            finished.set()


@on_loop
async def test_concurrent_compare_and_set_loses_nothing(bench: Bench) -> None:
    key = bench.prefix + "counter"

    async def increment(times: int) -> None:
        async with bench.client() as store:
            done = 0
            while done < times:
                current = await record(store, key)
                value = b"%d" % (int(current.value) + 1)
                answer = await store.commit(
                    Transaction({key: current.version}, {key: value}), timeout_s=PATIENCE_S
                )
                assert not isinstance(answer, Unknown)
                done += isinstance(answer, Committed)

    async with bench.client() as store:
        await commit(store, puts={key: b"0"})
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(increment(15))
        assert (await record(store, key)).value == b"60"


@on_loop
async def test_calls_of_one_client_may_overlap(bench: Bench) -> None:
    async with bench.client() as store:
        answers = await asyncio.gather(
            *(commit(store, puts={f"{bench.prefix}{number}": b""}) for number in range(40)),
            *(read(store, bench.prefix) for _ in range(40)),
        )
        assert len({answer.revision for answer in answers if isinstance(answer, Committed)}) == 40
        assert sum(isinstance(answer, Snapshot) for answer in answers) == 40
        assert len(await values(store, bench.prefix)) == 40
