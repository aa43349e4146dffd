"""What the parts of one virtual router share.

Rules of this file: data, questions about it, and how it is reported; what to do is decided by the rules.
"""

from __future__ import annotations

import ipaddress

import msgspec

from vrrp_compat.router.effects import Decided, Effect, Noticed
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.router.states import State, Trigger, follow
from vrrp_compat.router.timers import master_down_s, skew_s
from vrrp_compat.wire.advertisement import PRIORITY_LEAVING, PRIORITY_OWNER, Advertisement

NEVER = float("inf")

# A peer can cause notices as fast as it can send.
NOTICE_EVERY_S = 60.0

# Nobody waits longer than this for the kernel to confirm that the addresses are gone.
WITHDRAWAL_PATIENCE_S = 1.0


class Heard(msgspec.Struct):
    """The best router that spoke as master lately."""

    source: bytes
    priority: int
    alive_until_s: float  # by the interval that it said, however short ours is


class RouterState(msgspec.Struct):
    """One virtual router."""

    settings: RouterSettings
    state: State = State.INITIALIZE
    reason: RouterReason = RouterReason.STARTING
    detail: str = ""
    weight: int = 0
    unfit: RouterReason | None = None
    unfit_detail: str = ""
    stopping: bool = False

    heard: Heard | None = None
    other_alive_until_s: float = float("-inf")  # a worse one that spoke after it

    # Backup
    master_adver_cs: int = 0  # version 3: what the master said
    down_at_s: float = NEVER  # end of Master_Down, or of the skew time alone
    master_left: bool = False  # it is the skew time
    preempt_at_s: float | None = None  # end of preempt_delay
    released: bool = False
    not_before_s: float = float("-inf")  # startup_delay
    follows: bool = False  # who was heard last is our master, and not to be preempted
    preempts_until_s: float = float("-inf")  # one to be preempted has just spoken, so it is alive
    grouped: bool = False  # a sync group says when to take over
    asked_s: float | None = None  # the `takeover_at_s` that the group has been asked about

    # Master
    since_s: float = 0.0
    advert_at_s: float = NEVER
    said_cs: int = 0  # the interval in the last advertisement that left
    hold_until_s: float | None = None
    lapsed: bool = False  # held, and ran out; until an advertisement leaves again
    answered_at_s: float = float("-inf")  # when another master was last answered out of turn
    lower_told_s: float = float("-inf")  # when a lower priority was last told of
    announce_due: bool = False
    send_error: str = ""

    # Leaving
    in_kernel: bool = False  # asked of the kernel, and its absence not confirmed since
    farewell_due: bool = False  # priority 0 is to be sent once the kernel is clean
    clean_by_s: float | None = None

    # Made from the above by refresh()
    priority: int = 0
    interval_s: float = 0.0
    advert: Advertisement = Advertisement(3, 0, 0, 0)

    _said: tuple[State, RouterReason, bytes | None, int | str] | None = None
    _noticed: dict[RouterReason, float] = msgspec.field(default_factory=dict)

    def refresh(self) -> None:
        """After a change of settings or weight."""
        settings = self.settings
        self.priority = settings.priority
        if settings.priority != PRIORITY_OWNER:
            self.priority = min(max(settings.priority + self.weight, 1), PRIORITY_OWNER - 1)
        self.interval_s = settings.interval_cs / 100
        self.advert = self._advertisement(self.priority)
        if settings.version == 2 or not self.heard:
            self.master_adver_cs = settings.interval_cs

    @property
    def is_owner(self) -> bool:
        return self.settings.priority == PRIORITY_OWNER

    @property
    def farewell(self) -> Advertisement:
        return self._advertisement(PRIORITY_LEAVING)

    @property
    def takeover_at_s(self) -> float:
        """When this backup takes over if nothing more is heard."""
        heard = self.heard
        silent_s = max(self.down_at_s, self.other_alive_until_s, self.not_before_s)
        return silent_s if heard is None else max(silent_s, heard.alive_until_s)

    def wants(self, now_s: float) -> bool:
        """Whether nothing but its sync group keeps this backup from being master."""
        backup = self.state is State.BACKUP
        return backup and (now_s >= self.takeover_at_s or now_s < self.preempts_until_s)

    def hears_master(self, now_s: float) -> bool:
        """Whether this backup follows one that is alive."""
        heard = self.heard if self.state is State.BACKUP and self.follows else None
        return heard is not None and now_s < heard.alive_until_s

    def skew_s(self) -> float:
        return skew_s(self.settings.version, self.priority, self.master_adver_cs)

    def master_down_s(self, interval_cs: int) -> float:
        settings = self.settings
        return master_down_s(settings.version, self.priority, interval_cs, settings.down_timer_adverts)

    def move(self, trigger: Trigger) -> None:
        """Follow the table. Raises ProgrammingError for a pair that is not in it."""
        self.state = follow(self.settings.name, self.state, trigger)

    def remember(self, advert: Advertisement, source: bytes, now_s: float) -> bool:
        """Note who spoke as master; whether that is the one to reckon with.

        Of two that are alive it is the better one: what a loser says before it yields is no news. But should
        the better one be silent from then on, the other is master, and its silence is waited for too.
        """
        heard, alive_until_s = self.heard, now_s + self.master_down_s(advert.interval_cs)
        if (
            heard is not None
            and heard.source != source
            and now_s < heard.alive_until_s
            and (heard.priority, heard.source) > (advert.priority, source)
        ):
            self.other_alive_until_s = alive_until_s
            return False
        self.other_alive_until_s = float("-inf")
        if heard is None or heard.source != source:
            self.heard = Heard(source, advert.priority, alive_until_s)
        else:
            heard.priority, heard.alive_until_s = advert.priority, alive_until_s
        return True

    def decide_about(self, reason: RouterReason, source: bytes, priority: int) -> list[Effect]:
        """Say why this is our state, if that is new; the other router is part of why."""
        said = (self.state, reason, source, priority)
        if said == self._said:
            return []
        self._said = said
        self.reason, self.detail = reason, describe(source, priority)
        return [Decided(self.state, reason, self.detail)]

    def decide(self, reason: RouterReason, detail: str = "") -> list[Effect]:
        """Say why this is our state, if that is new."""
        said = (self.state, reason, None, detail)
        if said == self._said:
            return []
        self._said = said
        self.reason, self.detail = reason, detail
        return [Decided(self.state, reason, detail)]

    def notice(self, reason: RouterReason, detail: str, now_s: float) -> list[Effect]:
        """Say something at most once in NOTICE_EVERY_S."""
        if now_s - self._noticed.get(reason, float("-inf")) < NOTICE_EVERY_S:
            return []
        self._noticed[reason] = now_s
        return [Noticed(reason, detail)]

    def _advertisement(self, priority: int) -> Advertisement:
        settings = self.settings
        return Advertisement(
            settings.version, settings.vrid, priority, settings.interval_cs, settings.addresses
        )


def describe(source: bytes, priority: int) -> str:
    """Another router, for people."""
    return f"{ipaddress.ip_address(source)} with priority {priority}"
