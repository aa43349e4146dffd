"""Decisions by leases in a store: the election, the store, the other nodes.

Rules of this file: it wires them for one agent, and decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from vipkeeper.agent.agent_metrics import take_scrape
from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.counts import Counts
from vipkeeper.agent.election_shell import ElectionShell, read_now
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.logs import log
from vipkeeper.agent.peer_address import find_own_address
from vipkeeper.agent.peer_shell import PeerShell
from vipkeeper.agent.revision_memory import RevisionMemory
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.agent.state_teller import StateTeller
from vipkeeper.agent.store_changes import StoreChanges
from vipkeeper.agent.store_shell import StoreShell
from vipkeeper.agent.store_upkeep import look_after_store
from vipkeeper.agent.stores import open_store, store_hosts
from vipkeeper.agent.tasks import aside, until_finished
from vipkeeper.agent.virtual_mac_places import VirtualMacPlaces, placed_units
from vipkeeper.config.consequences import build_timing, build_units, config_digest
from vipkeeper.config.peer_address import PeerAddress
from vipkeeper.config.schema import Config
from vipkeeper.election.effects import Finished
from vipkeeper.election.events import Event, Reconfigured, StopRequested
from vipkeeper.election.machine import Election
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.model.agent_report import Report, TrackReport
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import Link
from vipkeeper.model.records import Keys
from vipkeeper.model.version import VERSION
from vipkeeper.model.vips import Unit
from vipkeeper.notify.notifier import Notifier

if TYPE_CHECKING:
    from vipkeeper.agent.announcer_shell import AnnouncerShell


class StoreDecider:
    """Implements `Decider`."""

    def __init__(self, config: Config, directory: RunDirectory, notifier: Notifier) -> None:
        self._config = config
        self._directory = directory
        self._started_s = boot_s()
        self._process = os.urandom(6).hex()
        self._secret = os.urandom(32).hex()
        self._finished: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()
        self._changes = StoreChanges(StateTeller(notifier.hear))
        self._shell = ElectionShell(
            pin_cluster=self._pin_cluster, finished=self._finished, changes=self._changes
        )
        self._notifier = notifier
        self._macs = VirtualMacPlaces(directory.vrrp_settings)
        self._links: Mapping[str, Link] = {}
        self._announcers: AnnouncerShell | None = None
        self._beginning: asyncio.Task[None] | None = None  # to announce, since a reload

    def units(self) -> tuple[Unit, ...]:
        """See `Decider.units`."""
        return placed_units(self._config)

    def prepare(self) -> None:
        """See `Decider.prepare`: virtual MACs; other interfaces are made by others."""
        self._macs.want(self._config)

    def looked(self, links: Mapping[str, Link]) -> None:
        """See `Decider.looked`: what the election has to know of them is posted.

        What follows for virtual MACs comes later: the host's shell is in the middle of its own work.
        """
        self._links = links
        if self._macs.looked(links):
            asyncio.get_running_loop().call_soon(self._shell.guarded, self._macs.follow_links)
        if self._announcers is not None:
            self._announcers.looked(links)

    def post(self, event: Event) -> None:
        """See `Decider.post`."""
        self._shell.post(event)

    async def run(self, host: HostShell, ready: Callable[[], None]) -> Finished:
        """See `Decider.run`: host, store and election until one of them ends."""
        self._host = host
        self._own_address = await self._find_address()
        settings = self._settings(self._config, host.fence())
        self._changes.take_units(settings.units)
        election = self._election = Election(settings, read_now())
        self._store = StoreShell(
            open_store(self._config),
            settings.keys.prefix,
            settings.timing,
            revision=lambda: election.revision,
            post=self._shell.post,
        )
        peers = self._peers = PeerShell(
            self._own_address,
            keys=lambda: election.shared_keys(boot_s()),
            keep=self._directory.keep_promises,
            post=self._shell.post,
        )
        tasks = [
            asyncio.create_task(self._store.follow(), name="store"),
            asyncio.create_task(peers.run(), name="peers"),
            asyncio.create_task(host.run(), name="host"),
        ]
        memory = RevisionMemory(self._directory, self._config, lambda: election.revision_to_keep(read_now()))
        asides = [
            aside(memory.run(), "revision-memory"),
            aside(look_after_store(self._store.examine), "upkeep"),
        ]
        try:
            await self._announce_if_asked()
            self._shell.begin(election, host, self._store, peers)
            ready()
            return await until_finished(self._finished, tasks)
        finally:
            memory.keep()
            for task in (*tasks, *asides):
                task.cancel()
            await asyncio.gather(*tasks, *asides, return_exceptions=True)
            peers.close()
            await self._store.close()

    def stop(self, *, keep: bool) -> None:
        """See `Decider.stop`."""
        self._shell.post(StopRequested(keep))

    def reconfigure(self, config: Config) -> None:
        """See `Decider.reconfigure`."""
        before, self._config = self._config, config
        self.prepare()
        settings = self._settings(config, self._host.fence())
        self._store.timing = settings.timing
        self._changes.take_units(settings.units)
        self._shell.post(Reconfigured(settings))
        # By then the election has let go of what stood on them.
        asyncio.get_running_loop().call_soon(self._shell.guarded, partial(self._macs.let_go, before))
        if self._announcers is not None:
            self._announcers.reconfigure(config)
        elif self._beginning is None or self._beginning.done():
            self._beginning = aside(self._announce_if_asked(), "announcers")

    def report(self, *, with_records: bool) -> Report:
        """See `Decider.report`."""
        report = self._election.report(read_now(), with_records=with_records)
        if self._announcers is None:
            return report
        return replace(report, routers=self._announcers.reports())

    def scrape(self, tracks: tuple[TrackReport, ...]) -> Callable[[], bytes]:
        """See `Decider.scrape`."""
        peers, decisions = self._peers, self._shell.decisions
        counts = Counts(
            decisions={(role.value, reason.value): n for (role, reason), n in decisions.items()},
            promises_given=peers.promised,
            refusals=dict(peers.refused),
            dropped=dict(peers.dropped),
            told=self._notifier.counts(),
        )
        report = replace(self.report(with_records=False), tracks=tracks)
        return take_scrape(self._config, self._host.fence(), report, counts)

    def end(self) -> None:
        """See `Decider.end`."""
        self._shell.end()
        if self._announcers is not None:
            self._announcers.end()

    def clear_away(self, *, keep: bool) -> None:
        """See `Decider.clear_away`: the virtual MACs."""
        self._macs.close(keep=keep)

    async def _announce_if_asked(self) -> None:
        """An agent whose VIPs do not speak VRRP does not load it."""
        if not any(vip.announce_vrrp for vip in self._config.vip.values()):
            return
        from vipkeeper.agent.announcer_shell import AnnouncerShell

        guarded = self._shell.guarded
        announcers = AnnouncerShell(self._config, self._directory, self._host, guarded=guarded)
        await announcers.begin()
        self._announcers = announcers
        announcers.reconfigure(self._config)
        announcers.looked(self._links)
        self._shell.follow(announcers)

    async def _find_address(self) -> PeerAddress | None:
        config = self._config
        if config.failsafe == "off":
            return None
        if config.failsafe_address is not None:
            return PeerAddress.parse(config.failsafe_address)
        vips = {vip.address for unit in build_units(config) for vip in unit.addresses}
        own = await find_own_address(store_hosts(config), vips)
        if own is None:
            message = (
                "the other nodes cannot ask this one for promises, because its address towards the store is "
                "not known or is loopback; a store outage would take down every VIP. Set failsafe_address"
            )
            log(logging.WARNING, "failsafe", message)
        return own

    def _settings(self, config: Config, fence: FenceKind) -> ElectionSettings:
        return ElectionSettings(
            node=config.node,
            host=socket.gethostname(),
            incarnation=self._directory.incarnation,
            process=self._process,
            keys=Keys(config.cluster),
            timing=build_timing(config),
            fence=fence,
            units=placed_units(config),
            address=str(self._own_address) if self._own_address is not None else "",
            secret=self._secret,
            earlier_promises=self._directory.promises(),
            pinned_cluster=self._directory.pinned_cluster(config.cluster),
            claims_from_s=self._started_s + config.startup_delay_s,
            forget_after_s=config.lease.forget_after_s,
            known_revision=self._directory.known_revision(config.backend, config.cluster),
            version=VERSION,
            config_digest=config_digest(config),
        )

    def _pin_cluster(self, cluster_id: str) -> None:
        self._directory.pin_cluster(self._config.cluster, cluster_id)
