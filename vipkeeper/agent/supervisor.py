"""Runs one agent from lock to exit, and stands everything down when anything of ours fails.

Rules of this file: the only place that catches every exception; whatever happens, the kernel is left with
nothing that the store does not give us, unless a restart asked to keep it (and then the fence ends it).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import traceback
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from vipkeeper.agent.agent_metrics import with_director
from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.control_socket import serve_control
from vipkeeper.agent.decider import make_decider
from vipkeeper.agent.director_link import DirectorLink, director_plan
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.logs import log, set_up_logging
from vipkeeper.agent.metrics_server import serve_metrics
from vipkeeper.agent.notify_memory import NotifyMemory
from vipkeeper.agent.promoted_secondaries import PromotedSecondaries
from vipkeeper.agent.routing_shell import RoutingShell
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.agent.service_manager import notify, notify_reloading
from vipkeeper.agent.tasks import aside
from vipkeeper.agent.tracks_shell import TracksShell, make_files
from vipkeeper.config.consequences import allowed_fences, build_timing, reload_obstacles
from vipkeeper.config.mistakes import told_once
from vipkeeper.config.peer_address import parse_listen
from vipkeeper.config.routing_entries import routing_entries
from vipkeeper.config.rules import notices
from vipkeeper.config.schema import Config
from vipkeeper.config.timing_rules import judge_timing
from vipkeeper.config.vip_addresses import address_settings
from vipkeeper.election.effects import Finished
from vipkeeper.kernel.namespace_lock import NamespaceLock
from vipkeeper.kernel.netlink_host import NetlinkHost
from vipkeeper.kernel.netlink_routing import NetlinkRouting
from vipkeeper.kernel.routing_tables import read_table_names
from vipkeeper.model.agent_report import Report
from vipkeeper.model.errors import ConfigError, ProgrammingError, VipkeeperError
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import Link
from vipkeeper.model.reasons import Reason
from vipkeeper.model.server_changes import ServerChange
from vipkeeper.notify.notifier import Notifier
from vipkeeper.notify.once import run_once

if TYPE_CHECKING:
    from vipkeeper.model.balancing import BalancingPlan

_SETTLED_AFTER_S = 5.0  # the first lease is written by then; collecting takes 15 ms


def run_agent(config: Config, reload: Callable[[], Config]) -> int:
    """Run until told to stop; the exit code. Raises VipkeeperError for what stops it at the start."""
    set_up_logging(config.log.format, config.log.level)
    with closing(RunDirectory(config.run_dir)) as directory, closing(NamespaceLock()):
        directory.require_cluster(config.cluster)
        return asyncio.run(_Agent(config, reload, directory).run())


def _freeze_memory() -> None:
    """What lives by now lives for ever: no pause of the collector walks it again."""
    gc.collect()
    gc.freeze()
    gc.enable()


class _Agent:
    def __init__(self, config: Config, reload: Callable[[], Config], directory: RunDirectory) -> None:
        self._config = config
        self._reload = reload
        self._directory = directory
        self._keeping = False

    async def run(self) -> int:
        """What is told begins before anything is decided, and ends when nothing is held any more."""
        await self._run_startup()
        memory = NotifyMemory(self._directory)
        plan = director_plan(self._config)
        self._notifier = Notifier(self._config, plan, log, clock=boot_s, memory=memory)
        kept = False
        try:
            exit_code = await self._serve(plan)
            kept = self._keeping and exit_code == 0
            return exit_code
        finally:
            await self._notifier.end(keep=kept)
            if not kept:
                await self._run_shutdown()

    async def _run_startup(self) -> None:
        """Not for an agent that goes on where another one was killed or left: the lease does not wait."""
        if not self._directory.has_begun:
            scripts = self._config.scripts
            limit_s = scripts.startup_timeout_s
            await run_once("startup", scripts.startup, scripts, timeout_s=limit_s, say=log)
            try:
                self._directory.begin()
            except OSError as error:
                log(logging.WARNING, "begun", f"cannot be kept for the next agent: {error.strerror}")

    async def _run_shutdown(self) -> None:
        scripts = self._config.scripts
        limit_s = scripts.shutdown_timeout_s
        await run_once("shutdown", scripts.shutdown, scripts, timeout_s=limit_s, say=log)
        self._directory.end()

    async def _serve(self, plan: BalancingPlan | None) -> int:
        self._director = DirectorLink(self._config.run_dir, self._hear_server, clock=boot_s)
        kept = False
        try:
            make_files(self._config, starts=True)
            self._director.want(self._config, plan)  # it starts while all else does
            exit_code = await self._keep_vips()
            kept = self._keeping and exit_code == 0
            return exit_code
        finally:
            await self._director.end(keep=kept)  # the VIPs have gone first

    def _hear_server(self, change: ServerChange) -> None:
        """The director has written it to the log."""
        self._notifier.hear_server(change)

    async def _keep_vips(self) -> int:
        self._decider = make_decider(self._config, self._directory, self._notifier)
        self._decider.prepare()
        self._promoted = PromotedSecondaries(self._directory.promote_settings)
        self._promoted.want(self._config)
        self._routing = RoutingShell(
            NetlinkRouting(), routing_entries(self._config, read_table_names()), boot_s
        )
        self._host = HostShell(
            NetlinkHost(boot_s),
            self._decider.units(),
            self._decider.post,
            allowed=allowed_fences(self._config),
            clock=boot_s,
            looked=self._looked,
            comes=self._director.comes,
            stands=self._stand,
            settings=address_settings(self._config),
        )
        self._tracks = TracksShell(self._host, self._decider.post, boot_s)
        kept = False
        try:
            fence = self._host.start()
            self._tracks.want(self._config)
            self._introduce(fence)
            end = await self._decide()
            kept = self._keeping
            return self._say_goodbye(end)
        except VipkeeperError as error:
            if not isinstance(error, ProgrammingError):
                raise
            return self._stand_down(error)
        except Exception as error:  # noqa: BLE001 - the one place: nothing may leave a VIP behind
            return self._stand_down(error)
        finally:
            notify("STOPPING=1")
            self._decider.end()
            self._host.close(keep=kept)
            self._routing.close(keep=kept)
            self._promoted.close(keep=kept)
            self._decider.clear_away(keep=kept)
            await self._tracks.close()  # last: nothing in the kernel waits for a script

    def _looked(self, links: Mapping[str, Link]) -> None:
        self._promoted.looked(links.keys())
        self._decider.looked(links)
        self._tracks.looked(links)

    def _stand(self, addresses: Set[str]) -> None:
        self._routing.stand(addresses)
        self._director.stand(addresses)

    async def _decide(self) -> Finished:
        windows: list[asyncio.Task[None]] = []

        def ready() -> None:
            windows.extend(self._windows())
            self._listen_for_signals()
            notify("READY=1")
            # Virtual routers listen first; later they would be deaf meanwhile, for 40 ms on a busy machine.
            settled_after_s = 0.0 if self._config.backend == "vrrp" else _SETTLED_AFTER_S
            asyncio.get_running_loop().call_later(settled_after_s, _freeze_memory)

        try:
            return await self._decider.run(self._host, ready)
        finally:
            for window in windows:
                window.cancel()
            await asyncio.gather(*windows, return_exceptions=True)

    def _windows(self) -> Iterator[asyncio.Task[None]]:
        """What lets people and programs see into this agent."""
        config = self._config
        control = serve_control(Path(config.run_dir), self._report)
        yield aside(control, "control")
        yield aside(self._routing.run(), "routing")
        if config.metrics.listen is not None and (own := parse_listen(config.metrics.listen)) is not None:
            yield aside(serve_metrics(own, self._scrape), "metrics")

    async def _scrape(self) -> Callable[[], bytes]:
        seen = await self._director.scrape()
        return with_director(self._decider.scrape(self._tracks.report()), seen)

    def _report(self) -> Report:
        report = self._decider.report(with_records=True)
        return replace(report, tracks=self._tracks.report(), routing_refused=self._routing.refused())

    def _introduce(self, fence: FenceKind) -> None:
        config = self._config
        log(
            logging.INFO,
            "start",
            self._host.fence_note(),
            node=config.node,
            cluster=config.cluster,
            backend=config.backend,
            fence=fence.value,
            vips=len(config.vip),
            **({} if config.backend == "vrrp" else {"ttl_s": config.lease.ttl_s}),
        )
        self._warn(fence)

    def _warn(self, fence: FenceKind) -> None:
        """What is allowed but may surprise; with the fence in force, the timing rules say more."""
        by_store = self._config.backend != "vrrp"
        timing = judge_timing(build_timing(self._config), fence) if by_store else ()
        found = dict.fromkeys(finding.message for finding in timing)
        noted = told_once(note for note in notices(self._config) if note.sentence not in found)
        for message in (*found, *noted):
            log(logging.WARNING, "config", message)

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, False)
        loop.add_signal_handler(signal.SIGUSR2, self._stop, True)
        loop.add_signal_handler(signal.SIGHUP, self._reload_config)

    def _stop(self, keep: bool) -> None:
        self._keeping = keep
        log(logging.INFO, "stop", "the VIPs stay for the next agent" if keep else "releasing every VIP")
        self._decider.stop(keep=keep)

    def _reload_config(self) -> None:
        notify_reloading()
        try:
            config = self._reload()
            obstacles = reload_obstacles(self._config, config)
        except ConfigError as error:
            obstacles = error.mistakes
        if obstacles:
            for mistake in obstacles:
                log(logging.ERROR, "reload-refused", mistake)
            log(logging.ERROR, "reload-refused", "nothing has changed; correct the above and reload again")
        else:
            self._config = config
            set_up_logging(config.log.format, config.log.level)
            self._warn(self._host.fence())
            plan = director_plan(config)
            self._notifier.reconfigure(config, plan)
            self._host.take_settings(address_settings(config))
            self._promoted.want(config)
            self._decider.reconfigure(config)
            make_files(config, starts=False)
            self._tracks.want(config)
            self._routing.reconfigure(routing_entries(config, read_table_names()))
            self._director.want(config, plan)
            log(logging.INFO, "reload", vips=len(config.vip))
        notify("READY=1")

    def _say_goodbye(self, end: Finished) -> int:
        if end.reason is Reason.NAME_IN_USE:
            message = (
                f"node name {self._config.node} is in use by a living agent {end.detail}: "
                "stop that one, or give this one another --node"
            )
            log(logging.ERROR, "exit", message, reason=end.reason.value)
        else:
            log(logging.INFO, "exit", end.detail, reason=end.reason.value)
        return end.exit_code

    def _stand_down(self, error: Exception) -> int:
        log(
            logging.CRITICAL,
            "defect",
            f"{type(error).__name__}: {error}. Every VIP is withdrawn. Please report this with the log above",
            reason=Reason.INTERNAL_ERROR.value,
        )
        traceback.print_exception(error)
        return ProgrammingError.exit_code
