"""What happened in a run, as lines for a reader. Silent unless a replay wants to see it."""

from __future__ import annotations

from collections.abc import Callable

from backends.store import Changed, Conflict, Record, Snapshot, Transaction, Unknown
from tests.simulation.timeline import Timeline
from vipkeeper.election.effects import Commit, Effect, Read
from vipkeeper.election.events import CommitAnswered, Event, RecordsChanged, SnapshotRead


class Trace:
    """Lines with their true time, given to `show`."""

    def __init__(self, timeline: Timeline, show: Callable[[str], None] | None, prefix: str) -> None:
        self._timeline = timeline
        self._show = show
        self._prefix = prefix
        self.wanted = show is not None

    def note(self, who: str, what: str) -> None:
        """One line."""
        if self._show is not None:
            self._show(f"{self._timeline.now_s:11.6f}  {who:<8} {what}")

    def event(self, event: Event) -> str:
        """An event in one line."""
        match event:
            case SnapshotRead(snapshot=Snapshot() as snapshot):
                return f"SnapshotRead revision {snapshot.revision} {self._records(snapshot.records)}"
            case RecordsChanged(changed=Changed() as changed):
                deleted = "".join(f" deleted {self._short(key)}" for key in changed.deleted)
                return f"RecordsChanged {self._records(changed.records)}{deleted}"
            case CommitAnswered(outcome=Conflict() | Unknown()):
                return f"CommitAnswered {event.id} {type(event.outcome).__name__}"
            case CommitAnswered():
                return f"CommitAnswered {event.id} Committed"
            case _:
                return str(event)

    def effect(self, effect: Effect) -> str:
        """An effect in one line."""
        match effect:
            case Commit():
                return f"Commit {effect.id} {self.transaction(effect.transaction)}"
            case Read():
                return f"Read {self._short(effect.prefix)}"
            case _:
                return str(effect)

    def transaction(self, transaction: Transaction) -> str:
        """A transaction in one line."""
        compares = ", ".join(f"{self._short(key)}@{version}" for key, version in transaction.compares.items())
        puts = ", ".join(f"{self._short(key)}={value.decode()}" for key, value in transaction.puts.items())
        return f"if [{compares}] put [{puts}]"

    def _records(self, records: tuple[Record, ...]) -> str:
        return " ".join(f"{self._short(r.key)}@{r.version}={r.value.decode()}" for r in records)

    def _short(self, key: str) -> str:
        return key.removeprefix(self._prefix)
