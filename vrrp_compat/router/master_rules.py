"""What a master does about what it hears and sends, and about silence of its own (RFC 9568 6.4.3).

Rules of this file: what it may answer for ends when its peers may take over, counted from when the last
advertisement left; only a later one that leaves moves that on; and another master that must yield to us may
have taught the clients its link-layer address, so they are told ours again at once.
"""

from __future__ import annotations

from vrrp_compat.router.backup_rules import hear_as_backup
from vrrp_compat.router.changeover import begin_listening, cease_to_be_master
from vrrp_compat.router.effects import Announce, Effect, LowerHeard, SendAdvert
from vrrp_compat.router.events import AdvertHeard, AdvertSent
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.router_state import NEVER, RouterState, describe
from vrrp_compat.router.states import State, Trigger
from vrrp_compat.router.timers import hold_s
from vrrp_compat.wire.advertisement import PRIORITY_LEAVING


def hear_as_master(state: RouterState, event: AdvertHeard, now_s: float) -> list[Effect]:
    """Another router believes that it is master, or was and leaves."""
    advert, source, own = event.advertisement, event.source, state.settings.address
    if advert.priority == PRIORITY_LEAVING:
        # Each time: a backup that heard it takes over a skew time later unless it hears us.
        return _answer(state, now_s, each=True)
    if advert.priority > state.priority:
        return _yield(state, event, RouterReason.HIGHER_PRIORITY_HEARD, now_s)
    if advert.priority == state.priority:
        if source == own:
            return state.notice(RouterReason.OWN_ADDRESS_HEARD, describe(source, advert.priority), now_s)
        if source > own:
            return _yield(state, event, RouterReason.EQUAL_PRIORITY_HIGHER_ADDRESS, now_s)
    if state.lapsed:
        # It is the one that answers now. Whether we take that back is a question of preemption.
        cease_to_be_master(state, Trigger.LAPSED)
        begin_listening(state, now_s, state.settings.interval_cs)
        return hear_as_backup(state, event, now_s)
    said = _tell_lower(state, describe(source, advert.priority), now_s)
    if not state.settings.answers_lower:
        state.announce_due = True
        return said
    return said + _answer(state, now_s, each=False)


def advertise(state: RouterState, now_s: float, due_s: float = NEVER) -> list[Effect]:
    """Now, and the next one an interval later; of one that was due a little earlier, an interval after that.

    A timer rings late by a millisecond or two, and those would add up: of 100 adverts a second came 80.
    """
    interval_s = min(state.interval_s, state.said_cs / 100)
    state.advert_at_s = min(max(due_s, now_s - interval_s / 2), now_s) + interval_s
    effects: list[Effect] = [SendAdvert(state.advert)]
    if state.announce_due and state.hold_until_s is not None:
        state.announce_due = False
        effects.append(Announce())
    return effects


def advert_left(state: RouterState, event: AdvertSent, now_s: float) -> list[Effect]:
    """Peers may rely on us, and we on their patience, from when it was sent."""
    of_this_term = state.state is State.MASTER and event.sent_at_s >= state.since_s
    if not of_this_term or event.advertisement.priority == PRIORITY_LEAVING:
        return []
    # A longer interval counts from the second advertisement on that says it, and that one comes as soon as
    # the former interval wants: the first may be lost, or overtaken by the one before.
    interval_cs = min(event.advertisement.interval_cs, state.said_cs)
    state.said_cs = event.advertisement.interval_cs
    until_s = event.sent_at_s + hold_s(interval_cs, state.settings.down_timer_adverts)
    state.hold_until_s = until_s  # also when that is sooner than before: the peers' patience is shorter now
    state.send_error = ""
    effects = lapse_if_late(state, now_s)
    if now_s >= until_s or not state.lapsed:
        return effects
    state.lapsed = False
    return [*state.decide(RouterReason.RESUMED), Announce()]


def lapse_if_late(state: RouterState, now_s: float) -> list[Effect]:
    """Looked at first in every step: what waited while we were frozen must not find us answering."""
    if state.hold_until_s is None or now_s < state.hold_until_s:
        return []
    state.hold_until_s, state.lapsed = None, True
    why = state.send_error or "this process was not run in time"
    return state.decide(RouterReason.LEASE_LAPSED, why)


def _tell_lower(state: RouterState, detail: str, now_s: float) -> list[Effect]:
    """Programs that gave the address to the other one outside of this host have to give it back."""
    effects = state.notice(RouterReason.LOWER_PRIORITY_HEARD, detail, now_s)
    if now_s - state.lower_told_s >= state.interval_s:
        state.lower_told_s = now_s
        effects.append(LowerHeard(detail))
    return effects


def _answer(state: RouterState, now_s: float, *, each: bool) -> list[Effect]:
    """Make the other one yield, and the clients come back.

    A stream of such packets costs one answer an interval; what came in between is made good with the next
    advertisement, and none of it moves the time of that.
    """
    state.announce_due = True
    if now_s - state.answered_at_s < state.interval_s:
        return [SendAdvert(state.advert)] if each else []
    state.answered_at_s = now_s
    return advertise(state, now_s)


def _yield(state: RouterState, event: AdvertHeard, reason: RouterReason, now_s: float) -> list[Effect]:
    """One advertisement more, if we answered until now: upon hearing it the survivor announces itself.

    Otherwise, where it spoke first after a partition, it would never know that clients had learnt us.
    """
    advert, answered = event.advertisement, state.hold_until_s is not None
    cease_to_be_master(state, Trigger.BETTER_HEARD)
    state.remember(advert, event.source, now_s)
    begin_listening(state, now_s, advert.interval_cs)
    state.follows = True
    effects = state.decide_about(reason, event.source, advert.priority)
    return [*effects, SendAdvert(state.advert)] if answered else effects
