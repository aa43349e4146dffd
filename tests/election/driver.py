"""One or several elections against one memory store, on a clock that the test moves.

Rules of this file: nothing is random; a request travels TRAVEL_S each way, and so does what the watch
delivers; after each step the holdings reach the kernel before the requests leave, as in the agent; a node's
`link` decides what becomes of its requests.
"""

from __future__ import annotations

import enum
import functools
import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec.structs import replace

from backends.memory import MemoryMap
from backends.store import Changed, Committed, Conflict, Transaction, Unknown, WatchLost
from tests.election.values import KEYS, decoded, settings_of
from vipkeeper.election.effects import (
    Commit,
    Decided,
    Effect,
    Finished,
    Holding,
    KeepPromises,
    Noticed,
    PinCluster,
    Read,
    Released,
    Tell,
)
from vipkeeper.election.events import (
    CommitAnswered,
    Event,
    FitnessChanged,
    KernelAdoptable,
    MessageHeard,
    Now,
    ReadFailed,
    Reconfigured,
    RecordsChanged,
    SnapshotRead,
    StopRequested,
    TimePassed,
    Withdrawn,
)
from vipkeeper.election.machine import Election
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import VipRecord
from vipkeeper.model.vips import Unit

_Message = TypeVar("_Message")

TRAVEL_S = 0.001

# An election that wakes itself so often within one instant would do so for ever.
WAKES_AT_ONCE = 50


class Link(enum.Enum):
    """What becomes of a node's requests to the store."""

    GOOD = "good"
    CUT = "cut"  # nothing arrives: Unknown
    REPLIES_LOST = "replies lost"  # commits happen, and the sender hears Unknown
    HELD = "held"  # requests wait in `Node.waiting` for the test to answer them


class Cluster:
    """The store, the time, and the nodes."""

    def __init__(self) -> None:
        self.map = MemoryMap()
        self.now_s = 1000.0
        self.nodes: list[Node] = []
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()

    def start(
        self,
        node: str | ElectionSettings,
        *units: Unit,
        adoptable: Iterable[str] = (),
        fit: bool = True,
        link: Link = Link.GOOD,
    ) -> Node:
        """Start an agent; its first reading of the store is on its way."""
        settings = node if isinstance(node, ElectionSettings) else settings_of(node, *units)
        started = Node(self, settings)
        started.link = link
        self.nodes.append(started)
        started.begin(frozenset(adoptable), fit=fit)
        return started

    def after(self, delay_s: float, act: Callable[[], object]) -> None:
        """Do something later."""
        heapq.heappush(self._due, (self.now_s + delay_s, next(self._order), act))

    def run(self, for_s: float) -> None:
        """Let time pass, and everything happen that is due."""
        end_s = self.now_s + for_s
        wakes = 0
        while True:
            sleeper = min((n for n in self.nodes if n.deadline_s() is not None), key=_wakes_at, default=None)
            wake_s = _wakes_at(sleeper) if sleeper is not None else float("inf")
            at_s = min(self._due[0][0] if self._due else float("inf"), wake_s)
            if at_s > end_s:
                break
            wakes = wakes + 1 if at_s <= self.now_s else 0
            assert wakes < WAKES_AT_ONCE * (1 + len(self.nodes)), "woken for ever"
            self.now_s = max(self.now_s, at_s)
            if self._due and self._due[0][0] <= self.now_s:
                heapq.heappop(self._due)[2]()
            elif sleeper is not None:
                sleeper.hear(TimePassed())
        self.now_s = end_s

    def run_until(self, what: Callable[[], bool], within_s: float = 60.0) -> float:
        """Let time pass until something is so; how long that took."""
        start_s = self.now_s
        while not what():
            assert self.now_s < start_s + within_s, f"not so within {within_s} s"
            self.run(0.01)
        return self.now_s - start_s

    def answering(self, vip: str) -> list[str]:
        """Hosts whose kernel answers for the VIP."""
        return [n.settings.host for n in self.nodes if n.kernel.get(vip, 0.0) > self.now_s]

    def vip(self, name: str) -> VipRecord | None:
        """The record in the store."""
        return decoded(self.map, KEYS.vip(name), VipRecord)


