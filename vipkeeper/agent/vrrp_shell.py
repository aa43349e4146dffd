"""Feeds the virtual routers, brings the kernel in line, sends what they say, keeps one timer.

Rules of this file: it decides nothing. The order in each round is fixed: what waits in the sockets, then
time; steps, then the kernel where something must leave it, then what is to be sent, then the kernel where
something may come. A hold that only grows may wait a little for others that will: the kernel then ends it too
soon, never late. A round costs what changed in it, however many routers there are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from vipkeeper.agent.deadlines import NEVER_S
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.state_teller import StateTeller
from vipkeeper.agent.vrrp_groups import SyncGroups
from vipkeeper.agent.vrrp_holds import KeptHolds
from vipkeeper.agent.vrrp_kernel import RoutersInKernel, Silence
from vipkeeper.agent.vrrp_neighbours import Neighbours
from vipkeeper.agent.vrrp_news import RouterNews
from vipkeeper.agent.vrrp_plan import RouterPlan
from vipkeeper.agent.vrrp_ports import RouterPorts
from vipkeeper.agent.vrrp_router import RouterAtWork
from vipkeeper.election import effects as kernel_effects
from vipkeeper.election import events as kernel_events
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import Unit
from vipkeeper.model.weights import Weight
from vrrp_compat.router.effects import Announce, Effect, Finished, SendAdvert
from vrrp_compat.router.events import (
    AdvertHeard,
    AdvertSent,
    Event,
    Reconfigured,
    SendFailed,
    Started,
    StopRequested,
    TimePassed,
    Withdrawn,
)
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.sockets.segment_port import SegmentPorts
from vrrp_compat.wire.advertisement import Advertisement, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.vrid_census import VridUse


class VrrpShell:
    """All virtual routers of this host. `sequence_of`: AH numbers, after those of an earlier process."""

    def __init__(
        self,
        ports: SegmentPorts,
        *,
        clock: Callable[[], float],
        finished: asyncio.Future[kernel_effects.Finished],
        sequence_of: Callable[[str], AhSequence],
        holds: KeptHolds,
        silence: Silence,
        teller: StateTeller,
    ) -> None:
        self._clock = clock
        self._finished = finished
        self._sequence_of = sequence_of
        self._neighbours = Neighbours(clock)
        self._ports = RouterPorts(ports, self._hear, self._neighbours.stray)
        self._queue: deque[tuple[RouterAtWork, Event]] = deque()
        self._early: list[kernel_events.Event] = []  # of the host, before begin()
        self._host: HostShell | None = None
        self._scheduled: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = NEVER_S
        self._successors: dict[str, RouterPlan] = {}  # plans that begin when a router has ended
        self._weights: dict[str, Weight] = {}  # by VIP, also of those that are not there yet
        self._new: list[RouterAtWork] = []  # not started yet
        self._leaving: set[str] = set()  # told to end by replan()
        self._news = RouterNews(teller)
        self._stopping = False
        self.routers: dict[str, RouterAtWork] = {}
        self._not_before_s = float("-inf")
        self._kernel = RoutersInKernel(self.routers, holds, silence)
        self._groups = SyncGroups(self.routers, self._kernel, clock)
        self._deadlines = self._groups.deadlines
        self.decisions = self._news.decisions

    def begin(self, host: HostShell, plans: Iterable[RouterPlan], delay_s: float = 0.0) -> None:
        """Everything is there: start the routers, those found in the kernel as what they were.

        `delay_s`: how long from now on nothing else is taken.
        """
        self._not_before_s = self._clock() + delay_s if delay_s else float("-inf")
        self._host = self._kernel.host = host
        for plan in plans:
            self._add(plan)
        self._open_ports()
        for event in self._early:
            self._take(event)
        self._early.clear()
        self._start_new()
        self._kernel.due_s = self._clock()  # what an earlier process left and nobody adopts goes
        self._guarded(self._round)

    def post(self, event: kernel_events.Event) -> None:
        """An event of the host's shell; it is taken in its turn, soon."""
        if self._host is None:
            self._early.append(event)
        else:
            self._take(event)
            self._start_new()  # it may be the first result that one of them waits for
            self._soon()

    def replan(self, plans: Iterable[RouterPlan], units: tuple[Unit, ...]) -> None:
        """Go on with these: some may be new, changed or gone. What goes is gone first."""
        if self._host is None or self._stopping:
            return
        wanted = {plan.unit.name: plan for plan in plans}
        self._let_go(wanted)
        self._guarded(self._round)
        self._begin_new(wanted, units)

    def _begin_new(self, wanted: Mapping[str, RouterPlan], units: tuple[Unit, ...]) -> None:
        if self._host is None:
            return
        for name, plan in wanted.items():
            if name not in self.routers:
                self._add(plan)
        self._kernel.reconfigure(units)  # which tells, for the new ones too, whether they can be served
        self._open_ports()
        self._start_new()
        self._soon()

    def later(self, work: Callable[[], None]) -> None:
        """Do it between two rounds; what it raises stands everything down."""
        if self._host is not None:
            asyncio.get_running_loop().call_soon(self._guarded, work)

    def check_ports(self) -> None:
        """An interface may have come, or another one has its name now."""
        if self._host is not None and not self._stopping:
            self._open_ports()
            if self._queue:
                self._soon()

    def tell_census(self, base: str, uses: tuple[VridUse, ...]) -> None:
        """What was heard on an interface of the configuration, whoever it was for."""
        for router in self.routers.values():
            if router.plan.base == base:
                self._neighbours.counted(router, uses)

    def stop(self, *, keep: bool) -> None:
        """End all routers."""
        self._stopping = True
        self._successors.clear()
        for router in self.routers.values():
            self._queue.append((router, StopRequested(keep)))
        self._soon()
        self._finish_when_all_ended()  # at once where there are virtual servers alone

    def end(self) -> None:
        """No further round."""
        self._host = None
        self._ports.close()
        for handle in (self._scheduled, self._timer):
            if handle is not None:
                handle.cancel()

    def _let_go(self, wanted: Mapping[str, RouterPlan]) -> None:
        """Change what goes on, and end what does not, or not as the same router."""
        for name, router in self.routers.items():
            plan = wanted.get(name)
            if name in self._leaving or plan is None or plan.fixed != router.plan.fixed:
                self._replace(router, plan)
                continue
            if plan.router != router.plan.router:
                self._queue.append((router, Reconfigured(plan.router)))
            router.plan = plan
        self._groups.changed()

    def _replace(self, router: RouterAtWork, plan: RouterPlan | None) -> None:
        """What comes after it, if anything, is what was wanted last."""
        if router.name not in self._leaving:
            self._leaving.add(router.name)
            self._queue.append((router, StopRequested()))
        self._successors.pop(router.name, None)
        if plan is not None:
            self._successors[router.name] = plan

    def _add(self, plan: RouterPlan) -> RouterAtWork:
        router = RouterAtWork(plan, self._sequence_of(plan.unit.name))
        router.weight = self._weights.get(router.name, router.weight)
        self.routers[router.name] = router
        self._new.append(router)
        return router

    def _start_new(self) -> None:
        """Once it is known what could keep them from serving."""
        if self._host is None:
            return
        waiting = [router for router in self._new if router.waits_for_check]
        for router in self._new:
            if router not in waiting:
                adoptable_until_s = self._kernel.adoptable_until_s(router.name)
                self._queue.append((router, Started(adoptable_until_s, self._not_before_s)))
        self._new = waiting
        self._groups.changed()

    def _open_ports(self) -> None:
        refused = self._ports.want([router.plan for router in self.routers.values()])
        for router in self.routers.values():
            router.refused_port = refused.get(router.name, "")
            self._tell_news(router)

    def _take(self, event: kernel_events.Event) -> None:
        match event:
            case kernel_events.FitnessChanged(units, reason, detail):
                for router in self._named(units):
                    router.unfit_host = None if reason is None else (RouterReason(reason.value), detail)
                    self._tell_news(router)
            case kernel_events.WeightChanged(weights):
                self._weights |= weights
                for router in self._named(weights):
                    router.weight = weights[router.name]
                    self._tell_news(router)
            case kernel_events.Withdrawn(units):  # told in the moment of the reading
                for router in self._named(units):
                    self._kernel.withdrawn(router)
                    self._queue.append((router, Withdrawn()))
            case _:
                pass  # what can be adopted is asked of the host; foreign announcements it answers itself

    def _named(self, names: Iterable[str]) -> list[RouterAtWork]:
        return [self.routers[name] for name in names if name in self.routers]

    def _tell_news(self, router: RouterAtWork) -> None:
        self._queue.extend((router, event) for event in router.news())

    def _hear(self, name: str, datagram: Datagram) -> None:
        router = self.routers[name]
        verdict = self._neighbours.judge(router, datagram)
        if verdict is None:
            return
        self._queue.append((router, AdvertHeard(verdict.advertisement, datagram.source)))
        self._soon()

    def _soon(self) -> None:
        if self._scheduled is None and self._host is not None:
            self._scheduled = asyncio.get_running_loop().call_soon(self._guarded, self._round)

    def _time_passed(self) -> None:
        self._timer, self._timer_s = None, NEVER_S
        self._ports.drain()
        for name in self._deadlines.take_passed(self._clock()):
            self._queue.append((self.routers[name], TimePassed()))
        self._round()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - handed to the supervisor, which stands everything down
            self.end()
            if not self._finished.done():
                self._finished.set_exception(error)
        self._news.tell(self._host)

    def _round(self) -> None:
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        while self._queue or self._groups.has_work:
            asked = self._groups.regroup(
                one for name, one in self.routers.items() if name not in self._leaving
            )
            for router, event in self._taken():
                asked += self._groups.step(router, event)
            if self._kernel.must_leave:
                self._kernel.apply()
            for router, effect in asked:
                self._carry_out(router, effect)
        # Without company before it is due there is nothing to wait for: to wake up again costs more.
        if self._kernel.due_s <= self._clock() or self._kernel.due_s < self._deadlines.first_s():
            self._kernel.apply()
        if self._queue:  # the kernel had something to say
            self._soon()
        self._arm()

    def _taken(self) -> list[tuple[RouterAtWork, Event]]:
        taken = list(self._queue)
        self._queue.clear()
        return taken

    def _carry_out(self, router: RouterAtWork, effect: Effect) -> None:
        self._news.note(router, effect)
        match effect:
            case SendAdvert(advertisement):
                self._send(router, advertisement)
            case Announce():
                if self._host is not None:
                    self._host.announce_again(router.name)
            case Finished():
                self._ended(router)

    def _send(self, router: RouterAtWork, advertisement: Advertisement) -> None:
        sent_at_s = self._clock()
        why = self._ports.say(router, advertisement)
        self._queue.append((router, SendFailed(why) if why else AdvertSent(advertisement, sent_at_s)))

    def _ended(self, router: RouterAtWork) -> None:
        if not self._stopping:
            del self.routers[router.name]
            self._new = [each for each in self._new if each is not router]
            self._leaving.discard(router.name)
            self._deadlines.set(router.name, None)
            plan = self._successors.pop(router.name, None)
            if plan is None:
                self._news.deleted(router)
            else:
                # The host tells of a name when something changes, and that is known already.
                self._add(plan).unfit_host = router.unfit_host
            self._open_ports()
            self._start_new()
            return
        router.ended = True
        self._finish_when_all_ended()

    def _finish_when_all_ended(self) -> None:
        if all(each.ended for each in self.routers.values()) and not self._finished.done():
            self._kernel.apply()  # what is kept for the next agent is kept to its last deadline
            result = kernel_effects.Finished(0, Reason.STOPPING, "every virtual router has ended")
            self._finished.set_result(result)

    def _arm(self) -> None:
        if self._host is None:
            return
        at_s = min(self._deadlines.first_s(), self._kernel.due_s)
        if self._timer is not None:
            if self._timer_s <= at_s:
                return  # it rings early, and is set anew then
            self._timer.cancel()
            self._timer = None
        if at_s < NEVER_S:
            self._timer_s = at_s
            delay_s = max(0.0, at_s - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._guarded, self._time_passed)
