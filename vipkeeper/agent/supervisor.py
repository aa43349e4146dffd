"""Runs one agent from lock to exit, and stands everything down when anything of ours fails.

Rules of this file: the only place that catches every exception; whatever happens, the kernel is left with
nothing that the store does not give us, unless a restart asked to keep it (and then the fence ends it).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from vipkeeper.agent.agent_metrics import AgentMetrics
from vipkeeper.agent.clocks import boot_s, read_now
from vipkeeper.agent.control_socket import serve_control
from vipkeeper.agent.election_shell import ElectionShell
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.logs import log, set_up_logging
from vipkeeper.agent.metrics_server import serve_metrics
from vipkeeper.agent.peer_address import find_own_address
from vipkeeper.agent.peer_shell import PeerShell
from vipkeeper.agent.revision_memory import RevisionMemory
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.agent.service_manager import notify, notify_reloading
from vipkeeper.agent.store_shell import StoreShell
from vipkeeper.agent.store_upkeep import look_after_store
from vipkeeper.agent.stores import open_store, store_hosts
from vipkeeper.config.consequences import (
    allowed_fences,
    build_timing,
    build_units,
    config_digest,
    reload_obstacles,
)
from vipkeeper.config.peer_address import PeerAddress, parse_listen
from vipkeeper.config.rules import notices
from vipkeeper.config.schema import Config
from vipkeeper.config.timing_rules import judge_timing
from vipkeeper.election.effects import Finished
from vipkeeper.election.events import Reconfigured, StopRequested
from vipkeeper.election.machine import Election
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.kernel.namespace_lock import NamespaceLock
from vipkeeper.kernel.netlink_host import NetlinkHost
from vipkeeper.model.errors import ConfigError, ProgrammingError, VipkeeperError
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import Keys
from vipkeeper.model.version import VERSION

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


def _aside(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """A task that no VIP depends on: its defect is told, and stands nothing down."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log(
                logging.ERROR,
                "defect",
                f"{name} has ended: {type(error).__name__}: {error}. Please report this",
            )

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(ended)
    return task


class _Agent:
    def __init__(self, config: Config, reload: Callable[[], Config], directory: RunDirectory) -> None:
        self._config = config
        self._reload = reload
        self._directory = directory
        self._process = os.urandom(6).hex()
        self._secret = os.urandom(32).hex()
        self._keeping = False

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        self._finished: asyncio.Future[Finished] = loop.create_future()
        self._shell = ElectionShell(pin_cluster=self._pin_cluster, finished=self._finished)
        self._host = HostShell(
            NetlinkHost(boot_s),
            build_units(self._config),
            self._shell.post,
            allowed=allowed_fences(self._config),
            clock=boot_s,
        )
        kept = False
        try:
            fence = self._host.start()
            self._introduce(fence)
            end = await self._elect(fence)
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
            self._shell.end()
            self._host.close(keep=kept)

    async def _elect(self, fence: FenceKind) -> Finished:
        """Run host, store and election until one of them ends."""
        self._own_address = await self._find_address()
        settings = self._settings(self._config, fence)
        election = Election(settings, read_now())
        store = open_store(self._config)
        self._store = StoreShell(
            store,
            settings.keys.prefix,
            settings.timing,
            revision=lambda: election.revision,
            post=self._shell.post,
        )
        peers = PeerShell(
            self._own_address,
            keys=lambda: election.shared_keys(boot_s()),
            keep=self._directory.keep_promises,
            post=self._shell.post,
        )
        tasks = [
            asyncio.create_task(self._store.follow(), name="store"),
            asyncio.create_task(peers.run(), name="peers"),
            asyncio.create_task(self._host.run(), name="host"),
        ]
        memory = RevisionMemory(self._directory, self._config, lambda: election.revision_to_keep(read_now()))
        asides = [
            _aside(memory.run(), "revision-memory"),
            _aside(look_after_store(self._store.examine), "upkeep"),
            *self._windows(election, peers),
        ]
        try:
            self._shell.begin(election, self._host, self._store, peers)
            self._listen_for_signals()
            notify("READY=1")
            asyncio.get_running_loop().call_later(_SETTLED_AFTER_S, _freeze_memory)
            ends: list[asyncio.Future[Any]] = [self._finished, *tasks]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
                    raise ProgrammingError(f"the {task.get_name()} task ended by itself")
            return self._finished.result()
        finally:
            memory.keep()
            for task in (*tasks, *asides):
                task.cancel()
            await asyncio.gather(*tasks, *asides, return_exceptions=True)
            peers.close()
            await self._store.close()

    def _windows(self, election: Election, peers: PeerShell) -> Iterator[asyncio.Task[None]]:
        """What lets people and programs see into this agent."""
        config = self._config
        control = serve_control(Path(config.run_dir), lambda: election.report(read_now(), with_records=True))
        yield _aside(control, "control")
        if config.metrics.listen is not None and (own := parse_listen(config.metrics.listen)) is not None:
            metrics = AgentMetrics(config, election, self._shell, peers, self._host)
            yield _aside(serve_metrics(own, metrics.scrape), "metrics")

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
            units=build_units(config),
            address=str(self._own_address) if self._own_address is not None else "",
            secret=self._secret,
            earlier_promises=self._directory.promises(),
            pinned_cluster=self._directory.pinned_cluster(config.cluster),
            forget_after_s=config.lease.forget_after_s,
            known_revision=self._directory.known_revision(config.backend, config.cluster),
            version=VERSION,
            config_digest=config_digest(config),
        )

    def _pin_cluster(self, cluster_id: str) -> None:
        self._directory.pin_cluster(self._config.cluster, cluster_id)

    def _introduce(self, fence: FenceKind) -> None:
        config = self._config
        log(
            logging.INFO,
            "start",
            self._host.fence_note(),
            node=config.node,
            cluster=config.cluster,
            backend=config.backend,
            ttl_s=config.lease.ttl_s,
            fence=fence.value,
            vips=len(config.vip),
        )
        self._warn(fence)

    def _warn(self, fence: FenceKind) -> None:
        """What is allowed but may surprise; with the fence in force, the timing rules say more."""
        timing = judge_timing(build_timing(self._config), fence)
        found = (finding.message for finding in timing)
        noted = (f"{note.wrong}; {note.fix}" if note.fix else note.wrong for note in notices(self._config))
        for message in dict.fromkeys((*found, *noted)):
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
        self._shell.post(StopRequested(keep))

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
            settings = self._settings(config, self._host.fence())
            self._store.timing = settings.timing
            self._shell.post(Reconfigured(settings))
            log(logging.INFO, "reload", vips=len(config.vip), ttl_s=config.lease.ttl_s)
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
