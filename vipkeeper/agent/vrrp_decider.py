"""Decisions by VRRP, without a store: the virtual routers of this host, and what they stand on.

Rules of this file: it wires them for one agent, and decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from vipkeeper.agent.asides import aside
from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.counts import Counts
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.logs import log
from vipkeeper.agent.peer_names import Peer, PeerNames
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.agent.vrrp_holds import KeptHolds
from vipkeeper.agent.vrrp_plan import RouterPlan, plan_router, virtual_mac, vrrp_units
from vipkeeper.agent.vrrp_report import vrrp_report
from vipkeeper.agent.vrrp_shell import VrrpShell
from vipkeeper.agent.vrrp_sources import find_sources
from vipkeeper.config.schema import Config
from vipkeeper.config.vrrp_rules import advertised_version
from vipkeeper.election.effects import Finished
from vipkeeper.election.events import Event
from vipkeeper.kernel.input_rules import InputRules
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.virtual_mac import VirtualMac, VirtualMacs
from vipkeeper.model.agent_report import Report
from vipkeeper.model.errors import KernelRefused, ProgrammingError, VipkeeperError
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import Link
from vipkeeper.model.version import VERSION
from vipkeeper.model.vips import Unit
from vrrp_compat.sockets.raw_ports import RawPorts
from vrrp_compat.sockets.vrid_finder import find_vrids
from vrrp_compat.wire.authentication import AuthKind

_NETLINK_ROUTE = 0
_SEQUENCES_KEPT_EVERY_S = 5.0


class VrrpDecider:
    """Implements `Decider`."""

    def __init__(self, config: Config, directory: RunDirectory) -> None:
        self._config = config
        self._directory = directory
        self._finished: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()
        self._netlink = NetlinkSocket(_NETLINK_ROUTE)
        self._macs: VirtualMacs | None = None
        self._told_macs: dict[str, str] = {}  # by interface: what was said of it
        self._names = PeerNames(self._replan)
        known = directory.ah_sequences()
        self._holds = KeptHolds(directory.vrrp_holds, directory.incarnation)
        self._input_rules = InputRules()
        self._shell = VrrpShell(
            RawPorts(),
            clock=boot_s,
            finished=self._finished,
            sequence_of=lambda name: known.get(name, 0),
            holds=self._holds,
            silence=self._input_rules,
        )
        self._reloading: asyncio.Task[None] | None = None
        self._census_due = asyncio.Event()
        self._census_due.set()
        self._links: Mapping[str, Link] = {}
        self._plans: tuple[RouterPlan, ...] = ()
        self._planned_from: tuple[Config, dict[str, bytes | None], dict[Peer, bytes]] | None = None

    def units(self) -> tuple[Unit, ...]:
        """See `Decider.units`."""
        return vrrp_units(self._config)

    def prepare(self) -> None:
        """See `Decider.prepare`: virtual MACs; and whether `accept = false` can be kept here."""
        if any(not vip.vrrp.accept for vip in self._config.vip.values()):
            self._input_rules.require()
        wanted = self._virtual_macs()
        if self._macs is None:
            if not wanted:
                return
            self._macs = VirtualMacs(self._directory.vrrp_settings)
        for virtual, found in self._macs.ensure(wanted).items():
            if found.note and self._told_macs.get(virtual.interface) != found.note:
                log(logging.WARNING, "virtual-mac", found.note, vip=wanted[virtual])
            self._told_macs[virtual.interface] = found.note

    def looked(self, links: Mapping[str, Link]) -> None:
        """See `Decider.looked`: where this host speaks from may have changed.

        What follows from that comes later: the host's shell is in the middle of its own work.
        """
        before, self._links = self._links, links
        self._shell.later(partial(self._follow_links, before))

    def _follow_links(self, before: Mapping[str, Link]) -> None:
        ours = {name for plan in self._plans for name in (plan.base, *plan.interfaces)}
        if any(_index(before, name) != _index(self._links, name) for name in ours):
            self.prepare()
        self._replan()
        self._shell.check_ports()

    def post(self, event: Event) -> None:
        """See `Decider.post`."""
        self._shell.post(event)

    async def run(self, host: HostShell, ready: Callable[[], None]) -> Finished:
        """See `Decider.run`."""
        self._host = host
        self._warn(host.fence())
        await self._names.know(_listed_names(self._config))
        tasks = [asyncio.create_task(host.run(), name="host")]
        asides = [
            aside(self._names.keep_current(), "peer-names"),
            aside(self._keep_sequences(), "ah-sequences"),
            aside(self._take_census(), "vrid-census"),
        ]
        try:
            self._plans = self._plan()
            self._shell.begin(host, self._plans)
            ready()
            ends: list[asyncio.Future[Any]] = [self._finished, *tasks]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
                    raise ProgrammingError(f"the {task.get_name()} task ended by itself")
            return self._finished.result()
        finally:
            self._write_sequences()
            reloading = () if self._reloading is None else (self._reloading,)
            for task in (*tasks, *asides, *reloading):
                task.cancel()
            await asyncio.gather(*tasks, *asides, *reloading, return_exceptions=True)

    def stop(self, *, keep: bool) -> None:
        """See `Decider.stop`."""
        self._shell.stop(keep=keep)

    def reconfigure(self, config: Config) -> None:
        """See `Decider.reconfigure`."""
        listed = _listed_names(config)
        if self._reloading is not None:
            self._reloading.cancel()
        if self._names.knows(listed):
            self._follow(config)
        else:
            self._reloading = asyncio.create_task(self._follow_when_known(config, listed))

    async def _follow_when_known(self, config: Config, listed: tuple[Peer, ...]) -> None:
        """A router that knew nobody for a moment would give its VIP up."""
        await self._names.know(listed)
        self._shell.later(partial(self._follow, config))

    def _follow(self, config: Config) -> None:
        before, obeyed = self._virtual_macs(), self._config
        self._config = config
        try:
            self.prepare()
        except KernelRefused as refused:
            self._config = obeyed
            log(logging.ERROR, "reload-refused", f"{refused}; the virtual routers go on as they were")
            return
        self._names.listed = _listed_names(config)
        self._replan()
        if self._macs is not None:
            self._macs.remove([virtual for virtual in before if virtual not in self._virtual_macs()])
        self._census_due.set()

    def report(self, *, with_records: bool) -> Report:
        """See `Decider.report`."""
        return vrrp_report(self._config, self._shell.routers.values(), boot_s())

    def scrape(self) -> Callable[[], bytes]:
        """See `Decider.scrape`."""
        config = self._config
        labels = {
            "version": VERSION,
            "node": config.node,
            "cluster": config.cluster,
            "backend": config.backend,
            "fence": self._host.fence().value,
        }
        decisions = self._shell.decisions
        counts = Counts({(state.value.lower(), reason.value): n for (state, reason), n in decisions.items()})
        return partial(_text, self.report(with_records=False), counts, labels)

    def end(self) -> None:
        """See `Decider.end`."""
        self._shell.end()

    def clear_away(self, *, keep: bool) -> None:
        """See `Decider.clear_away`: the virtual MACs."""
        self._netlink.close()
        self._holds.close()
        self._input_rules.close(keep=keep)
        if self._macs is not None:
            self._macs.close(keep=keep)

    def _virtual_macs(self) -> dict[VirtualMac, str]:
        """Those that the configuration asks for, each with its VIP."""
        vips = self._config.vip.items()
        return {virtual: name for name, vip in vips if (virtual := virtual_mac(vip)) is not None}

    def _replan(self) -> None:
        plans = self._plan()
        if plans == self._plans:
            return
        self._plans = plans
        self._shell.replan(plans, self.units())

    def _plan(self) -> tuple[RouterPlan, ...]:
        config, names = self._config, self._names.known
        sources = find_sources(self._netlink, config, self._links, names)
        known = self._planned_from
        if known is not None and known[0] is config and known[1:] == (sources, names):
            return self._plans  # each look asks, and planning 255 virtual routers takes 25 ms
        self._planned_from = (config, sources, dict(names))
        return tuple(plan_router(config, unit, sources[unit.name], names) for unit in self.units())

    @staticmethod
    def _warn(fence: FenceKind) -> None:
        if fence is FenceKind.LIFETIME:
            message = (
                "the kernel ends a VIP in whole seconds here, so after a kill of this agent it may answer "
                "beside the next master for up to 3 s; allow the fences bpf and nftables"
            )
            log(logging.WARNING, "fence", message)

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

    async def _keep_sequences(self) -> None:
        while True:
            await asyncio.sleep(_SEQUENCES_KEPT_EVERY_S)
            self._write_sequences()

    def _write_sequences(self) -> None:
        numbers = {
            name: router.sequence.highest
            for name, router in self._shell.routers.items()
            if router.plan.authentication.kind is AuthKind.AH
        }
        if not numbers:
            return
        try:
            self._directory.keep_ah_sequences(numbers)
        except OSError as error:
            log(logging.WARNING, "ah-sequences", f"cannot be kept for the next agent: {error.strerror}")


def _listed_names(config: Config) -> tuple[Peer, ...]:
    return tuple(
        (peer, advertised_version(vip))
        for vip in config.vip.values()
        for peer in vip.vrrp.unicast_peers or ()
    )


def _index(links: Mapping[str, Link], name: str) -> int:
    link = links.get(name)
    return 0 if link is None else link.index


def _text(report: Report, counts: Counts, labels: Mapping[str, str]) -> bytes:
    from vipkeeper.agent.metrics_text import metrics_text

    return metrics_text(report, counts, labels)
