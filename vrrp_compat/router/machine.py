"""One virtual router: `step(event, now_s) -> effects`, `next_deadline()`, `hold_until_s`, `status()`.

Rules of this file: it wires the rules, and starts and stops; every step first looks at the hold, so that
nothing that waited in a queue while we were frozen can be taken for timely; the shell brings the kernel in
line with `hold_until_s` after each step and before it sends what the step asked for.
"""

from __future__ import annotations

from vipkeeper.model.errors import ProgrammingError
from vrrp_compat.router.backup_rules import hear_as_backup, take_over, wait_as_backup
from vrrp_compat.router.changeover import (
    become_master,
    begin_listening,
    cease_to_be_master,
    plan_farewell,
    stand_back,
)
from vrrp_compat.router.effects import Effect, Finished, PriorityChanged, RouterStatus, SendAdvert
from vrrp_compat.router.events import (
    AdvertHeard,
    AdvertSent,
    Event,
    FitnessChanged,
    Grouped,
    HeldBack,
    Reconfigured,
    ReleaseAsked,
    SendFailed,
    StandBack,
    Started,
    StopRequested,
    TakeOver,
    TimePassed,
    WeightChanged,
    Withdrawn,
)
from vrrp_compat.router.master_rules import advert_left, advertise, hear_as_master, lapse_if_late
from vrrp_compat.router.reasons import SPEECHLESS, RouterReason
from vrrp_compat.router.router_state import NEVER, RouterState
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.states import State, Trigger
from vrrp_compat.router.timers import hold_s
from vrrp_compat.wire.advertisement import PRIORITY_LEAVING


