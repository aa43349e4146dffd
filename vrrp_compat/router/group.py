"""Virtual routers that are master on one host together: `step(member, event, now_s) -> effects`.

Rules of this file: each member keeps its own timers and hold, and obeys its own rules; the group adds only
when one may become master, and when it must not go on. It looks at all of them after each event of one, so
that those of one host differ for no longer than one step. No member answers here for long while another one
answers elsewhere: whoever lost one member gives up the others, and tells the backups.
"""

from __future__ import annotations

from collections.abc import Mapping

from vrrp_compat.router.effects import Effect
from vrrp_compat.router.events import (
    AdvertHeard,
    Event,
    FitnessChanged,
    Grouped,
    HeldBack,
    ReleaseAsked,
    StandBack,
    TakeOver,
)
from vrrp_compat.router.group_states import GroupState, GroupTrigger, follow
from vrrp_compat.router.machine import VirtualRouter
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State

GroupEffects = list[tuple[str, Effect]]


class RouterGroup:
    """One sync group on one host. Pure: time comes in as a value.

    `members` may be at work already. `patience_s`: how long one of them may be mute while another answers; an
    advertisement interval lets each of them speak once. It needs no timer: masters have one each interval.
    """

    def __init__(self, name: str, members: Mapping[str, VirtualRouter], patience_s: float) -> None:
        self.name = name
        self.members = dict(members)
        self.patience_s = patience_s
        self._state = GroupState.BACKUP
        self._unfit: dict[str, tuple[RouterReason, str]] = {}
        self._told: dict[str, tuple[RouterReason | None, str]] = {}
        self._uneven_since_s: float | None = None  # some answer, and some are mute
        self._in_vain = False  # it gave up for a mute member, and nobody was heard since

    @property
    def state(self) -> GroupState:
        return self._state

    def begin(self, unfit: Mapping[str, tuple[RouterReason, str]], now_s: float) -> GroupEffects:
        """Members are a group from now on; `unfit`: what keeps each of them by itself from serving."""
        self._unfit = dict(unfit)
        self._told = {name: member.unfit for name, member in self.members.items()}
        effects = [
            (name, effect)
            for name, member in self.members.items()
            for effect in member.step(Grouped(grouped=True), now_s)
        ]
        return effects + self._share_fitness(now_s) + self._settle(now_s)

    def step(self, name: str, event: Event, now_s: float) -> GroupEffects:
        """Take one event of one member. Raises ProgrammingError for what cannot happen."""
        match event:
            case FitnessChanged(unfit, detail):
                if unfit is None:
                    self._unfit.pop(name, None)
                else:
                    self._unfit[name] = unfit, detail
                effects = self._share_fitness(now_s)
            case ReleaseAsked():
                if self._state is GroupState.MASTER:
                    self._move(GroupTrigger.RELEASED)
                effects = [one for member in self.members for one in self._tell(member, event, now_s)]
            case _:
                self._in_vain &= not isinstance(event, AdvertHeard)
                effects = self._tell(name, event, now_s)
        return effects + self._settle(now_s)

    def _tell(self, name: str, event: Event, now_s: float) -> GroupEffects:
        return [(name, effect) for effect in self.members[name].step(event, now_s)]

    def _share_fitness(self, now_s: float) -> GroupEffects:
        """What keeps one member from serving keeps all: it is told to each that has no trouble of its own."""
        effects: GroupEffects = []
        shared: tuple[RouterReason | None, str] = (None, "")
        if self._unfit:
            first = min(self._unfit)
            reason, detail = self._unfit[first]
            shared = RouterReason.GROUP_FAULT, f"{first}: {reason.value}" + (f" {detail}" if detail else "")
        for name in self.members:
            verdict = self._unfit.get(name, shared)
            if self._told.get(name) != verdict:
                self._told[name] = verdict
                effects += self._tell(name, FitnessChanged(*verdict), now_s)
        if self._unfit and self._state is not GroupState.FAULT:
            self._move(GroupTrigger.UNFIT)
        elif not self._unfit and self._state is GroupState.FAULT:
            self._move(GroupTrigger.FIT)
        return effects

    def _settle(self, now_s: float) -> GroupEffects:
        if self._state is GroupState.FAULT:
            self._uneven_since_s = None
            return []
        masters = [name for name, one in self.members.items() if one.state is State.MASTER]
        if masters:
            better = self._better(now_s)
            if better:
                return self._stand_back(masters, GroupTrigger.BETTER_HEARD, better, now_s)
        effects = self._become_complete(masters, now_s)
        return effects + self._mind_the_mute(now_s)

    def _better(self, now_s: float) -> str:
        """Which member keeps the others from being master, if one does."""
        for name, one in self.members.items():
            lost = self._state is GroupState.MASTER and one.state is State.BACKUP
            if lost or one.hears_master(now_s):
                return f"{name}: {one.reason.value} {one.status(now_s).detail}".strip()
        return ""

    def _become_complete(self, masters: list[str], now_s: float) -> GroupEffects:
        if len(masters) == len(self.members):
            if self._state is GroupState.BACKUP:
                self._move(GroupTrigger.COMPLETE)
            return []
        wanting = [name for name, one in self.members.items() if one.wants(now_s)]
        missing = self.members.keys() - set(wanting) - set(masters)
        if missing:
            told = HeldBack(", ".join(sorted(missing)))
            return [one for name in wanting for one in self._tell(name, told, now_s)]
        self._move(GroupTrigger.COMPLETE)
        return [one for name in wanting for one in self._tell(name, TakeOver(), now_s)]

    def _mind_the_mute(self, now_s: float) -> GroupEffects:
        """One that cannot speak is served elsewhere soon, and what the others answer for is of no use.

        Who gave up for that in vain, because nobody else was there, does not do it again.
        """
        answering = [one.hold_until_s is not None for one in self.members.values()]
        if self._state is not GroupState.MASTER or all(answering) or not any(answering):
            self._uneven_since_s = None
            return []
        if self._uneven_since_s is None:
            self._uneven_since_s = now_s
        if self._in_vain or now_s < self._uneven_since_s + self.patience_s:
            return []
        self._uneven_since_s, self._in_vain = None, True
        mute = ", ".join(name for name, one in self.members.items() if one.hold_until_s is None)
        return self._stand_back(
            list(self.members), GroupTrigger.MUTE, f"{mute} cannot speak", now_s, released=True
        )

    def _stand_back(
        self, masters: list[str], trigger: GroupTrigger, detail: str, now_s: float, *, released: bool = False
    ) -> GroupEffects:
        if self._state is GroupState.MASTER:
            self._move(trigger)
        self._uneven_since_s = None
        told = StandBack(detail, released)
        return [one for name in masters for one in self._tell(name, told, now_s)]

    def _move(self, trigger: GroupTrigger) -> None:
        self._state = follow(self.name, self._state, trigger)
