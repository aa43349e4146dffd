"""What one agent says to the store and hears from it: transactions, reads, and its watch.

Rules of this file: every transaction is answered once, within its attempt; an answer that comes later is
dropped, unless the process was frozen at the end of the attempt and finds both when it thaws.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

from backends.store import Changed, Committed, Conflict, Snapshot, Transaction, Unknown
from tests.simulation.host import KEYS, Host
from tests.simulation.process_life import ProcessLife
from tests.simulation.segment import Segment, Watch
from vipkeeper.election.events import (
    CommitAnswered,
    Event,
    FeedLost,
    ReadFailed,
    RecordsChanged,
    SnapshotRead,
)


class StoreTalk:
    """One process's side of the way to the store."""

    def __init__(
        self, host: Host, segment: Segment, random: Random, life: ProcessLife, post: Callable[[Event], None]
    ) -> None:
        self._host = host
        self._segment = segment
        self._random = random
        self._life = life
        self._post = post
        self._under_way: dict[int, float] = {}  # commit id -> when its attempt ends, on the host's clock
        self._answered_frozen: dict[int, float] = {}  # the same, of those that were answered while frozen
        self._watch: Watch | None = None

    def commit(self, number: int, transaction: Transaction, attempt_s: float) -> None:
        """Send a transaction; CommitAnswered follows."""
        timeline = self._life.timeline
        ends_s = self._host.clock.reading_s(timeline.now_s) + attempt_s
        self._under_way[number] = ends_s

        def answered(outcome: Committed | Conflict) -> None:
            if self._under_way.pop(number, None) is not None:
                if self._life.frozen:
                    self._answered_frozen[number] = ends_s
                self._post(CommitAnswered(number, outcome))

        def over() -> None:
            if not self._life.frozen and self._under_way.pop(number, None) is not None:
                self._post(CommitAnswered(number, Unknown("no answer")))

        self._segment.commit(self._host.number, transaction, answered)
        timeline.at(self._host.clock.true_s(ends_s), over)

    def settle_attempts(self, inbox: deque[Event]) -> None:
        """At a thaw, an answer and the end of its attempt may both be there: either may be seen first."""
        now_s = self._host.clock.reading_s(self._life.timeline.now_s)
        for at, event in enumerate(inbox):
            if isinstance(event, CommitAnswered):
                overdue = self._answered_frozen.get(event.id, now_s) < now_s
                if overdue and self._random.random() < 0.3:
                    inbox[at] = CommitAnswered(event.id, Unknown("no answer in time"))
        self._answered_frozen.clear()
        for number in [number for number, ends_s in self._under_way.items() if ends_s <= now_s]:
            del self._under_way[number]
            inbox.append(CommitAnswered(number, Unknown("no answer")))

    def read(self, prefix: str, floor: int, attempt_s: float) -> None:
        """Read once; SnapshotRead or ReadFailed follows."""

        def answered(snapshot: Snapshot) -> None:
            self._post(SnapshotRead(snapshot, floor))

        self._ask(prefix, attempt_s, answered, lambda: self._post(ReadFailed(prefix)))

    def follow(self, floor: Callable[[], int], attempt_s: float) -> None:
        """Read everything, again and again until it succeeds, and watch from there."""

        def answered(snapshot: Snapshot) -> None:
            self._post(SnapshotRead(snapshot, sent_with))
            self._life.when_running(lambda: self._begin_watch(snapshot.revision, floor, attempt_s))

        def over() -> None:
            self._life.when_running(lambda: self.follow(floor, attempt_s))

        sent_with = floor()
        self._ask(KEYS.prefix, attempt_s, answered, over)

    def end(self) -> None:
        """The process is gone."""
        if self._watch is not None:
            self._segment.forget(self._watch)

    def _ask(
        self,
        prefix: str,
        attempt_s: float,
        on_reply: Callable[[Snapshot], None],
        on_silence: Callable[[], None],
    ) -> None:
        waiting = True

        def answered(snapshot: Snapshot) -> None:
            nonlocal waiting
            if waiting and self._life.alive:
                waiting = False
                on_reply(snapshot)

        def over() -> None:
            nonlocal waiting
            if waiting and self._life.alive:
                waiting = False
                on_silence()

        self._segment.read(self._host.number, prefix, answered)
        self._life.timeline.after(attempt_s, over)

    def _begin_watch(self, after_revision: int, floor: Callable[[], int], attempt_s: float) -> None:
        def changed(news: Changed) -> None:
            self._post(RecordsChanged(news))

        def lost(why: str) -> None:
            if self._life.alive and self._watch is watch:
                self._watch = None
                self._post(FeedLost(why))
                self._life.when_running(lambda: self.follow(floor, attempt_s))

        watch = self._watch = Watch(self._host.number, changed, lost)
        self._segment.watch(watch, KEYS.prefix, after_revision)