class VirtualRouter:
    """Decides whether this host is master for one VRID. Pure: time comes in as a value."""

    def __init__(self, settings: RouterSettings) -> None:
        self._state = RouterState(settings)
        self._state.refresh()
        self._finished = False

    @property
    def state(self) -> State:
        return self._state.state

    @property
    def reason(self) -> RouterReason:
        return self._state.reason

    @property
    def priority(self) -> int:
        """The effective one."""
        return self._state.priority

    @property
    def hold_until_s(self) -> float | None:
        """The fence's deadline for all addresses; None: answer for nothing, and take the addresses out.

        After Finished with `keep` it is what the next process may adopt.
        """
        return self._state.hold_until_s

    @property
    def unfit(self) -> tuple[RouterReason | None, str]:
        """As it was told last."""
        return self._state.unfit, self._state.unfit_detail

    def wants(self, now_s: float) -> bool:
        """Whether nothing but its sync group keeps it from being master."""
        return self._state.wants(now_s)

    def hears_master(self, now_s: float) -> bool:
        """Whether it is a backup of one that is alive."""
        return self._state.hears_master(now_s)

    def step(self, event: Event, now_s: float) -> list[Effect]:
        """Take one event. Raises ProgrammingError for what cannot happen."""
        if self._finished:
            return []
        state = self._state
        effects = lapse_if_late(state, now_s)
        effects += self._take(event, now_s)
        if state.clean_by_s is not None or (state.stopping and not self._finished):
            effects += self._leave(now_s)
        if state.hold_until_s is not None:
            state.in_kernel = True
        return effects

    def next_deadline(self) -> float | None:
        """When to step with TimePassed, if nothing else happens before."""
        if self._finished:
            return None
        state = self._state
        first_s = NEVER if state.clean_by_s is None else state.clean_by_s
        if state.state is State.BACKUP:
            if state.takeover_at_s != state.asked_s:
                first_s = min(first_s, state.takeover_at_s)
        elif state.state is State.MASTER:
            first_s = min(first_s, state.advert_at_s, state.hold_until_s or NEVER)
        return first_s if first_s < NEVER else None

    def status(self, now_s: float) -> RouterStatus:
        """What this router knows and does, for people and metrics."""
        state, heard = self._state, self._state.heard
        master, priority = (heard.source, heard.priority) if heard is not None else (None, None)
        if state.state is State.MASTER:
            master, priority = state.settings.address, state.priority
        backup = state.state is State.BACKUP
        return RouterStatus(
            state=state.state,
            reason=state.reason,
            detail=state.detail,
            priority=state.priority,
            master=master,
            master_priority=priority,
            takeover_in_s=max(state.takeover_at_s - now_s, 0.0) if backup else None,
            held_for_s=None if state.hold_until_s is None else max(state.hold_until_s - now_s, 0.0),
        )

    def _take(self, event: Event, now_s: float) -> list[Effect]:
        state = self._state
        match event:
            case AdvertHeard():
                return self._hear(event, now_s)
            case TimePassed():
                return self._time_passed(now_s)
            case AdvertSent():
                return advert_left(state, event, now_s)
            case SendFailed(why):
                state.send_error = why
                return state.notice(RouterReason.SEND_FAILED, why, now_s)
            case Withdrawn():
                state.in_kernel = False  # while anything is held, this step ends with True again
                return []
            case StopRequested(keep):
                return self._stop(now_s, keep=keep)
            case FitnessChanged(unfit, detail):
                state.unfit, state.unfit_detail = unfit, detail
                return self._follow_fitness(now_s)
            case WeightChanged(weight):
                return self._adjust(state.settings, weight, now_s)
            case Reconfigured(settings):
                return self._adjust(settings, state.weight, now_s)
            case ReleaseAsked():
                return self._release(now_s)
            case Started(adopted_until_s, not_before_s):
                state.not_before_s = not_before_s
                return self._start(now_s, adopted_until_s)
            case Grouped() | TakeOver() | HeldBack() | StandBack():
                return self._follow_group(event, now_s)

    def _follow_group(self, event: Grouped | TakeOver | HeldBack | StandBack, now_s: float) -> list[Effect]:
        state = self._state
        match event:
            case Grouped(grouped):
                state.grouped, state.asked_s = grouped, None
            case TakeOver() if state.wants(now_s):
                return take_over(state, now_s)
            case HeldBack(detail) if state.wants(now_s):
                return state.decide(RouterReason.GROUP_WAITING, detail)
            case StandBack(detail, released) if state.state is State.MASTER:
                stand_back(state, Trigger.STOOD_BACK, released=released, now_s=now_s)
                return state.decide(RouterReason.GROUP_STOOD_BACK, detail)
        return []

    def _time_passed(self, now_s: float) -> list[Effect]:
        state = self._state
        if state.state is State.BACKUP:
            return wait_as_backup(state, now_s)
        due = state.state is State.MASTER and now_s >= state.advert_at_s
        return advertise(state, now_s, state.advert_at_s) if due else []

    def _hear(self, event: AdvertHeard, now_s: float) -> list[Effect]:
        state = self._state
        if state.is_owner and state.settings.owner_ignores:
            return []
        if state.state is State.BACKUP:
            return hear_as_backup(state, event, now_s)
        if state.state is State.MASTER:
            return hear_as_master(state, event, now_s)
        if state.state is State.FAULT:
            if event.advertisement.priority != PRIORITY_LEAVING:
                state.remember(event.advertisement, event.source, now_s)
            elif state.heard is not None and state.heard.source == event.source:
                state.heard = None
        return []

    def _start(self, now_s: float, adopted_until_s: float | None) -> list[Effect]:
        state = self._state
        if state.stopping:
            raise ProgrammingError(f"{state.settings.name}: a router that was stopped cannot be started")
        state.in_kernel = adopted_until_s is not None
        adopted = adopted_until_s is not None and now_s < adopted_until_s
        if state.unfit is not None:
            if adopted:
                self._say_farewell(state.unfit, now_s)
            state.move(Trigger.UNFIT)
            return state.decide(state.unfit, state.unfit_detail)
        if adopted or (state.is_owner and now_s >= state.not_before_s):
            # A restart is no failover: the peers still wait for the earlier process, and hear us instead.
            state.hold_until_s = adopted_until_s if adopted else None
            reason = RouterReason.ADOPTED if adopted else RouterReason.ADDRESS_OWNER
            return become_master(state, Trigger.STARTED_AS_MASTER, reason, "", now_s)
        state.move(Trigger.STARTED)
        begin_listening(state, now_s, state.settings.interval_cs)
        return state.decide(self._why_listening(now_s))

    def _why_listening(self, now_s: float) -> RouterReason:
        waits = now_s < self._state.not_before_s
        return RouterReason.STARTUP_DELAY if waits else RouterReason.LISTENING

    def _follow_fitness(self, now_s: float) -> list[Effect]:
        state = self._state
        if state.state is State.INITIALIZE:
            return []
        if state.unfit is not None:
            if state.state is State.MASTER:
                cease_to_be_master(state, Trigger.UNFIT)
                self._say_farewell(state.unfit, now_s)
            elif state.state is State.BACKUP:
                state.move(Trigger.UNFIT)
            return state.decide(state.unfit, state.unfit_detail)
        if state.state is not State.FAULT:
            return []
        if state.is_owner and now_s >= state.not_before_s:
            return become_master(state, Trigger.FIT_AS_OWNER, RouterReason.ADDRESS_OWNER, "", now_s)
        state.move(Trigger.FIT)
        begin_listening(state, now_s, state.settings.interval_cs)
        if state.settings.preempt_delay_s:
            state.preempt_at_s = now_s + state.settings.preempt_delay_s
        return state.decide(self._why_listening(now_s))

    def _say_farewell(self, unfit: RouterReason, now_s: float) -> None:
        if unfit not in SPEECHLESS:
            plan_farewell(self._state, now_s)

    def _release(self, now_s: float) -> list[Effect]:
        state = self._state
        if state.state is not State.MASTER:
            return []
        stand_back(state, Trigger.RELEASED, released=True, now_s=now_s)
        return state.decide(RouterReason.RELEASED)

    def _adjust(self, settings: RouterSettings, weight: int, now_s: float) -> list[Effect]:
        """Another priority or interval: a running timer moves by the difference, and peers hear at once."""
        state, before = self._state, self._state.settings
        fixed = (settings.version, settings.vrid, len(settings.address))
        if fixed != (before.version, before.vrid, len(before.address)):
            raise ProgrammingError(f"{before.name}: a reload cannot make it another router")
        said, waited_s, ranked = state.advert, self._wait_s(), state.priority
        state.settings, state.weight = settings, weight
        state.refresh()
        if state.state is State.BACKUP:
            longer_s = self._wait_s() - waited_s
            state.down_at_s += longer_s
            if state.heard is not None:
                state.heard.alive_until_s += longer_s
        if state.hold_until_s is not None:
            # A shorter interval counts for the kernel before it leaves: peers may hear it though we freeze.
            in_time_s = now_s + hold_s(settings.interval_cs, settings.down_timer_adverts)
            state.hold_until_s = min(state.hold_until_s, in_time_s)
        told: list[Effect] = [PriorityChanged(state.priority)] if state.priority != ranked else []
        if state.state is State.MASTER and state.advert != said:
            return told + advertise(state, now_s)
        return told

    def _wait_s(self) -> float:
        state = self._state
        return state.skew_s() if state.master_left else state.master_down_s(state.master_adver_cs)

    def _stop(self, now_s: float, *, keep: bool) -> list[Effect]:
        state = self._state
        state.stopping = True
        if keep:
            self._finished = True
            return [Finished(RouterReason.STOPPING, "addresses are kept for the next agent")]
        was_master = state.state is State.MASTER
        if was_master:
            cease_to_be_master(state, Trigger.STOPPED)
        elif state.state is not State.INITIALIZE:
            state.move(Trigger.STOPPED)
        if was_master or state.in_kernel:
            due = was_master or state.farewell_due
            plan_farewell(state, now_s)
            state.farewell_due = due
        return state.decide(RouterReason.STOPPING)

    def _leave(self, now_s: float) -> list[Effect]:
        """Once the kernel is clean: tell the backups, and end if this is the end."""
        state = self._state
        effects: list[Effect] = []
        if state.clean_by_s is not None:
            if not state.in_kernel:
                if state.farewell_due:
                    effects.append(SendAdvert(state.farewell))
                state.farewell_due, state.clean_by_s = False, None
            elif now_s >= state.clean_by_s:
                # Peers that were told now would answer beside a kernel that may still do so.
                effects += state.notice(RouterReason.WITHDRAWAL_LATE, "the backups are told nothing", now_s)
                state.farewell_due, state.clean_by_s = False, None
        if state.stopping and state.clean_by_s is None:
            self._finished = True
            detail = "the kernel confirmed nothing in time" if state.in_kernel else "withdrawn"
            effects.append(Finished(RouterReason.STOPPING, detail))
        return effects
