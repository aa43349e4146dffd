"""The way between election and store: each request has one answer, and the feed starts over when in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from backends.memory import Faults, MemoryMap, MemoryStore
from backends.store import Committed, Conflict, Transaction, Unknown
from tests.contract.event_loop import on_loop
from vipkeeper.agent.store_shell import StoreShell
from vipkeeper.config.timing_rules import Timing, derive_timing
from vipkeeper.election.effects import Commit, Read
from vipkeeper.election.events import (
    CommitAnswered,
    Event,
    FeedLost,
    ReadFailed,
    RecordsChanged,
    SnapshotRead,
)

PREFIX = "/vipkeeper/test/"
PATIENCE_S = 20.0
# Attempts of 50 ms, so that a test of time-outs is short; the watch's heartbeat is at least 0.5 s.
TIMING = derive_timing(0.4, 10.0, 30.0)


class Bench:
    """A shell over a memory store with faults, and what it posted."""

    def __init__(self, timing: Timing = TIMING) -> None:
        self.map = MemoryMap()
        self.faults = Faults()
        self.posted: list[Event] = []
        self.revision = 0
        self._news = asyncio.Event()
        store = MemoryStore(self.map, self.faults)
        self.shell = StoreShell(store, PREFIX, timing, revision=lambda: self.revision, post=self._post)

    def _post(self, event: Event) -> None:
        self.posted.append(event)
        self._news.set()

    def put(self, name: str, value: bytes = b"1") -> None:
        self.map.commit(Transaction(puts={PREFIX + name: value}))

    def readings(self) -> list[SnapshotRead]:
        return [event for event in self.posted if isinstance(event, SnapshotRead)]

    async def until(self, what: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not what():
                self._news.clear()
                await self._news.wait()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        feed = asyncio.create_task(self.shell.follow())
        try:
            yield
        finally:
            feed.cancel()
            await asyncio.gather(feed, return_exceptions=True)
            await self.shell.close()


@on_loop
async def test_the_feed_reads_everything_then_brings_each_change() -> None:
    bench = Bench()
    bench.put("before")
    bench.revision = 1
    async with bench.following():
        await bench.until(bench.readings)
        (reading,) = bench.readings()
        assert [record.key for record in reading.snapshot.records] == [PREFIX + "before"]
        assert reading.floor == 1
        bench.put("after")
        await bench.until(lambda: len(bench.posted) == 2)
    (change,) = bench.posted[1:]
    assert isinstance(change, RecordsChanged)
    assert [record.key for record in change.changed.records] == [PREFIX + "after"]


@on_loop
async def test_after_a_lost_watch_everything_is_read_again() -> None:
    bench = Bench()
    async with bench.following():
        await bench.until(bench.readings)
        bench.faults.break_watches("the connection is gone")
        bench.put("missed")
        await bench.until(lambda: len(bench.readings()) == 2)
        assert FeedLost("the connection is gone") in bench.posted
        bench.put("heard")
        await bench.until(lambda: isinstance(bench.posted[-1], RecordsChanged))
    assert PREFIX + "missed" in [record.key for record in bench.readings()[1].snapshot.records]


@on_loop
async def test_a_watch_without_a_sign_of_life_is_given_up() -> None:
    bench = Bench()
    async with bench.following():
        await bench.until(bench.readings)
        bench.faults.freeze()
        await bench.until(lambda: any(isinstance(event, FeedLost) for event in bench.posted))
        bench.put("meanwhile")
        bench.faults.thaw()
        await bench.until(lambda: len(bench.readings()) == 2)
    assert PREFIX + "meanwhile" in [record.key for record in bench.readings()[1].snapshot.records]


@on_loop
async def test_a_reading_of_unknown_outcome_is_told_and_tried_again() -> None:
    bench = Bench()
    bench.faults.lose_requests = True
    async with bench.following():
        await bench.until(lambda: any(isinstance(event, FeedLost) for event in bench.posted))
        assert bench.readings() == []
        bench.faults.lose_requests = False
        await bench.until(bench.readings)


@on_loop
async def test_a_restored_backup_is_read_with_the_floor_of_before() -> None:
    bench = Bench()
    backup = bench.map.snapshot("")
    async with bench.following():
        await bench.until(bench.readings)
        bench.put("later")
        bench.revision = bench.map.revision
        await bench.until(lambda: len(bench.posted) == 2)
        bench.map.restore(backup)
        await bench.until(lambda: len(bench.readings()) == 2)
    again = bench.readings()[1]
    assert again.snapshot.revision < again.floor == bench.revision


@on_loop
async def test_each_commit_is_answered_once() -> None:
    bench = Bench()
    bench.shell.commit(Commit(1, Transaction({PREFIX + "a": 0}, {PREFIX + "a": b"1"})))
    await bench.until(lambda: len(bench.posted) == 1)
    bench.shell.commit(Commit(2, Transaction({PREFIX + "a": 0}, {PREFIX + "a": b"2"})))
    await bench.until(lambda: len(bench.posted) == 2)
    await bench.shell.close()
    answers = [event for event in bench.posted if isinstance(event, CommitAnswered)]
    assert [(answer.id, type(answer.outcome)) for answer in answers] == [(1, Committed), (2, Conflict)]


@pytest.mark.parametrize("fault", ["lose_requests", "lose_replies", "hold_commits"])
def test_a_commit_without_answer_is_unknown_within_its_attempt(fault: str) -> None:
    @on_loop
    async def run() -> None:
        bench = Bench()
        setattr(bench.faults, fault, True)
        started_s = asyncio.get_running_loop().time()
        bench.shell.commit(Commit(1, Transaction(puts={PREFIX + "a": b"1"})))
        await bench.until(lambda: bench.posted)
        took_s = asyncio.get_running_loop().time() - started_s
        bench.faults.deliver()
        await asyncio.sleep(0)
        await bench.shell.close()
        (answer,) = bench.posted
        assert isinstance(answer, CommitAnswered)
        assert isinstance(answer.outcome, Unknown)
        assert took_s >= TIMING.attempt_s

    run()


@on_loop
async def test_a_reading_that_was_asked_for_is_answered_with_its_floor() -> None:
    bench = Bench()
    bench.put("nodes/a/lease")
    bench.revision = 2
    bench.faults.delay_s = TIMING.attempt_s / 10
    bench.shell.read(Read(PREFIX + "nodes/a/lease"))
    await asyncio.sleep(0)  # now it is sent
    bench.revision = 7  # what is learnt while the reading is under way is no floor for it
    await bench.until(lambda: bench.posted)
    await bench.shell.close()
    (reading,) = bench.readings()
    assert reading.snapshot.prefix == PREFIX + "nodes/a/lease"
    assert reading.floor == 2


@on_loop
async def test_a_reading_that_was_asked_for_may_fail() -> None:
    bench = Bench()
    bench.faults.lose_requests = True
    bench.shell.read(Read(PREFIX + "nodes/a/lease"))
    await bench.until(lambda: bench.posted)
    await bench.shell.close()
    assert bench.posted == [ReadFailed(PREFIX + "nodes/a/lease")]


@on_loop
async def test_closing_gives_up_what_is_under_way() -> None:
    bench = Bench()
    bench.faults.freeze()
    bench.shell.commit(Commit(1, Transaction(puts={PREFIX + "a": b"1"})))
    bench.shell.read(Read(PREFIX))
    await asyncio.sleep(0)
    await bench.shell.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert bench.posted == []
