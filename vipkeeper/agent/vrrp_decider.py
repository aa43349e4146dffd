"""Decisions by VRRP, without a store: the virtual routers of this host, and what they stand on.

Rules of this file: it wires them for one agent, and decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.counts import Counts
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.logs import log
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.agent.virtual_mac_places import VirtualMacPlaces, placed_units
from vipkeeper.agent.vrrp_ground import VrrpGround
from vipkeeper.agent.vrrp_plan import RouterPlan
from vipkeeper.agent.vrrp_report import vrrp_report
from vipkeeper.agent.vrrp_shell import VrrpShell
from vipkeeper.config.schema import Config
from vipkeeper.election.effects import Finished
from vipkeeper.election.events import Event
from vipkeeper.model.agent_report import Report
from vipkeeper.model.errors import ProgrammingError
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import Link
from vipkeeper.model.version import VERSION
from vipkeeper.model.vips import Unit
from vrrp_compat.sockets.raw_ports import RawPorts


class VrrpDecider:
    """Implements `Decider`."""

    def __init__(self, config: Config, directory: RunDirectory) -> None:
        self._config = config
        self._finished: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()
        self._macs = VirtualMacPlaces(directory.vrrp_settings)
        self._ground = VrrpGround(config, directory, changed=self._replan)
        self._shell = VrrpShell(
            RawPorts(), clock=boot_s, finished=self._finished, sequence_of=self._ground.sequence
        )
        self._plans: tuple[RouterPlan, ...] = ()

    def units(self) -> tuple[Unit, ...]:
        """See `Decider.units`."""
        return placed_units(self._config)

    def prepare(self) -> None:
        """See `Decider.prepare`: virtual MACs."""
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
        await self._ground.know_names()
        tasks = [asyncio.create_task(host.run(), name="host")]
        asides = self._ground.watch(self._shell.routers)
        try:
            self._plans = self._ground.plans()
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
            self._ground.keep_sequences(self._shell.routers)
            for task in (*tasks, *asides):
                task.cancel()
            await asyncio.gather(*tasks, *asides, return_exceptions=True)

    def stop(self, *, keep: bool) -> None:
        """See `Decider.stop`."""
        self._shell.stop(keep=keep)

    def reconfigure(self, config: Config) -> None:
        """See `Decider.reconfigure`."""
        before, self._config = self._config, config
        self.prepare()
        self._ground.reconfigure(config)
        self._replan()
        self._macs.let_go(before)

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
        self._ground.close()
        self._macs.close(keep=keep)

    def _replan(self) -> None:
        plans = self._ground.plans()
        if plans == self._plans:
            return
        self._plans = plans
        self._shell.replan(plans, self.units())

    @staticmethod
    def _warn(fence: FenceKind) -> None:
        if fence is FenceKind.LIFETIME:
            message = (
                "the kernel ends a VIP in whole seconds here, so after a kill of this agent it may answer "
                "beside the next master for up to 3 s; allow the fences bpf and nftables"
            )
            log(logging.WARNING, "fence", message)


def _text(report: Report, counts: Counts, labels: Mapping[str, str]) -> bytes:
    from vipkeeper.agent.metrics_text import metrics_text

    return metrics_text(report, counts, labels)
