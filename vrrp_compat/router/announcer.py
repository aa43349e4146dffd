"""A store's owner that speaks as a VRRP master, so that routers of its VRID stay backups.

Rules of this file: the store decides, and nothing that is heard or sent changes that; nothing is said after
the deadline that the store's lease gives; priority 0 is said only when nobody of the cluster follows. Same
surface as a virtual router: `step(event, now_s) -> effects`, `next_deadline()`, `status()`.
"""

from __future__ import annotations

import msgspec

from vipkeeper.model.errors import ProgrammingError
from vrrp_compat.router.announcer_events import AnnouncerEvent, LeaseGiven, LeaseOver, LeftToNobody
from vrrp_compat.router.effects import Announce, Decided, Effect, Noticed, RouterStatus, SendAdvert
from vrrp_compat.router.events import (
    AdvertHeard,
    AdvertSent,
    FitnessChanged,
    Reconfigured,
    SendFailed,
    TimePassed,
)
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.router_state import NEVER, NOTICE_EVERY_S, describe
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.states import State
from vrrp_compat.router.timers import master_down_s
from vrrp_compat.wire.advertisement import PRIORITY_LEAVING, PRIORITY_OWNER, Advertisement


class _Heard(msgspec.Struct, frozen=True):
    """Who spoke last, and until when a backup would believe that it is still there."""

    source: bytes
    priority: int
    alive_until_s: float


