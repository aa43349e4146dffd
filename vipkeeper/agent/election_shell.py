"""Feeds the election, brings the kernel in line, carries out effects, keeps one timer.

Rules of this file: it decides nothing. The order in each round is fixed: step, kernel, then requests; so a
deadline that a request may lower is lower in the kernel before the request leaves.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Protocol

from vipkeeper.agent.clocks import boot_s, wall
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.logs import log
from vipkeeper.agent.peer_shell import PeerShell
from vipkeeper.agent.store_changes import StoreChanges
from vipkeeper.agent.store_shell import StoreShell
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
    Role,
    Tell,
)
from vipkeeper.election.events import ConflictHeard, Event, Now, Reconfigured, TimePassed, WeightChanged
from vipkeeper.election.machine import Election
from vipkeeper.model.reasons import Reason

_NOTICE_LEVELS = {Reason.OWNER_ALIVE: logging.DEBUG, Reason.CONFIRMED_AGAIN: logging.INFO}


class Herald(Protocol):
    """Tells others what this node serves; its word changes no decision."""

    def hold(self, held: Mapping[str, Holding]) -> None:
        """What the kernel has from now on, and until when."""
        ...

    def released(self, unit: str, successor: str | None) -> None:
        """The store has it that this node gave it up."""
        ...


class ElectionShell:
    """One election, one kernel, one store, the other nodes.

    Any task may `post`; rounds run on the event loop, in order.
    """

    def __init__(
        self, *, pin_cluster: Callable[[str], None], finished: asyncio.Future[Finished], changes: StoreChanges
    ) -> None:
        self._pin_cluster = pin_cluster
        self._changes = changes
        self._finished = finished
        self._queue: deque[Event] = deque()
        self._scheduled: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._held: Mapping[str, Holding] = {}
        self._election: Election | None = None
        self._host: HostShell | None = None
        self._store: StoreShell | None = None
        self._peers: PeerShell | None = None
        self._last_notice = ("", 0.0)
        self._herald: Herald | None = None
        self.decisions: Counter[tuple[Role, Reason]] = Counter()  # for metrics

    def begin(self, election: Election, host: HostShell, store: StoreShell, peers: PeerShell) -> None:
        """Everything is there: what was posted so far is taken now."""
        self._election, self._host, self._store, self._peers = election, host, store, peers
        self._held = election.holdings()
        if self._herald is not None:
            self._herald.hold(self._held)
        self._run()

    def post(self, event: Event) -> None:
        """Queue an event; it is taken in its turn, soon."""
        self._queue.append(event)
        if self._scheduled is None and self._election is not None:
            self._scheduled = asyncio.get_running_loop().call_soon(self._run)

    def follow(self, herald: Herald) -> None:
        """Tell it too, from now on: what is held now, and each change."""
        self._herald = herald
        herald.hold(self._held)

    def guarded(self, work: Callable[[], None]) -> None:
        """Do it; what it raises stands everything down."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - handed to the supervisor, which stands everything down
            self.end()
            if not self._finished.done():
                self._finished.set_exception(error)

    def end(self) -> None:
        """No further round."""
        self._election = None
        for handle in (self._scheduled, self._timer):
            if handle is not None:
                handle.cancel()

    def _run(self) -> None:
        self._scheduled = None
        self.guarded(self._rounds)

    def _rounds(self) -> None:
        while self._queue and self._election is not None:
            self._round(self._election, self._queue.popleft())
        if self._host is not None:
            self._changes.settle(self._host)
        self._arm()

    def _round(self, election: Election, event: Event) -> None:
        assert self._host is not None  # noqa: S101 - begin() sets all together
        effects = election.step(event, read_now())
        held = election.holdings()
        if held != self._held:
            self._held = held
            self._host.want(held)
            if self._herald is not None:
                # After the address. Measured where a keepalived is relieved: no probe of a client is lost and
                # both answer for up to 11 ms, as between two keepaliveds; told before, 1 to 3 are lost.
                self._herald.hold(held)
        if isinstance(event, Reconfigured):
            self._host.reconfigure(event.settings.units)
        elif isinstance(event, ConflictHeard):
            self._changes.conflict(event)
        elif isinstance(event, WeightChanged):
            self._changes.take_weights(event.weights)
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        assert self._store is not None and self._peers is not None  # noqa: S101, PT018 - see begin()
        match effect:
            case Commit():
                self._store.commit(effect)
            case Read():
                self._store.read(effect)
            case Decided():
                self.decisions[effect.role, effect.reason] += 1
                self._changes.decided(effect)
                log(
                    logging.INFO,
                    effect.role.value,
                    effect.reason.explained,
                    vip=effect.unit,
                    reason=effect.reason.value,
                    epoch=effect.epoch,
                    detail=effect.detail,
                )
            case Released(unit, successor):
                if self._herald is not None:
                    self._herald.released(unit, successor)
            case Noticed():
                self._notice(effect)
            case PinCluster(cluster_id):
                self._pin_cluster(cluster_id)
            case Tell():
                self._peers.tell(effect)
            case KeepPromises():
                self._peers.promise(effect)
            case Finished():
                if not self._finished.done():
                    self._finished.set_result(effect)

    def _notice(self, effect: Noticed) -> None:
        """The same misfortune is told once in ten seconds: a store outage repeats it at each attempt."""
        text, told_s = self._last_notice
        if effect.detail == text and boot_s() - told_s < 10:
            return
        self._last_notice = (effect.detail, boot_s())
        level = _NOTICE_LEVELS.get(effect.reason, logging.WARNING)
        log(level, "notice", effect.reason.explained, reason=effect.reason.value, detail=effect.detail)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._election is None:
            return
        deadline_s = self._election.next_deadline()
        if deadline_s is not None:
            delay_s = max(0.0, deadline_s - boot_s())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._time_passed)

    def _time_passed(self) -> None:
        self._timer = None
        self._queue.append(TimePassed())
        if self._scheduled is None:
            self._run()


def read_now() -> Now:
    """What the election calls now."""
    return Now(boot_s(), wall())
