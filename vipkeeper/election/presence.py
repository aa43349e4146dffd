"""This node's standing in the cluster: its name, its cluster, the shared key, and what it tells of itself.

Rules of this file: a node name belongs to one living agent; another process asks by writing a challenge,
and a living agent answers it at once by writing its info anew. None of this guards a VIP (the lease records
do); it keeps two agents from fighting and says so. Writes here compare the record that they replace, not
our lease record, so that they never delay a renewal.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from msgspec.structs import replace

from backends.store import Committed, Conflict, Transaction, Unknown
from vipkeeper.election.claim_rules import NEVER
from vipkeeper.election.effects import Commit, Effect, Noticed, PinCluster, Read
from vipkeeper.election.events import Now
from vipkeeper.election.forgetting import forget_transaction, next_forgetting
from vipkeeper.election.shared_keys import record_to_write
from vipkeeper.election.state import ElectionState
from vipkeeper.election.transactions import encode
from vipkeeper.election.unit_phases import UnitState
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import Candidacy, ChallengeRecord, ClusterRecord, InfoRecord

# From half an attempt's time up to one whole lease.
MOST_DOUBLINGS = 3


class NameState(enum.Enum):
    """Whether this process may use its node name."""

    UNREAD = "unread"
    CHALLENGING = "challenging"  # another incarnation is written there; it has some time to answer
    OURS = "ours"
    TAKEN = "taken"


class Presence:
    """Writes cluster, info and challenge records; watches over the node name and the cluster id."""

    def __init__(self, state: ElectionState, next_id: Callable[[], int]) -> None:
        self._state = state
        self._next_id = next_id
        self.name = NameState.UNREAD
        self._job: Commit | None = None
        self._answering: str | None = None  # the challenge that the info under way answers
        self._awaiting: str | None = None
        self._retry_at_s = 0.0
        self._conflicts = 0  # since the last commit
        self._misses = 0  # without an answer since then
        self._challenged: tuple[str, str] | None = None  # other's info seq and lease seq at our challenge
        self._give_up_at_s: float | None = None  # when the other's time to answer is over
        self._info_seen_ours = False
        self._heartbeat_at_s = 0.0
        self._answered: str | None = None  # challenge answered last
        self._forget_at_s, self._to_forget = NEVER, ""
        self._forgetting = ""  # the node whose tombstone was sent last
        self._pinned = state.settings.pinned_cluster
        self.gone = False  # "stopped" is written
        self.stale = True  # there may be something to write

    def _silent(self) -> bool:
        """Nothing may be written: an answer is due, nothing is read yet, or the store is not ours."""
        return (
            self._job is not None
            or self._awaiting is not None
            or self.gone
            or self._state.view.complete_since_s is None
            or self._state.barred in (Reason.WRONG_CLUSTER, Reason.RECORD_UNREADABLE)
        )

    def next_deadline(self) -> float | None:
        """When a heartbeat is due, or the other user of our name has had time enough to answer."""
        if self._silent():
            return None
        wanted = []
        if self.name is NameState.CHALLENGING and self._give_up_at_s is not None:
            wanted.append(self._give_up_at_s)
        if self.name is NameState.OURS:
            wanted += [self._heartbeat_at_s, self._forget_at_s]
        if self.stale:
            wanted.append(self._retry_at_s)
        return max(min(wanted), self._retry_at_s) if wanted else None

    def look(self, now: Now) -> list[Effect]:
        """Judge cluster id and node name by the present view."""
        state, view = self._state, self._state.view
        self.stale = True
        if view.complete_since_s is None:
            return []
        effects: list[Effect] = []
        cluster = view.get(view.keys.cluster, ClusterRecord)
        if cluster is not None and self._pinned is None:
            self._pinned = cluster.id
            effects.append(PinCluster(cluster.id))
        if not view.readable(view.keys.cluster):
            state.barred, state.barred_detail = Reason.RECORD_UNREADABLE, view.keys.cluster
        elif cluster is not None and cluster.id != self._pinned:
            state.barred = Reason.WRONG_CLUSTER
            state.barred_detail = f"the store says {cluster.id}, this node belongs to {self._pinned}"
        else:
            self._look_at_name(now)
        self._forget_at_s, self._to_forget = next_forgetting(view, state.settings, now.boot_s)
        return effects

    def _look_at_name(self, now: Now) -> None:
        state, view = self._state, self._state.view
        info = view.info(state.settings.node)
        other = info is not None and info.incarnation != state.settings.incarnation
        running = other and info is not None and info.state == "running"
        if self.name is NameState.UNREAD:
            self.name = NameState.CHALLENGING if running else NameState.OURS
        elif self.name is NameState.CHALLENGING:
            silent = self._give_up_at_s is not None and now.boot_s >= self._give_up_at_s
            answered = self._challenged is not None and self._life_of_other() != self._challenged
            if running and answered:
                self.name = NameState.TAKEN
            elif not running or silent:
                self.name = NameState.OURS
                self._give_up_at_s = None
        elif self.name is NameState.OURS:
            self._info_seen_ours |= info is not None and not other
            if self._info_seen_ours and other:
                self.name = NameState.TAKEN
        if self.name is NameState.OURS:
            state.barred = None
        else:
            state.barred = Reason.STARTING if self.name is not NameState.TAKEN else Reason.NAME_IN_USE
            state.barred_detail = f"on host {info.host}" if info is not None else ""

    def _life_of_other(self) -> tuple[str, str]:
        node = self._state.settings.node
        info, lease = self._state.view.info(node), self._state.view.lease(node)
        return (info.seq if info else "", lease.seq if lease else "")

    def next_commit(self, now: Now, *, stopped: bool) -> Commit | None:
        """The next record to write about ourselves, if any."""
        if self._silent() or now.boot_s < self._retry_at_s:
            return None
        transaction = self._transaction(now, stopped=stopped)
        if transaction is None:
            self.stale = False
            return None
        self._answering = self._unanswered_challenge()
        self._job = Commit(self._next_id(), transaction)
        return self._job

    def _transaction(self, now: Now, *, stopped: bool) -> Transaction | None:
        state, view = self._state, self._state.view
        settings, keys = state.settings, view.keys
        if not view.version(keys.cluster):
            record = ClusterRecord(id=self._pinned or state.fresh_id(), created=now.wall)
            return Transaction({keys.cluster: 0}, {keys.cluster: encode(record)})
        shared = record_to_write(state, now.boot_s) if self.name is NameState.OURS else None
        if shared is not None:
            return Transaction({keys.failsafe: view.version(keys.failsafe)}, {keys.failsafe: encode(shared)})
        if self.name is NameState.CHALLENGING:
            if self._challenged is not None:
                return None
            challenge = ChallengeRecord(settings.incarnation, settings.host, state.fresh_id())
            key = keys.challenge(settings.node)
            return Transaction({key: view.version(key)}, {key: encode(challenge)})
        if self.name is not NameState.OURS:
            return None
        if not self._must_tell(now, stopped=stopped):
            return self._forget(now)
        info = self._info("stopped" if stopped else "running", state.fresh_id(), now.wall)
        key = keys.info(settings.node)
        return Transaction({key: view.version(key)}, {key: encode(info)})

    def _forget(self, now: Now) -> Transaction | None:
        """The tombstone of a node that is gone, when it is our turn to write one."""
        if now.boot_s < self._forget_at_s:
            return None
        self._forgetting = self._to_forget
        return forget_transaction(
            self._state.view, self._to_forget, seq=self._state.fresh_id(), wall=now.wall
        )

    def _must_tell(self, now: Now, *, stopped: bool) -> bool:
        info = self._state.view.info(self._state.settings.node)
        # Compared with what the store has: a wipe or an older backup may have taken it away.
        if stopped or info is None or info.untimed() != self._info("running", "", ""):
            return True
        if self._unanswered_challenge() is not None:
            return True
        if now.boot_s < self._heartbeat_at_s:
            return False
        if self._state.lease.running is None:
            return True
        # An owner's renewals show its life already.
        self._heartbeat_at_s = now.boot_s + self._state.settings.timing.heartbeat_s
        return False

    def _unanswered_challenge(self) -> str | None:
        state, view = self._state, self._state.view
        challenge = view.get(view.keys.challenge(state.settings.node), ChallengeRecord)
        if challenge is None or challenge.seq == self._answered:
            return None
        return challenge.seq if challenge.incarnation != state.settings.incarnation else None

    def _info(self, says: str, seq: str, wall: str) -> InfoRecord:
        state, settings = self._state, self._state.settings
        groups: dict[Candidacy, list[str]] = {}
        for unit in state.units.values():
            if unit.configured:
                groups.setdefault(_candidacy(state, unit), []).append(unit.name)
        return InfoRecord(
            incarnation=settings.incarnation,
            host=settings.host,
            seq=seq,
            state=says,
            candidacies=tuple(replace(group, vips=tuple(vips)) for group, vips in groups.items()),
            heartbeat_ms=round(settings.timing.heartbeat_s * 1000),
            version=settings.version,
            config_digest=settings.config_digest,
            fence=settings.fence.value,
            process=settings.process,
            failsafe=settings.address,
            written=wall,
        )

    def answered(
        self, commit_id: int, outcome: Committed | Conflict | Unknown, now: Now
    ) -> list[Effect] | None:
        """Digest an answer; None if it is not to one of our transactions."""
        if self._job is None or self._job.id != commit_id:
            return None
        transaction, self._job = self._job.transaction, None
        settings, view = self._state.settings, self._state.view
        if isinstance(outcome, Unknown):
            # No lease depends on it, and a silent store is not asked at full speed.
            self._misses += 1
            self._retry_at_s = now.boot_s + settings.timing.attempt_s * 2.0 ** min(
                self._misses - 2, MOST_DOUBLINGS
            )
            return []
        self._misses = 0
        if isinstance(outcome, Conflict):
            self._awaiting = view.keys.prefix
            self._conflicts += 1
            return [Read(self._awaiting)]
        self._conflicts = 0
        effects: list[Effect] = []
        for key, value in transaction.puts.items():
            view.wrote(key, value, outcome.versions[key], outcome.revision, now.boot_s)
            if key == view.keys.info(settings.node):
                info = view.info(settings.node)
                self.gone = info is not None and info.state == "stopped"
                self._answered = self._answering or self._answered
                self._info_seen_ours = True
                self._heartbeat_at_s = now.boot_s + settings.timing.heartbeat_s
            elif key == view.keys.challenge(settings.node):
                self._challenged = self._life_of_other()
                self._give_up_at_s = now.boot_s + settings.timing.name_challenge_s
            elif key == view.keys.info(self._forgetting):
                effects.append(Noticed(Reason.NODE_FORGOTTEN, self._forgetting))
        self._forget_at_s, self._to_forget = next_forgetting(view, settings, now.boot_s)
        return effects

    def read_done(self, prefix: str, now_s: float, *, succeeded: bool) -> None:
        """A read is over, perhaps one that we waited for."""
        if succeeded and self._misses:  # the store answers again
            self._misses, self._retry_at_s = 0, now_s
        if self._awaiting is None or not self._awaiting.startswith(prefix):
            return
        self._awaiting = None
        if not succeeded or self._conflicts > 1:
            self._retry_at_s = now_s + self._state.settings.timing.attempt_s / 2


def _candidacy(state: ElectionState, unit: UnitState) -> Candidacy:
    """What this node says of one unit, without its name."""
    reason = state.not_eligible(unit)
    return Candidacy(
        unit.priority,
        reason is None,
        "" if reason is None else reason.value,
        (),
        preempt=unit.unit.preempt,
        preempt_delay_ms=round(unit.unit.preempt_delay_s * 1000),
        weights=unit.weight.on(unit.unit.priority),
        detail=unit.unfit_detail if reason in _OF_CHECKS else "",
    )


_OF_CHECKS = (Reason.CHECK_FAILED, Reason.CHECK_PENDING)