def _wakes_at(node: Node) -> float:
    deadline_s = node.deadline_s()
    assert deadline_s is not None
    return deadline_s


@dataclass(slots=True)
class Heard:
    """What a node's election has said so far."""

    commits: list[Commit] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    noticed: list[Noticed] = field(default_factory=list)
    released: list[Released] = field(default_factory=list)
    pinned: list[str] = field(default_factory=list)
    told: list[Tell] = field(default_factory=list)
    kept: list[KeepPromises] = field(default_factory=list)
    finished: Finished | None = None

    def spoken(self, kind: type[_Message]) -> list[_Message]:
        """The messages of a kind that it sent to other nodes."""
        return [tell.message for tell in self.told if isinstance(tell.message, kind)]


class Node:
    """One agent: an election, a kernel, and a link to the store."""

    def __init__(self, cluster: Cluster, settings: ElectionSettings) -> None:
        self.cluster = cluster
        self.settings = settings
        self.election = Election(settings, self.now)
        self.said = Heard()
        self.kernel: dict[str, float] = {}  # VIP -> until when it answers
        self.link = Link.GOOD
        self.waiting: list[Commit | Read] = []  # what a held link keeps
        self.watching = True
        self.hears = True  # datagrams pass to and from it
        self.kernel_confirms = True
        self.alive = True
        self._held: Mapping[str, Holding] = {}
        self._end_listening = cluster.map.listen(self._watch)

    @property
    def now(self) -> Now:
        return Now(self.cluster.now_s, "2026-01-01T00:00:00.000Z")

    def begin(self, adoptable: frozenset[str], *, fit: bool) -> None:
        """What the shells tell an election at its start."""
        if adoptable:
            self.hear(KernelAdoptable(adoptable))
        if fit:
            self.fit(*(unit.name for unit in self.settings.units))
        self.resync()

    def fit(self, *vips: str, unfit: Reason | None = None) -> None:
        """Report whether this host could serve."""
        self.hear(FitnessChanged(frozenset(vips), unfit))

    def hear_withdrawn(self, *vips: str) -> None:
        """A reading of the kernel shows that they are gone."""
        self.hear(Withdrawn(frozenset(vips)))

    def resync(self) -> None:
        """Read the whole prefix, as the feed does at start and after a lost watch."""
        self._read(Read(KEYS.prefix))

    def stop(self, *, keep: bool = False) -> None:
        self.hear(StopRequested(keep))

    def reload(self, *units: Unit, **changes: object) -> None:
        """Take on other units, and other settings if named."""
        self.settings = replace(self.settings, units=units, **changes)
        self.hear(Reconfigured(self.settings))
        self.fit(*(unit.name for unit in units))

    def kill(self) -> None:
        """The process is gone; its kernel stays as it is."""
        self.alive = False
        self._end_listening()

    def deadline_s(self) -> float | None:
        return self.election.next_deadline() if self.alive else None

    def hear(self, event: Event) -> list[Effect]:
        """One step, and what follows from it."""
        if not self.alive:
            return []
        effects = self.election.step(event, self.now)
        self._apply(self.election.holdings())
        for effect in effects:
            self._carry_out(effect)
        return effects

    def holds(self, vip: str) -> bool:
        """Whether it serves by a running lease."""
        holding = self.election.holdings().get(vip)
        return holding is not None and holding.deadline_s is not None

    def answer(self, request: Commit | Read) -> list[Effect]:
        """Carry out a waiting request now, and deliver its answer at once."""
        self.waiting.remove(request)
        if isinstance(request, Read):
            return self.hear(SnapshotRead(self.cluster.map.snapshot(request.prefix), self.election.revision))
        return self.hear(CommitAnswered(request.id, self.cluster.map.commit(request.transaction)))

    def answer_with(self, request: Commit, outcome: Committed | Conflict | Unknown) -> list[Effect]:
        """Deliver this answer to a waiting request."""
        self.waiting.remove(request)
        return self.hear(CommitAnswered(request.id, outcome))

    def on_the_lane(self) -> list[Commit]:
        """Transactions under way that compare our lease record."""
        lease = KEYS.lease(self.settings.node)
        return [r for r in self.waiting if isinstance(r, Commit) and lease in r.transaction.compares]

    def one_waiting(self) -> Commit:
        """The only transaction under way that compares our lease record."""
        (request,) = self.on_the_lane()
        return request

    def _apply(self, held: Mapping[str, Holding]) -> None:
        gone = frozenset(self._held.keys() - held.keys())
        self._held = dict(held)
        for vip, holding in held.items():
            if holding.deadline_s is not None:
                self.kernel[vip] = holding.deadline_s
        for vip in gone:
            self.kernel.pop(vip, None)
        if gone and self.kernel_confirms:
            self.cluster.after(TRAVEL_S, lambda: self.hear(Withdrawn(gone)))

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Commit():
                self.said.commits.append(effect)
                self._commit(effect)
            case Read():
                self.said.reads.append(effect)
                self._read(effect)
            case Decided():
                self.said.decided.append(effect)
            case Released():
                self.said.released.append(effect)
            case Noticed():
                self.said.noticed.append(effect)
            case PinCluster(cluster_id):
                self.said.pinned.append(cluster_id)
            case Tell():
                self._tell(effect)
            case KeepPromises():
                self.said.kept.append(effect)
                self._tell(effect.then)
            case Finished():
                self.said.finished = effect
                self.kill()

    def _tell(self, effect: Tell) -> None:
        self.said.told.append(effect)
        for other in self.cluster.nodes:
            if other.settings.address == effect.address and self.hears and other.hears:
                heard = MessageHeard(effect.message, self.settings.address)
                self.cluster.after(TRAVEL_S, functools.partial(other.hear, heard))

    def _commit(self, request: Commit) -> None:
        cluster, attempt_s = self.cluster, self.settings.timing.attempt_s
        if self.link is Link.HELD:
            self.waiting.append(request)
        elif self.link is Link.CUT:
            cluster.after(attempt_s, lambda: self.hear(CommitAnswered(request.id, Unknown("cut off"))))
        else:
            silent = self.link is Link.REPLIES_LOST
            cluster.after(TRAVEL_S, lambda: self._arrive(request.id, request.transaction, silent=silent))

    def _arrive(self, commit_id: int, transaction: Transaction, *, silent: bool) -> None:
        outcome: Committed | Conflict | Unknown = self.cluster.map.commit(transaction)
        delay_s = TRAVEL_S
        if silent:
            outcome, delay_s = Unknown("no reply"), self.settings.timing.attempt_s
        self.cluster.after(delay_s, lambda: self.hear(CommitAnswered(commit_id, outcome)))

    def _read(self, request: Read) -> None:
        cluster, floor = self.cluster, self.election.revision
        if self.link is Link.HELD:
            self.waiting.append(request)
        elif self.link is Link.GOOD:

            def arrive() -> None:
                snapshot = cluster.map.snapshot(request.prefix)
                cluster.after(TRAVEL_S, lambda: self.hear(SnapshotRead(snapshot, floor)))

            cluster.after(TRAVEL_S, arrive)
        else:
            cluster.after(self.settings.timing.attempt_s, lambda: self.hear(ReadFailed(request.prefix)))

    def _watch(self, news: Changed | WatchLost) -> None:
        if self.watching and isinstance(news, Changed):
            self.cluster.after(TRAVEL_S, lambda: self.hear(RecordsChanged(news)))