class Announcer:
    """One VIP of one node. Pure: time comes in as a value."""

    def __init__(self, settings: RouterSettings) -> None:
        self._settings = settings
        self._until_s: float | None = None  # the store's lease; None: this node does not serve
        self._since_s = float("-inf")
        self._advert_at_s = NEVER
        self._unfit: RouterReason | None = None
        self._unfit_detail = ""
        self._farewell_owed = False  # it has spoken as master, and nobody has been told that it left
        self._answered_at_s = float("-inf")  # when another master was last answered out of turn
        self._announce_due = False
        self._heard: _Heard | None = None
        self._said: tuple[State, RouterReason, str] | None = None
        self._noticed: dict[RouterReason, float] = {}

    def step(self, event: AnnouncerEvent, now_s: float) -> list[Effect]:
        """Take one event. Raises ProgrammingError for what cannot happen."""
        effects = self._expire(now_s)
        match event:
            case LeaseGiven(until_s):
                effects += self._serve(until_s, now_s)
            case LeaseOver():
                self._cease()
            case LeftToNobody():
                effects += self._take_leave()
            case TimePassed():
                if self._speaks and now_s >= self._advert_at_s:
                    effects += self._advertise(now_s)
            case AdvertHeard():
                effects += self._hear(event, now_s)
            case AdvertSent():
                pass
            case SendFailed(why):
                effects += self._notice(RouterReason.SEND_FAILED, why, now_s)
            case FitnessChanged(unfit, detail):
                effects += self._follow_fitness(unfit, detail, now_s)
            case Reconfigured(settings):
                effects += self._adjust(settings, now_s)
        return self._decide() + effects

    def next_deadline(self) -> float | None:
        """When to step with TimePassed, if nothing else happens before."""
        if self._until_s is None:
            return None
        return min(self._until_s, self._advert_at_s) if self._speaks else self._until_s

    def may_speak(self, now_s: float) -> bool:
        """Whether an advertisement as master may leave now; looked at again right before it does."""
        return self._until_s is not None and now_s < self._until_s

    def status(self, now_s: float) -> RouterStatus:
        """What it knows and does, for people and metrics."""
        state, reason, detail = self._standing()
        master, priority = None, None
        if self._until_s is not None:
            master, priority = self._settings.address, PRIORITY_OWNER
        elif self._heard is not None and now_s < self._heard.alive_until_s:
            master, priority = self._heard.source, self._heard.priority
        return RouterStatus(
            state=state,
            reason=reason,
            detail=detail,
            priority=PRIORITY_OWNER,
            master=master,
            master_priority=priority,
            takeover_in_s=None,
            held_for_s=None if self._until_s is None else max(self._until_s - now_s, 0.0),
        )

    @property
    def _speaks(self) -> bool:
        return self._until_s is not None and self._unfit is None

    @property
    def _interval_s(self) -> float:
        return self._settings.interval_cs / 100

    def _standing(self) -> tuple[State, RouterReason, str]:
        if self._unfit is not None:
            return State.FAULT, self._unfit, self._unfit_detail
        if self._until_s is not None:
            return State.MASTER, RouterReason.STORE_OWNER, ""
        return State.BACKUP, RouterReason.STORE_STANDBY, ""

    def _decide(self) -> list[Effect]:
        """Say where it stands, if that is new."""
        standing = self._standing()
        if standing == self._said:
            return []
        self._said = standing
        return [Decided(*standing)]

    def _expire(self, now_s: float) -> list[Effect]:
        """Looked at first in every step: what waited while we were frozen must not find us speaking."""
        if self._until_s is None or now_s < self._until_s:
            return []
        self._cease()
        return self._decide()

    def _serve(self, until_s: float, now_s: float) -> list[Effect]:
        if now_s >= until_s:
            self._cease()
            return []
        gained, self._until_s = self._until_s is None, until_s
        if not gained:
            return []
        self._since_s = now_s
        self._answered_at_s, self._announce_due = float("-inf"), False
        return self._advertise(now_s) if self._speaks else []

    def _cease(self) -> None:
        self._until_s = None
        self._advert_at_s = NEVER

    def _take_leave(self) -> list[Effect]:
        """The kernel is clean by now, and the backups need wait for nobody."""
        if not self._farewell_owed or self._until_s is not None or self._unfit is not None:
            return []
        self._farewell_owed = False
        return [SendAdvert(self._advertisement(PRIORITY_LEAVING))]

    def _advertise(self, now_s: float) -> list[Effect]:
        """Now, and the next one an interval later."""
        self._advert_at_s = now_s + self._interval_s
        self._farewell_owed = True
        effects: list[Effect] = [SendAdvert(self._advertisement(PRIORITY_OWNER))]
        if self._announce_due:
            self._announce_due = False
            effects.append(Announce())
        return effects

    def _hear(self, event: AdvertHeard, now_s: float) -> list[Effect]:
        advert, source = event.advertisement, event.source
        self._remember(advert, source, now_s)
        if not self._speaks:
            return []
        if advert.priority == PRIORITY_LEAVING:
            # Each time: a backup that heard it takes over a skew time later unless it hears us.
            return self._answer(now_s, each=True)
        if source == self._settings.address:
            detail = describe(source, advert.priority)
            return self._notice(RouterReason.OWN_ADDRESS_HEARD, detail, now_s)
        said: list[Effect] = []
        outbids = (advert.priority, source) > (PRIORITY_OWNER, self._settings.address)
        # Within the first interval it is the master that we relieve, or the cluster's former owner.
        if now_s - self._since_s >= self._interval_s and (outbids or advert.priority != PRIORITY_OWNER):
            said = self._notice(RouterReason.FOREIGN_MASTER, describe(source, advert.priority), now_s)
        return said + self._answer(now_s, each=False)

    def _remember(self, advert: Advertisement, source: bytes, now_s: float) -> None:
        if advert.priority != PRIORITY_LEAVING:
            patience_s = master_down_s(advert.version, 1, advert.interval_cs)
            self._heard = _Heard(source, advert.priority, now_s + patience_s)
        elif self._heard is not None and self._heard.source == source:
            self._heard = None

    def _answer(self, now_s: float, *, each: bool) -> list[Effect]:
        """Make the other one yield, and the clients come back; a stream of packets costs one an interval."""
        self._announce_due = True
        if now_s - self._answered_at_s < self._interval_s:
            return [SendAdvert(self._advertisement(PRIORITY_OWNER))] if each else []
        self._answered_at_s = now_s
        return self._advertise(now_s)

    def _follow_fitness(self, unfit: RouterReason | None, detail: str, now_s: float) -> list[Effect]:
        spoke, self._unfit, self._unfit_detail = self._speaks, unfit, detail
        if self._until_s is not None and unfit is not None:
            return self._notice(RouterReason.OWNER_IS_MUTE, f"{unfit.explained}: {detail}", now_s)
        return self._advertise(now_s) if self._speaks and not spoke else []

    def _adjust(self, settings: RouterSettings, now_s: float) -> list[Effect]:
        before, self._settings = self._settings, settings
        fixed = (settings.version, settings.vrid, len(settings.address))
        if fixed != (before.version, before.vrid, len(before.address)):
            raise ProgrammingError(f"{before.name}: a reload cannot make it another router")
        return self._advertise(now_s) if self._speaks and settings != before else []

    def _notice(self, reason: RouterReason, detail: str, now_s: float) -> list[Effect]:
        """Say something at most once in NOTICE_EVERY_S: a peer can cause it as fast as it can send."""
        if now_s - self._noticed.get(reason, float("-inf")) < NOTICE_EVERY_S:
            return []
        self._noticed[reason] = now_s
        return [Noticed(reason, detail)]

    def _advertisement(self, priority: int) -> Advertisement:
        settings = self._settings
        return Advertisement(
            settings.version, settings.vrid, priority, settings.interval_cs, settings.addresses
        )
