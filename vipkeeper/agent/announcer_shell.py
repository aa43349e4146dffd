"""Beside an election: says by VRRP what the store has decided, and hears who else speaks.

Rules of this file: it decides nothing, and changes nothing in the kernel; no advertisement leaves after the
lease's deadline, however late this process runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.agent.vrrp_announcer import AnnouncerAtWork
from vipkeeper.agent.vrrp_ground import VrrpGround
from vipkeeper.agent.vrrp_neighbours import Neighbours
from vipkeeper.agent.vrrp_plan import RouterPlan
from vipkeeper.agent.vrrp_ports import RouterPorts
from vipkeeper.agent.vrrp_report import router_reports
from vipkeeper.config.schema import Config
from vipkeeper.election.effects import Holding
from vipkeeper.model.agent_report import RouterReport
from vipkeeper.model.host import Link
from vrrp_compat.router.announcer_events import AnnouncerEvent, LeaseGiven, LeaseOver, LeftToNobody
from vrrp_compat.router.effects import Announce, Decided, Effect, Noticed, SendAdvert
from vrrp_compat.router.events import (
    AdvertHeard,
    AdvertSent,
    FitnessChanged,
    Reconfigured,
    SendFailed,
    TimePassed,
)
from vrrp_compat.sockets.raw_ports import RawPorts
from vrrp_compat.wire.advertisement import PRIORITY_LEAVING, Advertisement, Datagram


class AnnouncerShell:
    """All VIPs of this host that announce their owner. `guarded`: run it; what it raises stands all down."""

    def __init__(
        self,
        config: Config,
        directory: RunDirectory,
        host: HostShell,
        *,
        guarded: Callable[[Callable[[], None]], None],
    ) -> None:
        self._host = host
        self._guarded = guarded
        self._speakers: dict[str, AnnouncerAtWork] = {}
        self._held: Mapping[str, Holding] = {}
        self._ground = VrrpGround(config, directory, changed=self._replan)
        self._neighbours = Neighbours(boot_s)
        self._ports = RouterPorts(RawPorts(), self._hear, self._neighbours.stray)
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ended = False

    async def begin(self) -> None:
        """Know the peers' names; ports are opened when the links are told, and `hold` tells what is held."""
        await self._ground.know_names()
        self._tasks = self._ground.watch(self._speakers)

    def hold(self, held: Mapping[str, Holding]) -> None:
        """See `Herald.hold`. What is kept for a restart that the store has not confirmed is not said."""
        self._held = held
        for speaker in self._speakers.values():
            self._tell_lease(speaker)
        self._arm()

    def released(self, unit: str, successor: str | None) -> None:
        """See `Herald.released`. A named successor speaks within milliseconds."""
        for speaker in self._speakers.values():
            if speaker.plan.owned_as == unit and successor is None:
                self._step(speaker, LeftToNobody())

    def looked(self, links: Mapping[str, Link]) -> None:
        """A fresh reading of the links; what follows comes later, between two rounds."""
        self._ground.links = links
        asyncio.get_running_loop().call_soon(self._guarded, self._replan)

    def reconfigure(self, config: Config) -> None:
        """Go on with this configuration."""
        self._ground.reconfigure(config)
        asyncio.get_running_loop().call_soon(self._guarded, self._replan)

    def reports(self) -> tuple[RouterReport, ...]:
        """Each VIP that announces its owner."""
        return router_reports(self._speakers.values(), boot_s())

    def end(self) -> None:
        """Say and hear no more."""
        self._ended = True
        self._ground.keep_sequences(self._speakers)
        for task in self._tasks:
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._ports.close()
        self._ground.close()
        self._speakers.clear()

    def _replan(self) -> None:
        if self._ended:
            return
        plans = {plan.unit.name: plan for plan in self._ground.plans()}
        for name, speaker in list(self._speakers.items()):
            plan = plans.get(name)
            if plan is None or plan.fixed != speaker.plan.fixed:
                del self._speakers[name]  # it falls silent: nobody has given the VIP up
        new, changed = self._take_over(plans.values())
        self._open_ports()
        for speaker in changed:
            self._step(speaker, Reconfigured(speaker.plan.router))
        for speaker in new:
            self._tell_lease(speaker)
        self._arm()

    def _take_over(self, plans: Iterable[RouterPlan]) -> tuple[list[AnnouncerAtWork], list[AnnouncerAtWork]]:
        """Take these plans; whose VIP did not announce its owner before, and who says something else now."""
        new, changed = [], []
        for plan in plans:
            name = plan.unit.name
            speaker = self._speakers.get(name)
            if speaker is None:
                speaker = self._speakers[name] = AnnouncerAtWork(plan, self._ground.sequence(name))
                new.append(speaker)
                continue
            if plan.router != speaker.plan.router:
                changed.append(speaker)
            if plan.group != speaker.plan.group:
                new.append(speaker)  # owned under another name, whose lease it is to be told
            speaker.plan = plan
        return new, changed

    def _open_ports(self) -> None:
        refused = self._ports.want([speaker.plan for speaker in self._speakers.values()])
        for speaker in self._speakers.values():
            speaker.refused_port = refused.get(speaker.name, "")
            mute = speaker.mute
            if mute != speaker.told_mute:
                speaker.told_mute = mute
                reason, detail = mute or (None, "")
                self._step(speaker, FitnessChanged(reason, detail))

    def _tell_lease(self, speaker: AnnouncerAtWork) -> None:
        holding = self._held.get(speaker.plan.owned_as)
        until_s = None if holding is None else holding.deadline_s
        self._step(speaker, LeaseOver() if until_s is None else LeaseGiven(until_s))

    def _hear(self, name: str, datagram: Datagram) -> None:
        speaker = self._speakers[name]
        verdict = self._neighbours.judge(speaker, datagram)
        if verdict is not None:
            self._guarded(partial(self._heard, speaker, AdvertHeard(verdict.advertisement, datagram.source)))

    def _heard(self, speaker: AnnouncerAtWork, event: AdvertHeard) -> None:
        self._step(speaker, event)
        self._arm()

    def _time_passed(self) -> None:
        self._timer = None
        for speaker in self._speakers.values():
            due_s = speaker.machine.next_deadline()
            if due_s is not None and due_s <= boot_s():
                self._step(speaker, TimePassed())
        self._arm()

    def _step(self, speaker: AnnouncerAtWork, event: AnnouncerEvent) -> None:
        for effect in speaker.machine.step(event, boot_s()):
            self._carry_out(speaker, effect)

    def _carry_out(self, speaker: AnnouncerAtWork, effect: Effect) -> None:
        match effect:
            case SendAdvert(advertisement):
                self._send(speaker, advertisement)
            case Announce():
                self._host.announce_again(speaker.plan.owned_as)
            case Decided() | Noticed():
                speaker.tell(effect)

    def _send(self, speaker: AnnouncerAtWork, advertisement: Advertisement) -> None:
        sent_at_s = boot_s()
        if advertisement.priority != PRIORITY_LEAVING and not speaker.machine.may_speak(sent_at_s):
            return
        why = self._ports.say(speaker, advertisement)
        self._step(speaker, SendFailed(why) if why else AdvertSent(advertisement, sent_at_s))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = [speaker.machine.next_deadline() for speaker in self._speakers.values()]
        at_s = min((each for each in due if each is not None), default=None)
        if at_s is not None:
            delay_s = max(0.0, at_s - boot_s())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._guarded, self._time_passed)
