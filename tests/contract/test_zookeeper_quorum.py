"""Servers that lost their leader or their majority: whatever they still know, they must not answer."""

from __future__ import annotations

import asyncio
import functools
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, aclosing
from typing import Any

import pytest

from backends.store import Committed, Snapshot, Transaction, Unknown
from backends.zookeeper_settings import ZookeeperSettings
from tests.contract.benches import zookeeper_client
from tests.contract.calls import PATIENCE_S, commit, established, eventually, lost, read, values
from tests.contract.event_loop import on_loop
from vipkeeper.lab import faults
from vipkeeper.lab.lab import Lab, make_lab
from vipkeeper.lab.zookeeper_servers import USUAL_TICK_MS, ZookeeperMember

pytestmark = [pytest.mark.root, pytest.mark.zookeeper]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three servers with the settings of ZooKeeper's own sample, where a follower notices least."""
    with make_lab(hosts=1, zookeeper_members=3, tick_ms=USUAL_TICK_MS) as made:
        yield made


@pytest.fixture
def trio(lab: Lab) -> Iterator[Lab]:
    """All of them serve, before and after."""
    lab.zookeeper.wait_until_all_serve()
    yield lab
    for member in lab.zookeeper.members:
        member.process.thaw()


@pytest.fixture
def prefix() -> str:
    return f"/{uuid.uuid4().hex}/"


def on_host(
    test: Callable[[Lab, str], Coroutine[Any, Any, None]],
) -> Callable[[Lab, str], None]:
    """Run the test's coroutine on the lab's host, which reaches the servers."""

    @functools.wraps(test)
    def run(trio: Lab, prefix: str) -> None:
        trio.network.hosts[0].namespace.call(lambda: on_loop(test)(trio, prefix))

    return run


def _settings(*members: ZookeeperMember) -> ZookeeperSettings:
    return ZookeeperSettings(tuple(member.endpoint for member in members))


def _leader_and_followers(lab: Lab) -> tuple[ZookeeperMember, list[ZookeeperMember]]:
    leader = lab.zookeeper.leader()
    return leader, [member for member in lab.zookeeper.members if member is not leader]


@on_host
async def test_a_follower_without_its_leader_answers_nothing(trio: Lab, prefix: str) -> None:
    """It answers pings and reads of its own for another 10 s."""
    leader, (cut_off, other) = _leader_and_followers(trio)
    key = prefix + "lease"
    async with (
        zookeeper_client(_settings(cut_off, other, leader)) as store,
        zookeeper_client(_settings(leader)) as rival,
        zookeeper_client(_settings(cut_off)) as stuck,
        zookeeper_client(_settings(cut_off)) as watcher,  # no request of its own holds up an answer
    ):
        version = (await commit(store, puts={key: b"1"})).versions[key]
        await read(stuck, prefix)
        start = (await read(watcher, prefix)).revision
        watch = watcher.watch(prefix, after_revision=start, heartbeat_s=2.0)
        async with aclosing(watch):
            await established(watch)
            with faults.partition_zookeeper_member(cut_off.server):
                newer = await commit(rival, compares={key: version}, puts={key: b"2"})
                for answer in (
                    await stuck.read(prefix, timeout_s=0.5),
                    await stuck.commit(Transaction({key: version}), timeout_s=0.5),
                    await stuck.commit(Transaction({key: version}, {key: b"3"}), timeout_s=0.5),
                ):
                    assert isinstance(answer, Unknown)
                assert cut_off.mode() == "follower"
                assert "no sign of life" in (await lost(watch)).why
                # One attempt is lost, and the next server has the answer.
                assert isinstance(await store.commit(Transaction({key: version}), timeout_s=0.25), Unknown)
                await commit(store, compares={key: newer.versions[key]}, puts={key: b"4"})
                assert cut_off.mode() == "follower"
        assert await values(rival, prefix) == {key: b"4"}


@on_host
async def test_a_leader_without_a_majority_answers_nothing(trio: Lab, prefix: str) -> None:
    leader, followers = _leader_and_followers(trio)
    key = prefix + "lease"
    async with (
        zookeeper_client(_settings(leader)) as stuck,
        zookeeper_client(_settings(*followers)) as others,
    ):
        version = (await commit(stuck, puts={key: b"1"})).versions[key]
        await read(stuck, prefix)
        with faults.partition_zookeeper_member(leader.server):
            while leader.mode() == "leader":
                answer = await stuck.read(prefix, timeout_s=0.3)
                assert isinstance(answer, Unknown)
                committed = await stuck.commit(Transaction({key: version}), timeout_s=0.3)
                assert isinstance(committed, Unknown)

            async def others_go_on() -> bool:
                claim = Transaction({key: version}, {key: b"2"})
                if isinstance(await others.commit(claim, timeout_s=1.0), Committed):
                    return True
                # One whose answer was late may have committed; then no other can.
                seen = await others.read(prefix, timeout_s=1.0)
                return isinstance(seen, Snapshot) and [record.value for record in seen.records] == [b"2"]

            await eventually(others_go_on)
            assert isinstance(await stuck.read(prefix, timeout_s=0.5), Unknown)


