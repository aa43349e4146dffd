"""The election of one node: `step(event, now) -> effects`, `next_deadline()`, `holdings()`, `status()`.

Rules of this file: it wires the parts and decides nothing itself; every step first looks at the deadline,
so that nothing that waited in a queue while we were frozen can be taken for timely; the shell applies
`holdings()` to the kernel after each step and before it sends what the step asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vipkeeper.election.claim_rules import NEVER, Claimability
from vipkeeper.election.effects import (
    Decided,
    Effect,
    Finished,
    Holding,
    Noticed,
    Read,
    Role,
    UnitStatus,
)
from vipkeeper.election.events import (
    CommitAnswered,
    ConflictHeard,
    Event,
    FeedLost,
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
    WeightChanged,
    Withdrawn,
)
from vipkeeper.election.host_news import take_host_news
from vipkeeper.election.lease_lane import LeaseLane
from vipkeeper.election.peers import Peers
from vipkeeper.election.presence import NameState, Presence
from vipkeeper.election.record_rules import (
    displaced,
    find_claimable,
    follow_record,
    lapse,
    lapse_if_displaced,
    stand_down_if_unfit,
    yield_to_better,
)
from vipkeeper.election.reloading import take_settings
from vipkeeper.election.report import report
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.election.shared_keys import SharedKeys, shared_keys
from vipkeeper.election.state import ElectionState
from vipkeeper.election.status import role_of, status_of
from vipkeeper.election.unit_phases import Phase, UnitState
from vipkeeper.election.view import StoreView
from vipkeeper.model.agent_report import Report
from vipkeeper.model.errors import ProgrammingError
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import Unit

# A stop ends after so long even if the store never answers: systemd and operators wait for 2 s.
STOP_PATIENCE_S = 1.5


class Election:
    """Decides what this node owns. Pure: time and randomness come in as values."""

    def __init__(self, settings: ElectionSettings, now: Now) -> None:
        self._state = ElectionState(
            settings=settings,
            view=StoreView(
                settings.keys, settings.node, settings.incarnation, revision=settings.known_revision
            ),
            units={unit.name: UnitState(unit) for unit in settings.units},
        )
        self._last_id = 0
        self._peers = Peers(self._state, self._next_id)
        self._lane = LeaseLane(self._state, self._peers.electorate, self._next_id)
        self._presence = Presence(self._state, self._next_id)
        self._look_at_s = now.boot_s  # when to weigh claims and preemption again
        self._news_here = True  # something of this host changed that may matter to every unit
        self._next_s: float | None = None  # the next deadline, as long as it is known to be that
        self._stop_at_s: float | None = None
        self._finished = False
        self._claimable: dict[str, Claimability] = {}
        self._held_before: set[str] = set()  # units held when Withdrawn came in
        self._answered: set[str] = set()  # units of the transaction answered in this step
        self._blocked: set[str] = set()  # units that wait for another VIP's record
        self._reported: dict[str, tuple[Role, Reason, str | None]] = {}

    @property
    def revision(self) -> int:
        """The highest store revision known: the `floor` of a read sent now."""
        return self._state.view.revision

    def revision_to_keep(self, now: Now) -> int | None:
        """See `ElectionState.revision_to_keep`."""
        return self._state.revision_to_keep(now.boot_s)

    def step(self, event: Event, now: Now) -> list[Effect]:
        """Take one event. Raises ProgrammingError for what cannot happen."""
        if self._finished:
            return []
        due = self._next_s is None or now.boot_s >= self._next_s
        if not due and isinstance(event, RecordsChanged):
            self._state.view.change(event.changed, now.boot_s)
            if self._nothing_new():
                return []
        if isinstance(event, Withdrawn):
            self._held_before = {unit.name for unit in self._state.in_phase(Phase.HOLDING)}
        self._expire(now)
        effects = self._take(event, now)
        self._next_s = None
        if not self._finished:
            effects += self._settle(now)
        # What one step took and gave up again was never in holdings().
        for unit in self._state.in_phase(Phase.HOLDING):
            unit.in_kernel = True
        return effects

    def next_deadline(self) -> float | None:
        """When to step with TimePassed, if nothing else happens before."""
        if self._finished:
            return None
        if self._next_s is None:
            state = self._state
            wanted = (
                self._lane.next_deadline(),
                self._presence.next_deadline(),
                self._peers.next_deadline(),
                self._stop_at_s,
                state.lease.deadline_s if state.holding else None,
                self._look_at_s if state.view.complete_since_s is not None else None,
            )
            self._next_s = min([at_s for at_s in wanted if at_s is not None], default=NEVER)
        return self._next_s if self._next_s < NEVER else None

    def holdings(self) -> Mapping[str, Holding]:
        """What the kernel should have now, and until when."""
        deadline_s = self._state.lease.fence_deadline_s
        held = {
            unit.name: Holding(deadline_s)
            for unit in self._state.in_phase(Phase.HOLDING)
            if deadline_s is not None
        }
        for unit in self._state.units.values():
            if unit.adopted:
                held[unit.name] = Holding(None)
        return held

    def status(self) -> Mapping[str, UnitStatus]:
        """Every unit's role here, and why."""
        return {name: status_of(self._state, unit) for name, unit in self._state.units.items()}

    def report(self, now: Now, *, with_records: bool = False) -> Report:
        """What this node knows and does, for people and metrics."""
        return report(self._state, self._peers, now.boot_s, with_records=with_records)

    def shared_keys(self, now_s: float) -> SharedKeys | None:
        """What nodes prove themselves with when they speak directly."""
        return shared_keys(self._state, now_s)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _nothing_new(self) -> bool:
        """Whether records of others changed as they do all the time: renewals and heartbeats.

        Those can only put off what is waited for, so the next deadline stands, if a little early.
        """
        if self._presence.name is NameState.CHALLENGING:  # it waits for any word
            return False
        return not (self._state.view.has_news or self._news_here or displaced(self._state))

    def _expire(self, now: Now) -> None:
        deadline_s = self._state.lease.deadline_s
        if deadline_s is not None and now.boot_s >= deadline_s:
            lapse(self._state)
            self._news_here = True

    def _take(self, event: Event, now: Now) -> list[Effect]:
        match event:
            case TimePassed():
                return []
            case SnapshotRead():
                return self._take_snapshot(event, now)
            case ReadFailed(prefix):
                self._read_done(prefix, now, succeeded=False)
            case MessageHeard():
                return self._peers.hear(event, now)
            case RecordsChanged(changed):
                self._state.view.change(changed, now.boot_s)
            case CommitAnswered(commit_id, outcome):
                if self._lane.job is not None and self._lane.job.id == commit_id:
                    self._answered.update(self._lane.job.records)
                for part in (self._lane, self._presence, self._peers.promises):
                    effects = part.answered(commit_id, outcome, now)
                    if effects is not None:
                        return effects
                raise ProgrammingError(f"an answer to transaction {commit_id}, which is not under way")
            case FeedLost(why):
                return [Noticed(Reason.STORE_UNREACHABLE, why)]
            case _:
                self._news_here = True
                return self._take_local(event, now)
        return []

    def _take_snapshot(self, event: SnapshotRead, now: Now) -> list[Effect]:
        view, snapshot = self._state.view, event.snapshot
        before = view.went_back_at_s
        view.read(snapshot, event.floor, now.boot_s)
        self._read_done(snapshot.prefix, now, succeeded=True)
        if view.went_back_at_s == before:
            return []
        notice = Noticed(Reason.STORE_WENT_BACK, f"revision {snapshot.revision} after {event.floor}")
        return [notice] if view.complete_since_s is not None else [notice, Read(view.keys.prefix)]

    def _read_done(self, prefix: str, now: Now, *, succeeded: bool) -> None:
        self._lane.read_done(prefix, now.boot_s, succeeded=succeeded)
        self._presence.read_done(prefix, now.boot_s, succeeded=succeeded)

    def _take_local(self, event: Event, now: Now) -> list[Effect]:
        units = self._state.units
        match event:
            case KernelAdoptable(names):
                for name in names & units.keys():
                    unit = units[name]
                    if unit.phase is not Phase.STANDBY or self._state.view.complete_since_s is not None:
                        raise ProgrammingError(f"{name}: adoption belongs to the start")
                    unit.phase, unit.adopted, unit.in_kernel = Phase.ADOPTING, True, True
            case Withdrawn(names):
                # Of a unit that was held until this step it can only tell an earlier absence.
                for name in (names & units.keys()) - self._held_before:
                    units[name].in_kernel = False
            case FitnessChanged() | WeightChanged():
                take_host_news(self._state, event)
            case ConflictHeard(name, detail):
                key = self._state.view.keys.vip(name)
                return [Noticed(Reason.OWNER_ALIVE, f"{name} is announced by {detail}"), Read(key)]
            case Reconfigured(settings):
                if settings.timing != self._state.settings.timing:
                    self._lane.hurry(now.boot_s)
                take_settings(self._state, settings)
            case StopRequested(keep):
                return self._stop(now, keep=keep)
        return []

    def _stop(self, now: Now, *, keep: bool) -> list[Effect]:
        self._state.stopping = True
        if keep:
            self._finished = True
            return [Finished(0, Reason.STOPPING, "addresses are kept for the next agent")]
        self._stop_at_s = now.boot_s + STOP_PATIENCE_S
        return []

    def _settle(self, now: Now) -> list[Effect]:
        """Bring phases in line with everything known, then send what is due."""
        effects: list[Effect] = []
        due_s = self._presence.next_deadline()
        presence_due = due_s is not None and now.boot_s >= due_s
        # The answer to a challenge may say nothing new: an info or a lease written anew.
        presence_due |= self._presence.name is NameState.CHALLENGING
        all_anew = self._news_here | lapse_if_displaced(self._state) | presence_due
        all_anew |= now.boot_s >= self._look_at_s
        touched, promised = self._state.view.news(), self._peers.promises.changed
        if all_anew or touched is None:
            self._news_here = False
            effects += self._presence.look(now)
            self._add_unlisted(self._state.view.owned_by(self._state.settings.node))
            self._look_at_s = NEVER
            effects += self._weigh(list(self._state.units), now)
        elif touched or self._answered or promised:
            self._add_unlisted(touched)
            # What may be claimed or waits for another name can depend on any record that changed.
            concerned = touched | self._answered | self._blocked | self._claimable.keys()
            concerned |= promised
            effects += self._weigh([name for name in concerned if name in self._state.units], now)
        self._answered.clear()
        promised.clear()
        stopped = self._state.stopping and not self._unsettled()
        commit = self._lane.next_commit(now, self._claimable)
        if commit is not None:
            effects.append(commit)
        if self._presence.stale or stopped:
            about_us = self._presence.next_commit(now, stopped=stopped)
            if about_us is not None:
                effects.append(about_us)
        effects += self._peers.act(now)
        return effects + self._finish(now, stopped=stopped)

    def _weigh(self, names: list[str], now: Now) -> list[Effect]:
        """Phases of these units anew, then which of them may be claimed."""
        state = self._state
        blocked_before = set(self._blocked)
        look_at_s = state.distrusted_until_s()
        if look_at_s > now.boot_s:
            self._look_at_s = min(self._look_at_s, look_at_s)
        for name in names:
            unit = state.units[name]
            follow_record(state, unit)
            stand_down_if_unfit(state, unit)
            again_s = yield_to_better(state, unit, now)
            stand_down_if_unfit(state, unit)
            if again_s is not None:
                self._look_at_s = min(self._look_at_s, again_s)
            self._claimable.pop(name, None)
            self._blocked.discard(name)
        claimable, wake_s = find_claimable(state, [state.units[name] for name in names], now)
        self._claimable |= claimable
        self._look_at_s = min(self._look_at_s, wake_s)
        effects = self._report(names)
        for name in names:
            unit = state.units[name]
            if unit.phase is Phase.STANDBY and unit.blocked is not None:
                self._blocked.add(name)
        self._presence.stale |= blocked_before != self._blocked
        for name in names:
            unit = state.units[name]
            if not unit.configured and unit.phase is Phase.STANDBY and not unit.in_kernel:
                del state.units[name]
        return effects

    def _add_unlisted(self, names: Iterable[str]) -> None:
        """Records that name us but that the configuration lacks are released like any other."""
        state = self._state
        for name in names:
            if name not in state.units and state.names_us(name):
                state.units[name] = UnitState(Unit(name, (), 0), configured=False, unfit=None)

    def _unsettled(self) -> bool:
        return self._lane.job is not None or any(
            unit.phase is not Phase.STANDBY or unit.in_kernel for unit in self._state.units.values()
        )

    def _report(self, names: list[str]) -> list[Effect]:
        effects: list[Effect] = []
        for name in names:
            status = status_of(self._state, self._state.units[name])
            key = (status.role, status.reason, status.owner)
            if status.reason is not Reason.CLAIM_PENDING and self._reported.get(name) != key:
                self._reported[name] = key
                effects.append(Decided(name, status.role, status.reason, status.detail, status.epoch))
        return effects

    def _finish(self, now: Now, *, stopped: bool) -> list[Effect]:
        taken = self._presence.name is NameState.TAKEN
        if not taken and not self._state.stopping:
            return []
        held = any(role_of(unit) is Role.HOLDER or unit.in_kernel for unit in self._state.units.values())
        if taken and not held:
            self._finished = True
            return [Finished(2, Reason.NAME_IN_USE, self._state.barred_detail)]
        if not self._state.stopping:
            return []
        patience_over = self._stop_at_s is not None and now.boot_s >= self._stop_at_s
        said_so = self._presence.gone or self._presence.name is not NameState.OURS
        if (stopped and said_so) or patience_over:
            self._finished = True
            detail = "released" if stopped else "the store did not confirm every release in time"
            return [Finished(0, Reason.STOPPING, detail)]
        return []
