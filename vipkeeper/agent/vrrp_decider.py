"""Decisions by VRRP, without a store: the virtual routers of this host, and what they stand on.

Rules of this file: it wires them for one agent, and decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from vipkeeper.agent.agent_metrics import take_scrape
from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.counts import Counts
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.logs import log
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.agent.state_teller import StateTeller
from vipkeeper.agent.tasks import aside, until_finished
from vipkeeper.agent.virtual_mac_places import VirtualMacPlaces, placed_units
from vipkeeper.agent.vrrp_ground import VrrpGround
from vipkeeper.agent.vrrp_holds import KeptHolds
from vipkeeper.agent.vrrp_plan import RouterPlan, announce_every_s
from vipkeeper.agent.vrrp_report import vrrp_report
from vipkeeper.agent.vrrp_shell import VrrpShell
from vipkeeper.config.schema import Config
from vipkeeper.election.effects import Finished
from vipkeeper.election.events import Event
from vipkeeper.kernel.input_rules import InputRules
from vipkeeper.model.agent_report import Report, TrackReport
from vipkeeper.model.errors import KernelRefused, VipkeeperError
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import Link
from vipkeeper.model.vips import Unit
from vipkeeper.notify.notifier import Notifier
from vrrp_compat.sockets.raw_ports import RawPorts
from vrrp_compat.sockets.vrid_finder import find_vrids


class VrrpDecider:
    """Implements `Decider`."""

    def __init__(self, config: Config, directory: RunDirectory, notifier: Notifier) -> None:
        self._config = config
        self._finished: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()
        self._macs = VirtualMacPlaces(directory.vrrp_settings)
        self._ground = VrrpGround(config, directory, changed=self._replan)
        self._holds = KeptHolds(directory.vrrp_holds, directory.incarnation)
        self._input_rules = InputRules()
        self._shell = VrrpShell(
            RawPorts(),
            clock=boot_s,
            finished=self._finished,
            sequence_of=self._ground.sequence,
            holds=self._holds,
            silence=self._input_rules,
            teller=StateTeller(notifier.hear),
        )
        self._notifier = notifier
        self._reloading: asyncio.Task[None] | None = None
        self._census_due = asyncio.Event()
        self._census_due.set()
        self._plans: tuple[RouterPlan, ...] = ()

    def units(self) -> tuple[Unit, ...]:
        """See `Decider.units`."""
        return placed_units(self._config)

    def prepare(self) -> None:
        """See `Decider.prepare`: virtual MACs; and whether `accept = false` can be kept here."""
        if any(not vip.vrrp.accept for vip in self._config.vip.values()):
            self._input_rules.require()
        self._macs.want(self._config)

    def looked(self, links: Mapping[str, Link]) -> None:
        """See `Decider.looked`: where this host speaks from may have changed.

        What follows from that comes later: the host's shell is in the middle of its own work.
        """
        self._ground.links = links
        self._shell.later(partial(self._follow_links, moved=self._macs.looked(links)))

    def _follow_links(self, *, moved: bool) -> None:
        if moved:
            self._macs.follow_links()
        self._replan()
        self._shell.check_ports()

    def post(self, event: Event) -> None:
        """See `Decider.post`."""
        self._shell.post(event)

    async def run(self, host: HostShell, ready: Callable[[], None]) -> Finished:
        """See `Decider.run`."""
        self._host = host
        self._warn(host.fence())
        host.announce_every(announce_every_s(self._config))
        await self._ground.know_names()
        tasks = [asyncio.create_task(host.run(), name="host")]
        asides = [*self._ground.watch(self._shell.routers), aside(self._take_census(), "vrid-census")]
        try:
            self._plans = self._ground.plans()
            self._shell.begin(host, self._plans, self._config.startup_delay_s)
            ready()
            return await until_finished(self._finished, tasks)
        finally:
            self._ground.keep_sequences(self._shell.routers)
            reloading = () if self._reloading is None else (self._reloading,)
            for task in (*tasks, *asides, *reloading):
                task.cancel()
            await asyncio.gather(*tasks, *asides, *reloading, return_exceptions=True)

    def stop(self, *, keep: bool) -> None:
        """See `Decider.stop`."""
        self._shell.stop(keep=keep)

    def reconfigure(self, config: Config) -> None:
        """See `Decider.reconfigure`."""
        if self._reloading is not None:
            self._reloading.cancel()
        if self._ground.knows_names(config):
            self._follow(config)
        else:
            self._reloading = asyncio.create_task(self._follow_when_known(config))

    async def _follow_when_known(self, config: Config) -> None:
        """A router that knew nobody for a moment would give its VIP up."""
        await self._ground.know_names(config)
        self._shell.later(partial(self._follow, config))

    def _follow(self, config: Config) -> None:
        before, self._config = self._config, config
        try:
            self.prepare()
        except KernelRefused as refused:
            self._config = before
            log(logging.ERROR, "reload-refused", f"{refused}; the virtual routers go on as they were")
            return
        self._ground.reconfigure(config)
        self._replan()
        self._macs.let_go(before)
        self._host.announce_every(announce_every_s(config))
        self._census_due.set()

    def report(self, *, with_records: bool) -> Report:
        """See `Decider.report`."""
        return vrrp_report(self._config, self._shell.routers.values(), boot_s())

    def scrape(self, tracks: tuple[TrackReport, ...]) -> Callable[[], bytes]:
        """See `Decider.scrape`."""
        decisions = self._shell.decisions
        counts = Counts(
            {(state.value.lower(), reason.value): n for (state, reason), n in decisions.items()},
            told=self._notifier.counts(),
        )
        report = replace(self.report(with_records=False), tracks=tracks)
        return take_scrape(self._config, self._host.fence(), report, counts)

    def end(self) -> None:
        """See `Decider.end`."""
        self._shell.end()

    def clear_away(self, *, keep: bool) -> None:
        """See `Decider.clear_away`: the virtual MACs."""
        self._ground.close()
        self._holds.close()
        self._input_rules.close(keep=keep)
        self._macs.close(keep=keep)

    def _replan(self) -> None:
        plans = self._ground.plans()
        if plans == self._plans:
            return
        self._plans = plans
        self._shell.replan(plans, self.units())

    async def _take_census(self) -> None:
        """After a start and after each reload: whether a VRID of ours is used by others for something else.

        Unicast between others, and a master with an interval beyond a second, may go unheard.
        """
        while True:
            await self._census_due.wait()
            self._census_due.clear()
            places = sorted({plan.base for plan in self._plans})
            heard = await asyncio.gather(*map(find_vrids, places), return_exceptions=True)
            for place, uses in zip(places, heard, strict=True):
                # An interface that is not there is told of already.
                if not isinstance(uses, BaseException):
                    self._shell.tell_census(place, uses)
                elif not isinstance(uses, VipkeeperError):
                    raise uses

    @staticmethod
    def _warn(fence: FenceKind) -> None:
        if fence is FenceKind.LIFETIME:
            message = (
                "the kernel ends a VIP in whole seconds here, so after a kill of this agent it may answer "
                "beside the next master for up to 3 s; allow the fences bpf and nftables"
            )
            log(logging.WARNING, "fence", message)
