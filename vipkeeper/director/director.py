"""The director: what the checks say and what the agent says goes in, the kernel's table comes out.

Rules of this file: it wires and decides nothing. What a virtual server is to be like is decided by
`vipkeeper/balancing/`, when a server is asked by `vipkeeper/health/checkers/`, and what is written to the
kernel by `vipkeeper/changes/`. What happens in one turn of the event loop is written and told together.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from pathlib import Path

from vipkeeper.agent.logs import log
from vipkeeper.balancing.virtual_service import VirtualService
from vipkeeper.director.drains import Drains, empty_of_connections
from vipkeeper.director.full_report import full_report
from vipkeeper.director.long_work import LongWork
from vipkeeper.director.renames import former_names, renamed_checks
from vipkeeper.director.server_log import log_change, log_drain
from vipkeeper.director.table_keeper import TableKeeper
from vipkeeper.director.target import Target, daemons_of
from vipkeeper.health.checkers.runner import CheckRunner
from vipkeeper.kernel.ipvs_kernel import IpvsKernel
from vipkeeper.kernel.ipvs_memory import IpvsMemory
from vipkeeper.model.balancing import BalancingPlan, CheckKey, CheckPlan, CheckState
from vipkeeper.model.director_files import OWN_IPVS
from vipkeeper.model.director_messages import Changed, DirectorAnswer, DirectorReport
from vipkeeper.model.ipvs import ServiceKey, VirtualServer

# How often the kernel is asked whether those that are drained have connections left.
DRAIN_LOOK_S = 1.0


class Director:
    """One node's. `tell` takes what the agent is to hear; `clock` counts seconds. Needs a running loop."""

    def __init__(
        self,
        run_dir: Path,
        open_ipvs: Callable[[], IpvsKernel],
        tell: Callable[[Changed], None],
        clock: Callable[[], float],
    ) -> None:
        self._tell = tell
        self._plan = BalancingPlan()
        self._services: dict[str, VirtualService] = {}
        self._standing: frozenset[str] | None = None  # until the agent has said it
        self._followed = False
        self._settling: asyncio.Handle | None = None
        self._drains = Drains(run_dir)
        self._keeper = TableKeeper(
            open_ipvs, IpvsMemory(run_dir / OWN_IPVS), clock, found_or_missing=self._suspend
        )
        self._runner = CheckRunner(self._checked, clock=clock, chance=random.random, log=log)

    def follow(self, plan: BalancingPlan) -> None:
        """Keep this from now on. The first one takes over what an earlier process left."""
        found, first = {}, not self._followed
        if first:
            keys = [key for service in plan.services for key in service.keys]
            found = dict(self._keeper.begin(keys, flush=plan.flush).servers)
        self._followed = True
        earlier, self._plan = self._plan, plan
        former = former_names(earlier.services, plan.services)
        self._runner.rename(renamed_checks(former, earlier.services, plan.services))
        before, self._services = self._services, {}
        for one in plan.services:
            service = before.pop(former[one.name]) if one.name in former else None
            if service is None:
                service = VirtualService(
                    one,
                    found=found,
                    draining=self._drains.of(one.name),
                    standing=self._standing or frozenset(),
                )
            else:
                service.followed(one)
            self._services[one.name] = service
        for gone in before.values():
            gone.removed()
            self._tell_changes(gone)
        self._settle()  # who serves is written before anybody is checked
        self._suspend()
        checks = dict(_checks_of(plan))
        taken_over = [key for key in checks if first and self._was_in(key)]
        self._runner.want(
            checks, files=plan.track_files, scripts=plan.scripts, ran_before=frozenset(taken_over)
        )
        for key in checks:
            self._checked(key, self._runner.state(key))

    def stand(self, vips: frozenset[str]) -> None:
        """These VIPs are on this node."""
        self._standing = vips
        for service in self._services.values():
            service.stands(vips)
        self._settle()
        self._suspend()

    def drain(self, server: str) -> DirectorAnswer:
        """Nothing new for it, in every virtual server that has it."""
        return self._each(server, VirtualService.drain)

    def undrain(self, server: str) -> DirectorAnswer:
        """It serves again if it is well."""
        return self._each(server, VirtualService.undrain)

    async def report(self, work: LongWork) -> DirectorReport:
        """All of it, with what the kernel counts; checks go on meanwhile."""
        keeper = self._keeper
        counts = await keeper.counts(work)
        shown = []
        for service in tuple(self._services.values()):
            shown.append(full_report(service, self._runner.report, counts))
            await work.pause()
        sync = daemons_of(self._plan.sync, self._standing)
        return DirectorReport(
            virtual_servers=tuple(shown),
            missing=keeper.missing,
            refused=keeper.refused,
            sync=" and ".join(role.value for role in sync) if sync else None,
            checks_run=self._runner.run_count,
            checks_failed=self._runner.failed_count,
            reconciled=keeper.reconciled,
            corrected=keeper.corrected,
        )

    async def look(self) -> None:
        """Compare the kernel's table with what is wanted, now."""
        await self._keeper.look()

    async def run(self) -> None:
        """Keep the table, and see drained servers off, for ever."""
        await asyncio.gather(self._keeper.run(), self._see_off())

    async def end(self, *, keep: bool) -> None:
        """Check nothing any more. Unless `keep`, what is ours leaves the table, and that is told."""
        await self._runner.close()
        if self._settling is not None:
            self._settling.cancel()
        if not keep:
            for service in self._services.values():
                service.end()
                self._tell_changes(service)
        stays = keep or (self._plan.keep_on_stop and not self._plan.empty)
        self._keeper.end(keep=stays)

    def _was_in(self, key: CheckKey) -> bool:
        return key.real_server in self._services[key.virtual_server].taken_over

    def _checked(self, key: CheckKey, state: CheckState) -> None:
        service = self._services.get(key.virtual_server)
        if service is not None:
            service.checked(key.real_server, key.check, state)
        if self._settling is None:
            self._settling = asyncio.get_running_loop().call_soon(self._settle)

    def _settle(self) -> None:
        """Write what is wanted now, then tell what led to it."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if not self._followed:
            return
        servers: dict[ServiceKey, VirtualServer] = {}
        undecided: set[ServiceKey] = set()
        for service in self._services.values():
            if self._standing is None and service.plan.only_on_owner:
                undecided.update(service.plan.keys)
            else:
                servers.update(service.wanted())
        daemons = daemons_of(self._plan.sync, self._standing)
        self._keeper.follow(Target(servers, frozenset(undecided), self._plan.timeouts, daemons))
        for service in self._services.values():
            self._tell_changes(service)
        self._drains.keep({name: service.draining for name, service in self._services.items()})

    def _tell_changes(self, service: VirtualService) -> None:
        changes = service.changes()
        for change in changes:
            log_change(change)
        if changes:
            self._tell(Changed(changes))

    def _suspend(self) -> None:
        """Where nothing can be programmed, nobody has to be asked."""
        nowhere = bool(self._keeper.missing)
        names = (name for name, service in self._services.items() if nowhere or service.checks_suspended)
        self._runner.suspend(frozenset(names))

    def _each(self, server: str, move: Callable[[VirtualService, str], bool]) -> DirectorAnswer:
        """`server`: NAME, or VIRTUAL/REAL."""
        virtual, _, real = server.rpartition("/")
        meant = [
            (service, real)
            for name, service in self._services.items()
            if virtual in ("", name) and any(real == each.name for each in service.plan.real_servers)
        ]
        if not meant:
            known = sorted({each.name for one in self._plan.services for each in one.real_servers})
            return DirectorAnswer(
                error=f"there is no real server {server}; there are: {', '.join(known) or 'none'}"
            )
        for service, name in meant:
            if move(service, name):
                log_drain(service.plan.name, name, drained=move is VirtualService.drain)
        self._settle()
        return DirectorAnswer(servers=tuple(f"{service.plan.name}/{name}" for service, name in meant))

    async def _see_off(self) -> None:
        while True:
            await asyncio.sleep(DRAIN_LOOK_S)
            emptied = False
            for service in self._services.values():
                for name in service.emptying:
                    counts = self._keeper.destination_counts
                    if empty_of_connections(service.plan, name, counts) and service.emptied(name):
                        emptied = True
            if emptied:
                self._settle()


def _checks_of(plan: BalancingPlan) -> Iterable[tuple[CheckKey, CheckPlan]]:
    for service in plan.services:
        for real in service.real_servers:
            for check in real.checks:
                yield CheckKey(service.name, real.name, check.label), check
