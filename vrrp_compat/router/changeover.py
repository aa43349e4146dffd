"""Becoming master, and ceasing to be it.

Rules of this file: a new master advertises first and answers for nothing until that has left; an old one
answers for nothing from the very step on in which it ceases to be master.
"""

from __future__ import annotations

from vrrp_compat.router.effects import Effect, SendAdvert
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.router_state import NEVER, WITHDRAWAL_PATIENCE_S, RouterState
from vrrp_compat.router.states import Trigger


def become_master(
    state: RouterState, trigger: Trigger, reason: RouterReason, detail: str, now_s: float
) -> list[Effect]:
    """Advertise at once. Held from the AdvertSent on that answers this."""
    state.move(trigger)
    state.since_s, state.said_cs = now_s, state.settings.interval_cs
    state.advert_at_s = now_s + state.interval_s
    state.answered_at_s = float("-inf")
    state.down_at_s, state.preempt_at_s = NEVER, None
    state.preempts_until_s, state.follows, state.asked_s = float("-inf"), False, None
    state.heard = None
    state.master_left = state.released = False
    state.farewell_due, state.clean_by_s = False, None
    return [*state.decide(reason, detail), SendAdvert(state.advert)]


def cease_to_be_master(state: RouterState, trigger: Trigger) -> None:
    """Answer for nothing any more."""
    state.move(trigger)
    state.hold_until_s = None
    state.lapsed = state.announce_due = False
    state.advert_at_s = NEVER


def plan_farewell(state: RouterState, now_s: float) -> None:
    """Tell the backups as soon as the kernel is clean: they may answer a skew time later."""
    state.farewell_due = True
    state.clean_by_s = now_s + min(state.interval_s, WITHDRAWAL_PATIENCE_S)


def begin_listening(state: RouterState, now_s: float, interval_cs: int) -> None:
    """As a backup: wait for Master_Down, counted with this interval."""
    state.master_adver_cs = interval_cs
    state.down_at_s = now_s + state.master_down_s(interval_cs)
    state.master_left = False


def stand_back(state: RouterState, trigger: Trigger, *, released: bool, now_s: float) -> None:
    """Leave it to others in good order. `released`: also when they have a lower priority."""
    cease_to_be_master(state, trigger)
    plan_farewell(state, now_s)
    begin_listening(state, now_s, state.settings.interval_cs)
    state.released = released