@on_host
async def test_all_servers_show_the_same_at_once(trio: Lab, prefix: str) -> None:
    async with ExitStackOfStores(trio) as stores:
        for number in range(30):
            writer, reader = stores[number % 3], stores[(number + 1) % 3]
            committed = await commit(writer, puts={prefix + "a": b"%d" % number})
            snapshot = await read(reader, prefix)
            assert snapshot.records[0].version == committed.versions[prefix + "a"]
            assert snapshot.records[0].revision == committed.revision
            assert snapshot.revision >= committed.revision


class ExitStackOfStores:
    """One store for each server."""

    def __init__(self, lab: Lab) -> None:
        self._clients = [zookeeper_client(_settings(member)) for member in lab.zookeeper.members]

    async def __aenter__(self) -> list[Any]:
        return [await client.__aenter__() for client in self._clients]

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.__aexit__(None, None, None)


@on_host
async def test_a_killed_leader_loses_nothing_that_was_committed(trio: Lab, prefix: str) -> None:
    leader, _ = _leader_and_followers(trio)
    key = prefix + "counter"
    async with zookeeper_client(_settings(*trio.zookeeper.members)) as store:
        last = await commit(store, puts={key: b"0"})
        acknowledged = 0
        leader.process.kill()
        began_s = time.monotonic()
        while acknowledged < 20 and time.monotonic() - began_s < PATIENCE_S * 2:
            value = b"%d" % (acknowledged + 1)
            claim = Transaction({key: last.versions[key]}, {key: value})
            answer = await store.commit(claim, timeout_s=0.5)
            if isinstance(answer, Committed):
                assert answer.revision > last.revision
                last, acknowledged = answer, acknowledged + 1
                continue
            seen = await store.read(key, timeout_s=PATIENCE_S)
            if isinstance(seen, Snapshot):
                (found,) = seen.records
                assert int(found.value) in {acknowledged, acknowledged + 1}
                acknowledged = int(found.value)
                last = Committed(found.revision, {key: found.version})
        assert acknowledged == 20
        leader.process.start()
        assert await values(store, key) == {key: b"20"}


@on_host
async def test_an_outage_longer_than_many_attempts(trio: Lab, prefix: str) -> None:
    """Each attempt is over in time, and the first after the outage succeeds."""
    with ExitStack() as stack:
        async with zookeeper_client(_settings(*trio.zookeeper.members)) as store:
            await commit(store, puts={prefix + "a": b"1"})
            for member in trio.zookeeper.members:
                stack.callback(member.process.thaw)
                member.process.freeze()
            await asyncio.sleep(0.1)
            began_s = time.monotonic()
            for _ in range(20):
                answer = await store.commit(Transaction(puts={prefix + "a": b""}), timeout_s=0.05)
                assert isinstance(answer, Unknown)
            assert time.monotonic() - began_s < 20 * 0.05 + PATIENCE_S / 4
            stack.close()

            async def works_again() -> bool:
                return not isinstance(await store.read(prefix, timeout_s=PATIENCE_S), Unknown)

            await eventually(works_again)


@on_host
async def test_its_operator_is_told_what_slows_it_and_who_is_missing(trio: Lab, prefix: str) -> None:
    leader, (frozen, other) = _leader_and_followers(trio)
    async with zookeeper_client(_settings(leader, frozen, other)) as store:
        advice = await store.examine(prefix, timeout_s=PATIENCE_S)
        assert isinstance(advice, tuple)
        (ticks,) = advice
        where = f"{leader.endpoint}, {frozen.endpoint}, {other.endpoint}: "
        assert ticks.text.startswith(where + "a leader that hangs or is cut off is replaced only after 10 s")
        frozen.process.freeze()
        advice = await store.examine(prefix, timeout_s=1.0)
        assert isinstance(advice, tuple)
        ticks, missing = advice
        assert ticks.text.startswith(f"{leader.endpoint}, {other.endpoint}: ")
        assert missing.text.startswith(f"{frozen.endpoint}: it did not say how it is within 1 s; make it")
