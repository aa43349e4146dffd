"""Steps virtual routers: each by itself, or those of a sync group together.

Rules of this file: it decides nothing; effects are returned with the router that they are of, in order; after
each step it is known of every router that it may have moved when that one is due, and what the kernel has to
be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from vipkeeper.agent.deadlines import Deadlines
from vipkeeper.agent.vrrp_kernel import RoutersInKernel
from vipkeeper.agent.vrrp_router import RouterAtWork
from vrrp_compat.router.effects import Effect
from vrrp_compat.router.events import Event, FitnessChanged, Grouped
from vrrp_compat.router.group import GroupEffects, RouterGroup

Asked = list[tuple[RouterAtWork, Effect]]


class SyncGroups:
    """All of one host. `routers` may change at any time."""

    def __init__(
        self, routers: Mapping[str, RouterAtWork], kernel: RoutersInKernel, clock: Callable[[], float]
    ) -> None:
        self._routers = routers
        self._kernel = kernel
        self._clock = clock
        self._groups: dict[str, RouterGroup] = {}
        self._regroup_due = False
        self.deadlines = Deadlines()  # by router

    def changed(self) -> None:
        """A router came or goes, or is to be in another group."""
        self._regroup_due = True

    @property
    def has_work(self) -> bool:
        """Whether something has changed that no router was told yet."""
        return self._regroup_due

    def step(self, router: RouterAtWork, event: Event) -> Asked:
        """Take one event."""
        now_s, group = self._clock(), self._group_of(router)
        if group is None:
            asked = [(router, effect) for effect in router.machine.step(event, now_s)]
            self._note(router, now_s)
            return asked
        asked = self._of_routers(group.step(router.name, event, now_s))
        for name in group.members:
            self._note(self._routers[name], now_s)
        return asked

    def _note(self, router: RouterAtWork, now_s: float) -> None:
        self._kernel.note(router, now_s)
        self.deadlines.set(router.name, router.machine.next_deadline())

    def regroup(self, staying: Iterable[RouterAtWork]) -> Asked:
        """These are grouped as their plans say, if that may have changed; what is as before goes on."""
        if not self._regroup_due:
            return []
        self._regroup_due, now_s, routers = False, self._clock(), list(staying)
        asked = self._regrouped(routers, now_s)
        for router in routers:
            self._note(router, now_s)
        return asked

    def _regrouped(self, routers: Iterable[RouterAtWork], now_s: float) -> Asked:
        wanted: dict[str, dict[str, RouterAtWork]] = {}
        for router in routers:
            if router.plan.group is not None:
                wanted.setdefault(router.plan.group, {})[router.name] = router
        asked = self._let_go({name for members in wanted.values() for name in members}, now_s)
        before, self._groups = self._groups, {}
        for name, members in wanted.items():
            machines = {each: router.machine for each, router in members.items()}
            patience_s = max(router.plan.router.interval_cs for router in members.values()) / 100
            known = before.get(name)
            if known is not None and known.members == machines:
                self._groups[name] = known
                known.patience_s = patience_s
                continue
            group = self._groups[name] = RouterGroup(name, machines, patience_s)
            told = {each: router.told_unfit for each, router in members.items()}
            unfit = {each: why for each, why in told.items() if why is not None}
            asked += self._of_routers(group.begin(unfit, now_s))
        return asked

    def _let_go(self, grouped: set[str], now_s: float) -> Asked:
        """Who is in no group any more goes by what it was told of itself."""
        asked: Asked = []
        for name in {name for group in self._groups.values() for name in group.members} - grouped:
            router = self._routers.get(name)
            if router is not None:
                own = router.told_unfit or (None, "")
                for event in (Grouped(grouped=False), FitnessChanged(*own)):
                    asked += [(router, effect) for effect in router.machine.step(event, now_s)]
        return asked

    def _group_of(self, router: RouterAtWork) -> RouterGroup | None:
        """One that ends, or has just come, is in none."""
        group = self._groups.get(router.plan.group or "")
        return group if group is not None and group.members.get(router.name) is router.machine else None

    def _of_routers(self, effects: GroupEffects) -> Asked:
        return [(self._routers[name], effect) for name, effect in effects]
