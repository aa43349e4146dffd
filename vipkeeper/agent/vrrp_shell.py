"""Feeds the virtual routers, brings the kernel in line, sends what they say, keeps one timer.

Rules of this file: it decides nothing. The order in each round is fixed: what waits in the sockets, then
time; steps, then the kernel where something must leave it, then what is to be sent, then the kernel where
something may come. A hold that only grows may wait a little: the kernel then ends it too soon, never late.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping

from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.vrrp_holds import KeptHolds
from vipkeeper.agent.vrrp_kernel import RoutersInKernel, Silence
from vipkeeper.agent.vrrp_neighbours import Neighbours
from vipkeeper.agent.vrrp_plan import RouterPlan
from vipkeeper.agent.vrrp_ports import RouterPorts
from vipkeeper.agent.vrrp_router import RouterAtWork
from vipkeeper.agent.vrrp_tidings import tell_decision, tell_notice
from vipkeeper.election import effects as kernel_effects
from vipkeeper.election import events as kernel_events
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import Unit
from vrrp_compat.router.effects import Announce, Decided, Effect, Finished, Noticed, SendAdvert
from vrrp_compat.router.events import (
    AdvertHeard,
    AdvertSent,
    Event,
    FitnessChanged,
    Reconfigured,
    SendFailed,
    Started,
    StopRequested,
    TimePassed,
    Withdrawn,
)
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State
from vrrp_compat.sockets.segment_port import SegmentPorts
from vrrp_compat.wire.advertisement import Advertisement, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.discards import Discard
from vrrp_compat.wire.vrid_census import VridUse


class VrrpShell:
    """All virtual routers of this host. `sequence_of`: the AH number that an earlier process knew."""

    def __init__(
        self,
        ports: SegmentPorts,
        *,
        clock: Callable[[], float],
        finished: asyncio.Future[kernel_effects.Finished],
        sequence_of: Callable[[str], int],
        holds: KeptHolds,
        silence: Silence,
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
        self._timer_s = float("inf")
        self._due_s: dict[str, float] = {}  # by router: its next deadline
        self._successors: dict[str, RouterPlan] = {}  # plans that begin when a router has ended
        self._new: list[RouterAtWork] = []  # not started yet
        self._leaving: set[str] = set()  # told to end by replan()
        self._stopping = False
        self.routers: dict[str, RouterAtWork] = {}
        self._kernel = RoutersInKernel(self.routers, holds, silence)
        self.decisions: Counter[tuple[State, RouterReason]] = Counter()

    def begin(self, host: HostShell, plans: Iterable[RouterPlan]) -> None:
        """Everything is there: start the routers, those found in the kernel as what they were."""
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

    def _replace(self, router: RouterAtWork, plan: RouterPlan | None) -> None:
        """What comes after it, if anything, is what was wanted last."""
        if router.name not in self._leaving:
            self._leaving.add(router.name)
            self._queue.append((router, StopRequested()))
        self._successors.pop(router.name, None)
        if plan is not None:
            self._successors[router.name] = plan

    def _add(self, plan: RouterPlan) -> RouterAtWork:
        router = RouterAtWork(plan, AhSequence(self._sequence_of(plan.unit.name)))
        self.routers[router.name] = router
        self._new.append(router)
        return router

    def _start_new(self) -> None:
        """Once it is known what could keep them from serving."""
        assert self._host is not None  # noqa: S101 - begin() comes first
        for router in self._new:
            self._queue.append((router, Started(self._kernel.adoptable_until_s(router.name))))
        self._new.clear()

    def _open_ports(self) -> None:
        refused = self._ports.want([router.plan for router in self.routers.values()])
        for router in self.routers.values():
            router.refused_port = refused.get(router.name, "")
            self._tell_fitness(router)

    def _take(self, event: kernel_events.Event) -> None:
        match event:
            case kernel_events.FitnessChanged(units, reason, detail):
                for router in self._named(units):
                    router.unfit_host = None if reason is None else (RouterReason(reason.value), detail)
                    self._tell_fitness(router)
            case kernel_events.Withdrawn(units):  # told in the moment of the reading
                for router in self._named(units):
                    self._kernel.withdrawn(router)
                    self._queue.append((router, Withdrawn()))
            case _:
                pass  # what can be adopted is asked of the host; foreign announcements it answers itself

    def _named(self, names: Iterable[str]) -> list[RouterAtWork]:
        return [self.routers[name] for name in names if name in self.routers]

    def _tell_fitness(self, router: RouterAtWork) -> None:
        unfit = router.unfit
        if unfit != router.told_unfit:
            router.told_unfit = unfit
            reason, detail = unfit or (None, "")
            self._queue.append((router, FitnessChanged(reason, detail)))

    def _hear(self, name: str, datagram: Datagram) -> None:
        router = self.routers[name]
        verdict = router.judge(datagram)
        if isinstance(verdict, Discard):
            self._neighbours.discarded(router, datagram, verdict)
            return
        self._neighbours.accepted(router, datagram, verdict)
        self._queue.append((router, AdvertHeard(verdict.advertisement, datagram.source)))
        self._soon()

    def _soon(self) -> None:
        if self._scheduled is None and self._host is not None:
            self._scheduled = asyncio.get_running_loop().call_soon(self._guarded, self._round)

    def _time_passed(self) -> None:
        self._timer, self._timer_s = None, float("inf")
        self._ports.drain()
        now_s = self._clock()
        for name, due_s in self._due_s.items():
            if due_s <= now_s:
                self._queue.append((self.routers[name], TimePassed()))
        self._round()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - handed to the supervisor, which stands everything down
            self.end()
            if not self._finished.done():
                self._finished.set_exception(error)

    def _round(self) -> None:
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        while self._queue:
            asked = [(router, self._step(router, event)) for router, event in self._taken()]
            if self._kernel.must_leave():
                self._kernel.apply()
            for router, effects in asked:
                for effect in effects:
                    self._carry_out(router, effect)
        if self._kernel.due_s <= self._clock():
            self._kernel.apply()
        if self._queue:  # the kernel had something to say
            self._soon()
        self._arm()

    def _taken(self) -> list[tuple[RouterAtWork, Event]]:
        taken = list(self._queue)
        self._queue.clear()
        return taken

    def _step(self, router: RouterAtWork, event: Event) -> list[Effect]:
        now_s = self._clock()
        effects = router.machine.step(event, now_s)
        self._kernel.note(router, now_s)
        due_s = router.machine.next_deadline()
        if due_s is None:
            self._due_s.pop(router.name, None)
        else:
            self._due_s[router.name] = due_s
        return effects

    def _carry_out(self, router: RouterAtWork, effect: Effect) -> None:
        match effect:
            case SendAdvert(advertisement):
                self._send(router, advertisement)
            case Announce():
                if self._host is not None:
                    self._host.announce_again(router.name)
            case Decided(state, reason):
                self.decisions[state, reason] += 1
                router.became_master += state is State.MASTER and router.last_state is not State.MASTER
                router.last_state = state
                tell_decision(router.name, effect)
            case Noticed():
                tell_notice(router.name, effect)
            case Finished():
                self._ended(router)

    def _send(self, router: RouterAtWork, advertisement: Advertisement) -> None:
        """To everybody; what some did not get did not leave in time for them."""
        sent_at_s = self._clock()
        why = ""
        for datagram in router.datagrams(advertisement, int(time.time())):
            failed = self._ports.send(router.name, datagram)
            if failed is not None:
                why = failed.reason
        if why:
            self._queue.append((router, SendFailed(why)))
        else:
            router.count_sent(advertisement)
            self._queue.append((router, AdvertSent(advertisement, sent_at_s)))

    def _ended(self, router: RouterAtWork) -> None:
        if not self._stopping:
            del self.routers[router.name]
            self._leaving.discard(router.name)
            self._due_s.pop(router.name, None)
            plan = self._successors.pop(router.name, None)
            if plan is not None:
                # The host tells of a name when something changes, and that is known already.
                self._add(plan).unfit_host = router.unfit_host
            self._open_ports()
            self._start_new()
            return
        router.ended = True
        if all(each.ended for each in self.routers.values()) and not self._finished.done():
            self._kernel.apply()  # what is kept for the next agent is kept to its last deadline
            result = kernel_effects.Finished(0, Reason.STOPPING, "every virtual router has ended")
            self._finished.set_result(result)

    def _arm(self) -> None:
        if self._host is None:
            return
        at_s = min(self._due_s.values(), default=float("inf"))
        at_s = min(at_s, self._kernel.due_s)
        if self._timer is not None:
            if self._timer_s <= at_s:
                return  # it rings early, and is set anew then
            self._timer.cancel()
            self._timer = None
        if at_s < float("inf"):
            self._timer_s = at_s
            delay_s = max(0.0, at_s - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._guarded, self._time_passed)
