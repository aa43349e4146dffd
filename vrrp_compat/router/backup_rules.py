"""What a backup does about what it hears, and about silence (RFC 9568 6.4.2).

Where this differs from the RFC and from keepalived, it is so that nobody starts to answer beside a master
that is dead but whose kernel still answers for it:
- who preempts does so upon an advertisement of the router to be preempted: that one is alive then, hears
  us, and yields. Should it have died, its silence has to last as long as anybody's;
- priority 0 shortens the wait only when it comes from the router that is master.
"""

from __future__ import annotations

from vrrp_compat.router.changeover import become_master
from vrrp_compat.router.effects import Effect
from vrrp_compat.router.events import AdvertHeard
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.router_state import RouterState, describe
from vrrp_compat.router.states import Trigger
from vrrp_compat.wire.advertisement import PRIORITY_LEAVING

# In a sync group each member waits for such an advertisement of its own, and they come at different times.
_FRESH_INTERVALS = 1.5


def hear_as_backup(state: RouterState, event: AdvertHeard, now_s: float) -> list[Effect]:
    """Another router is master, or leaves."""
    advert, source = event.advertisement, event.source
    if advert.priority == PRIORITY_LEAVING:
        return _hear_leaving(state, source, now_s)
    state.farewell_due = False  # somebody is master already
    reason = _weigh(state, advert.priority, now_s)
    followed = state.remember(advert, source, now_s)
    if followed:
        state.follows = reason is not RouterReason.PREEMPTING
        state.preempts_until_s = float("-inf")
    if reason is RouterReason.PREEMPTING:
        if followed and now_s >= state.down_at_s:
            if state.grouped:
                state.preempts_until_s = now_s + _FRESH_INTERVALS * advert.interval_cs / 100
                return []
            detail = describe(source, advert.priority)
            return become_master(state, Trigger.TOOK_OVER, reason, detail, now_s)
    else:
        state.master_adver_cs = advert.interval_cs  # in version 2 the same as ours, or it was discarded
        state.down_at_s = now_s + state.master_down_s(state.master_adver_cs)
        state.master_left = False
    return state.decide_about(reason, source, advert.priority) if followed else []


def wait_as_backup(state: RouterState, now_s: float) -> list[Effect]:
    """Take over when the master has been silent for too long."""
    if now_s < state.takeover_at_s:
        return []
    if state.grouped:
        state.asked_s = state.takeover_at_s
        return []
    return take_over(state, now_s)


def take_over(state: RouterState, now_s: float) -> list[Effect]:
    """Be master: nobody else is, or one that is preempted."""
    heard = state.heard
    if heard is not None and now_s < state.preempts_until_s:
        detail = describe(heard.source, heard.priority)
        return become_master(state, Trigger.TOOK_OVER, RouterReason.PREEMPTING, detail, now_s)
    if state.master_left:
        reason, detail = RouterReason.MASTER_LEFT, ""
    elif heard is None:
        reason, detail = RouterReason.NO_MASTER_HEARD, ""
    else:
        reason, detail = RouterReason.MASTER_SILENT, describe(heard.source, heard.priority)
    return become_master(state, Trigger.TOOK_OVER, reason, detail, now_s)


def _hear_leaving(state: RouterState, source: bytes, now_s: float) -> list[Effect]:
    heard = state.heard
    if heard is not None and heard.source != source and now_s < heard.alive_until_s:
        return []
    if not state.master_left:  # keepalived says it twice: the second must not prolong the wait
        state.down_at_s = min(state.takeover_at_s, now_s + state.skew_s())
    state.master_left, state.heard = True, None
    return state.decide_about(RouterReason.MASTER_LEFT, source, PRIORITY_LEAVING)


def _weigh(state: RouterState, priority: int, now_s: float) -> RouterReason:
    """PREEMPTING: do not listen to it. Anything else: it is our master."""
    if priority >= state.priority:
        state.preempt_at_s = None
        if priority > state.priority:
            return RouterReason.HIGHER_PRIORITY_HEARD
        return RouterReason.EQUAL_PRIORITY_HEARD
    settings = state.settings
    if state.released:
        return RouterReason.RELEASED
    if now_s < state.not_before_s:
        return RouterReason.STARTUP_DELAY
    if state.is_owner:
        return RouterReason.PREEMPTING
    if not settings.preempt:
        return RouterReason.NOPREEMPT_WAITING
    if settings.preempt_delay_s:
        if state.preempt_at_s is None:
            state.preempt_at_s = now_s + settings.preempt_delay_s
        if now_s < state.preempt_at_s:
            return RouterReason.PREEMPT_DELAY
    return RouterReason.PREEMPTING
