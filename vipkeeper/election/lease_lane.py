"""The one lane on which all transactions travel that compare our lease record.

Rules of this file: one transaction at a time, because each compares what the one before may have written;
Unknown repeats the same question (at most one of the two can commit), Conflict reads again first.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

import msgspec

from backends.store import Committed, Conflict, Transaction, Unknown
from vipkeeper.election.claim_rules import Claimability
from vipkeeper.election.effects import Commit, Effect, Noticed, Read, Released
from vipkeeper.election.electorate import Electorate
from vipkeeper.election.events import Now
from vipkeeper.election.own_lease import LeaseWrite
from vipkeeper.election.ranking import Ranking
from vipkeeper.election.record_rules import lapse
from vipkeeper.election.state import ElectionState
from vipkeeper.election.transactions import (
    Batch,
    LeaseTerms,
    Part,
    claim_part,
    empty_batch,
    release_part,
    renewing_batch,
    resume_part,
)
from vipkeeper.election.unit_phases import Phase, Trigger, UnitState
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import Unit

# The first misses go straight to the next endpoint; then we stop hammering.
MISSES_AT_ONCE = 2


class JobKind(enum.Enum):
    RENEW = "renew"
    RESUME = "resume"
    CLAIM = "claim"
    RELEASE = "release"


_WAITING_PHASES = frozenset({Phase.CLAIMING, Phase.RESUMING, Phase.RELEASING})


class Job(msgspec.Struct, frozen=True):
    """A transaction under way."""

    id: int
    kind: JobKind
    units: tuple[str, ...]
    transaction: Transaction
    write: LeaseWrite | None  # None: leaves our lease record as it is


class LeaseLane:
    """Chooses the next transaction and digests its answer."""

    def __init__(self, state: ElectionState, electorate: Electorate, next_id: Callable[[], int]) -> None:
        self._state = state
        self._electorate = electorate
        self._next_id = next_id
        self.job: Job | None = None
        self.awaiting: str | None = None  # a prefix that must be read before we go on
        self.retry_at_s = 0.0
        self.renew_at_s = 0.0
        self._misses = 0
        self._conflicts = 0  # since the last commit
        self._held_back = False  # there may be something to send once `retry_at_s` has come

    def next_deadline(self) -> float | None:
        """When the lane itself wants to act."""
        if self.job is not None or self.awaiting is not None or self._silent():
            return None
        if self._held_back:
            return self.retry_at_s
        return self.renew_at_s if self._state.holding else None

    def next_commit(self, now: Now, claimable: dict[str, Claimability]) -> Commit | None:
        """The transaction to send now, if any. `claimable`: units whose time has come."""
        if self.job is not None or self.awaiting is not None or self._silent():
            return None
        self._held_back = now.boot_s < self.retry_at_s
        if self._held_back:
            return None
        if self._state.holding and now.boot_s >= self.renew_at_s:
            return self._send(JobKind.RENEW, self._renewing(now), now)
        for kind, fill in (
            (JobKind.RELEASE, self._releases),
            (JobKind.RESUME, self._resumes),
        ):
            batch = fill(now)
            if batch is not None and batch.units:
                return self._send(kind, batch, now)
        batch = self._claims(now, claimable) if claimable else None
        return self._send(JobKind.CLAIM, batch, now) if batch is not None and batch.units else None

    def _silent(self) -> bool:
        """Nothing may be written: a restored store is not read again yet, or it is another cluster's.

        A renewal compares no VIP record, so in a restored store it could outlast the claim of the owner that
        the backup names.
        """
        state = self._state
        return state.view.complete_since_s is None or state.barred is Reason.WRONG_CLUSTER

    def answered(
        self, commit_id: int, outcome: Committed | Conflict | Unknown, now: Now
    ) -> list[Effect] | None:
        """Digest an answer; None if it is not to a transaction of this lane."""
        job = self.job
        if job is None or job.id != commit_id:
            return None
        self.job = None
        if isinstance(outcome, Committed):
            return self._committed(job, outcome, now)
        trigger = Trigger.REFUSED if isinstance(outcome, Conflict) else Trigger.UNANSWERED
        for unit in self._still_waiting(job):
            unit.move(trigger)
        if isinstance(outcome, Conflict):
            return self._refused(job)
        self._misses += 1
        attempt_s = self._state.settings.timing.attempt_s
        pause_s = 0.01 if self._misses <= MISSES_AT_ONCE else attempt_s / 2
        self.retry_at_s = now.boot_s + pause_s
        return [Noticed(Reason.STORE_UNREACHABLE, f"{job.kind.value}: {outcome.why}")]

    def read_done(self, prefix: str, now_s: float, *, succeeded: bool) -> None:
        """A read that we waited for is over."""
        if self.awaiting is None or not self.awaiting.startswith(prefix):
            return
        self.awaiting = None
        # A second conflict in a row: what we read does not explain it, so do not ask at full speed.
        if not succeeded or self._conflicts > 1:
            self.retry_at_s = now_s + self._state.settings.timing.attempt_s / 2

    def hurry(self, now_s: float) -> None:
        """Renew at the next chance: the lease's length changed."""
        self.renew_at_s = now_s

    def _committed(self, job: Job, outcome: Committed, now: Now) -> list[Effect]:
        state = self._state
        self._misses = self._conflicts = 0
        for key, value in job.transaction.puts.items():
            state.view.wrote(key, value, outcome.versions[key], outcome.revision, now.boot_s)
        if job.write is None:
            for unit in self._still_waiting(job):
                unit.move(Trigger.COMMITTED)
            return self._released(job)
        if job.kind is JobKind.RENEW:
            in_time = state.lease.renewed(job.write, now.boot_s)
        else:
            in_time = state.lease.granted(job.write, now.boot_s, frozenset(job.units))
        if not in_time:
            lapse(state)
        self.renew_at_s = job.write.sent_at_s + state.settings.timing.renew_every_s
        for unit in self._still_waiting(job):
            wanted = in_time and state.unfit_for(unit) is None and state.all_bound(unit)
            unit.move(Trigger.COMMITTED if wanted else Trigger.COMMITTED_LATE)
            if wanted:
                record = state.view.vip(unit.name)
                claimed = job.kind is JobKind.CLAIM and record is not None
                unit.held_because = Reason(record.reason) if claimed and record else Reason.RESUMED
        return []

    def _released(self, job: Job) -> list[Effect]:
        records = ((name, self._state.view.vip(name)) for name in job.units)
        return [
            Released(name, record.released_to)
            for name, record in records
            if record is not None and record.owner is None  # else somebody has it already
        ]

    def _still_waiting(self, job: Job) -> list[UnitState]:
        """Units that wait for this answer; the watch may have told of a release before it."""
        known = (self._state.units.get(name) for name in job.units)
        return [unit for unit in known if unit is not None and unit.phase in _WAITING_PHASES]

    def _refused(self, job: Job) -> list[Effect]:
        state = self._state
        self._conflicts += 1
        if job.write is not None:
            state.lease.refused(job.write)
        keys = state.view.keys
        self.awaiting = keys.lease(state.settings.node) if job.kind is JobKind.RENEW else keys.prefix
        return [Read(self.awaiting)]

    def _send(self, kind: JobKind, batch: Batch, now: Now) -> Commit:
        state = self._state
        commit_id = self._next_id()
        write = None
        if (terms := batch.terms) is not None:
            write = LeaseWrite(
                commit_id, now.boot_s, terms.ttl_s, state.settings.fence, terms.electorate, terms.outsiders_s
            )
            state.lease.sending(write)
        self.job = Job(commit_id, kind, tuple(batch.units), batch.transaction(), write)
        sent = {JobKind.RESUME: Trigger.RESUME_SENT, JobKind.CLAIM: Trigger.CLAIM_SENT}.get(kind)
        if sent is not None:
            for name in batch.units:
                state.units[name].move(sent)
        return Commit(commit_id, self.job.transaction)

    def _renewing(self, now: Now) -> Batch:
        state = self._state
        timing = state.settings.timing
        members = self._electorate.members(now)
        outsiders_s = timing.outsiders_s if members else timing.alone_s
        terms = LeaseTerms(state.lease_to_write_s(), members, outsiders_s)
        return renewing_batch(state.view, state.settings, terms, state.fresh_id(), now.wall)

    def _resumes(self, now: Now) -> Batch | None:
        state = self._state
        wanted = [u for u in state.in_phase(Phase.LAPSED) if state.unfit_for(u) is None]
        if not wanted or now.boot_s < state.distrusted_until_s():
            return None
        batch = self._renewing(now)
        for unit in wanted:
            if not batch.add(unit.name, resume_part(state.view, unit.name), {}):
                break
        return batch

    def _releases(self, now: Now) -> Batch | None:
        state = self._state
        wanted = state.in_phase(Phase.RELEASING)
        if not wanted:
            return None
        batch = empty_batch(state.view, state.settings)
        ranking = Ranking(state.view, state.settings, now.boot_s, without={state.settings.node})
        for unit in wanted:
            record = state.view.vip(unit.name)
            if record is None:
                continue
            order = ranking.order(unit.name)
            successor = order[0] if order else None
            compares, puts = release_part(
                state.view,
                state.settings,
                unit.name,
                record=record,
                successor=successor,
                reason=unit.release_reason,
                wall=now.wall,
            )
            if not batch.add(unit.name, compares, puts):
                break
            if successor:
                ranking.hand_out(successor)
        return batch

    def _claims(self, now: Now, claimable: dict[str, Claimability]) -> Batch:
        state = self._state
        batch = self._renewing(now)
        for name, rule in claimable.items():
            together = rule.together or (name,)
            if name in batch.units or not all(each in claimable for each in together):
                continue
            parts = [self._claim(state.units[each].unit, claimable[each], now) for each in together]
            if not batch.add_all(together, parts):
                break
        return batch

    def _claim(self, unit: Unit, rule: Claimability, now: Now) -> Part:
        return claim_part(
            self._state.view,
            self._state.settings,
            unit,
            guards=rule.guards,
            takes=rule.takes,
            reason=rule.claim_reason,
            wall=now.wall,
        )
