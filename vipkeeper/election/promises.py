"""The other side of failsafe: when this node promises an owner not to claim what that owner has.

Rules of this file: a promise is kept before it is sent; it is given only for VIPs whose records, as this
node knows them, name that very owner and incarnation. A node that can write to the store refuses: then the
owner should be able to, or somebody else should own. Each question is answered by a probe that began after
it, or shortly before and failed.

A claim that this node sent earlier need not be feared. It compares the owner's lease record and left when
that lease had run out here; an owner that has lasted since then did so by our promises, and while one runs
no claim leaves; one that lapsed has written its lease record anew, which ends the claim.
"""

from __future__ import annotations

from collections.abc import Callable

from backends.store import Committed, Conflict, Transaction, Unknown
from vipkeeper.config.timing_rules import longest_takeover_s
from vipkeeper.election.effects import Commit, Effect, KeepPromises, Tell
from vipkeeper.election.events import MessageHeard, Now
from vipkeeper.election.state import ElectionState, PromiseGiven
from vipkeeper.election.transactions import encode
from vipkeeper.model.messages import (
    Ask,
    GivenPromise,
    Ping,
    Pong,
    Promise,
    Refusal,
    RefusedBecause,
    digest_of,
)
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import ProbeRecord


class Promises:
    """Answers owners."""

    def __init__(self, state: ElectionState, next_id: Callable[[], int]) -> None:
        self._state = state
        self._next_id = next_id
        self._asked_ms: dict[tuple[str, str], int] = {}  # by owner and incarnation: the last question heard
        self._waiting: dict[str, tuple[Ask, str]] = {}  # by owner: a question that waits for the probe
        self._probe: int | None = None  # the transaction under way that shows whether the store takes writes
        self._in_vain_s: float | None = None  # when the last one ended without an answer
        self.changed: set[str] = set()  # VIPs that a promise was just given for
        for kept in state.settings.earlier_promises:
            state.promises[kept.owner] = PromiseGiven(kept, None)

    def answer_ping(self, heard: MessageHeard, ping: Ping) -> list[Effect]:
        """Say that we are here."""
        settings = self._state.settings
        pong = Pong(sender=settings.node, to=ping.sender, nonce=ping.nonce, process=settings.process)
        return [Tell(heard.address, pong)]

    def hear(self, ask: Ask, address: str, now: Now) -> list[Effect]:
        """A question: refuse it at once, or try the store."""
        key = (ask.sender, ask.incarnation)
        if ask.asked_ms <= self._asked_ms.get(key, -1):
            return []
        if ask.process != self._state.settings.process:
            return [self._refuse(ask, address, RefusedBecause.STARTED_ANEW)]
        self._asked_ms[key] = ask.asked_ms
        because = self._why_not(ask, now)
        if because is not None:
            return [self._refuse(ask, address, because)]
        effects: list[Effect] = []
        recently_s = now.boot_s - self._state.settings.timing.probe_counts_s
        if self._in_vain_s is not None and self._in_vain_s > recently_s:
            effects += self._promise(ask, address, now)
        else:
            self._waiting[ask.sender] = (ask, address)
        if self._probe is None:
            effects.append(self._begin_probe())
        return effects

    def answered(
        self, commit_id: int, outcome: Committed | Conflict | Unknown, now: Now
    ) -> list[Effect] | None:
        """Digest an answer of the store; None if it is not to our probe."""
        if commit_id != self._probe:
            return None
        self._probe = None
        waiting, self._waiting = list(self._waiting.values()), {}
        if not isinstance(outcome, Unknown):
            self._in_vain_s = None
            return [self._refuse(ask, address, RefusedBecause.STORE_ANSWERS) for ask, address in waiting]
        self._in_vain_s = now.boot_s
        effects: list[Effect] = []
        for ask, address in waiting:
            because = self._why_not(ask, now)
            if because is None:
                effects += self._promise(ask, address, now)
            else:
                effects.append(self._refuse(ask, address, because))
        return effects

    def _begin_probe(self) -> Effect:
        """A write, because a store whose space is used up still answers reads, and no claim could succeed."""
        state = self._state
        key = state.view.keys.probe(state.settings.node)
        self._probe = self._next_id()
        return Commit(self._probe, Transaction(puts={key: encode(ProbeRecord(state.fresh_id()))}))

    def _why_not(self, ask: Ask, now: Now) -> RefusedBecause | None:
        state, settings = self._state, self._state.settings
        if not settings.timing.failsafe:
            return RefusedBecause.FAILSAFE_OFF
        if ask.hold_ms / 1000 > longest_takeover_s(settings.timing.lease_max_s):
            return RefusedBecause.TOO_LONG
        if self._repeats(ask, now):
            return None
        if state.view.complete_since_s is None or state.barred is Reason.WRONG_CLUSTER:
            return RefusedBecause.NOT_READ
        if digest_of(state.view.owned_by_incarnation(ask.sender, ask.incarnation)) != ask.units:
            return RefusedBecause.OTHER_RECORDS
        return None

    def _repeats(self, ask: Ask, now: Now) -> bool:
        """Whether an earlier process gave this promise and it still runs: nothing was claimed since."""
        given = self._state.promises.get(ask.sender)
        return (
            given is not None
            and given.names is None
            and self._state.view.complete_since_s is None
            and given.kept.until_s > now.boot_s
            and (given.kept.incarnation, given.kept.units) == (ask.incarnation, ask.units)
        )

    def _promise(self, ask: Ask, address: str, now: Now) -> list[Effect]:
        state = self._state
        until_s = now.boot_s + ask.hold_ms / 1000
        before = state.promises.get(ask.sender)
        if before is not None:
            until_s = max(until_s, before.kept.until_s)
        names = None
        if not self._repeats(ask, now):
            owned = state.view.owned_by_incarnation(ask.sender, ask.incarnation)
            names = frozenset(name for name, _ in owned)
        if before is not None and before.kept.until_s > now.boot_s and names is not None:
            names = None if before.names is None else names | before.names
        kept = GivenPromise(ask.sender, ask.incarnation, ask.units, until_s)
        state.promises[ask.sender] = PromiseGiven(kept, names)
        self.changed.update(names if names is not None else state.units)
        running = tuple(p.kept for p in state.promises.values() if p.kept.until_s > now.boot_s)
        promise = Promise(
            sender=state.settings.node,
            to=ask.sender,
            nonce=ask.nonce,
            by=state.settings.incarnation,
            incarnation=ask.incarnation,
            units=ask.units,
            hold_ms=ask.hold_ms,
        )
        return [KeepPromises(running, Tell(address, promise))]

    def _refuse(self, ask: Ask, address: str, because: RefusedBecause) -> Effect:
        settings = self._state.settings
        refusal = Refusal(
            sender=settings.node, to=ask.sender, nonce=ask.nonce, because=because, process=settings.process
        )
        return Tell(address, refusal)
