"""Keeps the kernel's IPVS table at what is wanted, and tells what others did to it.

Rules of this file: level-triggered. A change of what is wanted is written at once, from what is known of the
table, and touches only the virtual servers that it is about. A reading of everything, in small parts, finds
what others changed, because IPVS has no events. Nothing is written before it is remembered as ours. What the
kernel refuses is told once and tried again at each reading.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Set

from msgspec.structs import replace

from vipkeeper.agent.logs import log
from vipkeeper.changes.ipvs_changes import IpvsChange, after
from vipkeeper.changes.ipvs_plan import ipvs_plan
from vipkeeper.director.long_work import LongWork
from vipkeeper.director.quarrels import PAUSE_S, Quarrels
from vipkeeper.director.target import Target, differing, narrowed, wanted_table
from vipkeeper.kernel.ipvs_kernel import IpvsKernel
from vipkeeper.kernel.ipvs_memory import IpvsMemory
from vipkeeper.model.errors import KernelRefused, MissingPrivilege
from vipkeeper.model.ipvs import (
    DestinationCounts,
    DestinationKey,
    IpvsTable,
    OwnIpvs,
    ServiceCounts,
    ServiceKey,
)

# A reading costs three system calls for each virtual server; SELDOM keeps it below 2 % of a core.
LOOK_INTERVAL_S = 3.0
SELDOM = 50
# Somebody may load the module meanwhile.
MISSING_INTERVAL_S = 30.0

# OSError: what is ours could not be remembered, and so it is not made.
_REFUSALS = (KernelRefused, MissingPrivilege, OSError)


class TableKeeper:
    """One namespace's table. `open_ipvs` raises IpvsMissing where there is none; `clock` counts seconds.

    `found_or_missing` is called when `missing` has changed.
    """

    def __init__(
        self,
        open_ipvs: Callable[[], IpvsKernel],
        memory: IpvsMemory,
        clock: Callable[[], float],
        found_or_missing: Callable[[], None] = lambda: None,
    ) -> None:
        self._open = open_ipvs
        self._memory = memory
        self._clock = clock
        self._found_or_missing = found_or_missing
        self._ipvs: IpvsKernel | None = None
        self._target = Target()
        self._followed = False
        self._observed: IpvsTable | None = None  # as read last, and changed by us since
        self._touched: set[ServiceKey] = set()  # by us, while a reading goes on
        self._quarrels = Quarrels(clock)
        self._told: frozenset[str] = frozenset()
        self._awake = asyncio.Event()
        self._reading_takes_s = 0.0
        self.missing = ""  # why nothing is programmed
        self.reconciled = 0
        self.corrected = 0

    @property
    def refused(self) -> tuple[str, ...]:
        """What the kernel did not do when it was asked last, and what is left to others for a while."""
        left = (f"{key}: somebody else changes it again and again" for key in self._quarrels.left())
        return (*sorted(self._told), *sorted(left))

    def begin(self, configured: Collection[ServiceKey], *, flush: bool) -> IpvsTable:
        """What is there, as a first reading shows it. With `flush`, all that is not ours is taken out."""
        if self._find():
            self._guarded(self._read)
            if flush and self._observed is not None:
                self._guarded(lambda: self._flush(configured))
        return self._observed or IpvsTable()

    def follow(self, target: Target) -> None:
        """Want this from now on, and write what differs at once."""
        before, self._target = self._target, target
        first, self._followed = not self._followed, True
        if self._observed is None:
            self._awake.set()
        elif first:  # an earlier process may have left what is not wanted any more
            self._guarded(lambda: self._write(None))
        else:
            changed = differing(before.servers, target.servers) | (before.undecided ^ target.undecided)
            self._quarrels.settle(changed)
            self._guarded(lambda: self._write(changed))

    async def counts(self, work: LongWork) -> Mapping[ServiceKey, ServiceCounts]:
        """Connections and traffic of everything; nothing where it cannot be read."""
        counted: dict[ServiceKey, ServiceCounts] = {}
        try:
            for part in () if self._ipvs is None else self._ipvs.read_counts():
                counted |= part
                await work.pause()
        except _REFUSALS:
            return {}
        return counted

    def destination_counts(self, key: ServiceKey) -> Mapping[DestinationKey, DestinationCounts] | None:
        """Of one virtual server; None where it cannot be read."""
        try:
            return None if self._ipvs is None else self._ipvs.destination_counts(key)
        except _REFUSALS:
            return None

    async def run(self) -> None:
        """Put back what others change, and try again what was refused, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            interval_s = MISSING_INTERVAL_S
            if self._ipvs is not None:
                interval_s = max(LOOK_INTERVAL_S, SELDOM * self._reading_takes_s)
            timer = loop.call_later(interval_s, self._awake.set)
            await self._awake.wait()
            timer.cancel()
            self._awake.clear()
            await self.look()

    async def look(self) -> None:
        """Read everything anew, and put right what differs."""
        if not self._find():
            return
        try:
            found, touched = await self._read_in_parts()
            self._compare(found, touched)
            self._write(None)
            # What this reading still shows stays ours, also what has just been taken out: till the next one.
            self._memory.after_changes(wanted_table(self._target, found), found)
        except _REFUSALS as refused:
            self._failed(refused)

    def end(self, *, keep: bool) -> None:
        """Let go of the kernel; unless `keep`, with nothing of ours left in it."""
        if self._ipvs is None:
            return
        if not keep:
            self._guarded(self._clear)
        self._ipvs.close()
        self._ipvs = None

    def _find(self) -> bool:
        """Whether there is a table."""
        if self._ipvs is not None:
            return True
        before, self.missing = self.missing, ""
        try:
            self._ipvs = self._open()
        except _REFUSALS as why:
            self.missing = str(why)
        if self.missing != before:
            if self.missing:
                log(
                    logging.ERROR,
                    "ipvs-missing",
                    f"{self.missing}. Everything else goes on; it is tried again",
                )
            else:
                log(logging.INFO, "ipvs-found", "virtual servers can be programmed now")
            self._found_or_missing()
        return self._ipvs is not None

    def _read(self) -> None:
        if self._ipvs is not None:
            self._observed = self._ipvs.read()

    def _flush(self, configured: Collection[ServiceKey]) -> None:
        observed = self._observed or IpvsTable()
        strangers = observed.servers.keys() - self._memory.own.services - set(configured)
        if strangers:
            log(logging.WARNING, "ipvs-flush", "removed, because they are not ours", services=len(strangers))
            there = narrowed(observed, strangers)
            self._carry_out(ipvs_plan(narrowed(there, frozenset()), there, OwnIpvs(frozenset(strangers))))

    def _clear(self) -> None:
        self._read()
        self._target = Target()
        self._write(None)
        self._read()
        self._memory.after_changes(IpvsTable(), self._observed or IpvsTable())

    async def _read_in_parts(self) -> tuple[IpvsTable, Set[ServiceKey]]:
        """The table, and the virtual servers that were written meanwhile."""
        found = None
        takes_s = 0.0
        self._touched = set()
        parts = iter(()) if self._ipvs is None else self._ipvs.read_in_parts()
        while found is None:
            start_s = self._clock()
            found = next(parts)
            takes_s += self._clock() - start_s
            if found is None:
                await asyncio.sleep(0)
        self._reading_takes_s = takes_s
        self.reconciled += 1
        return found, self._touched

    def _compare(self, found: IpvsTable, touched: Set[ServiceKey]) -> None:
        """Take a reading, and tell what others did. What was written meanwhile is as it was written."""
        before, self._observed = self._observed, found
        if before is None:
            return
        kept = {key: before.servers[key] for key in touched if key in before.servers}
        others = {key: server for key, server in found.servers.items() if key not in touched}
        self._observed = replace(found, servers={**others, **kept})
        ours = self._target.servers.keys() - touched - self._quarrels.left()
        changed = differing(narrowed(before, ours).servers, narrowed(found, ours).servers)
        self._quarrels.quiet(ours - changed)
        for key in sorted(changed, key=str):
            self._changed_by_others(key, "changed" if key in found.servers else "removed")

    def _changed_by_others(self, key: ServiceKey, what: str) -> None:
        self.corrected += 1
        message = f"somebody else {what} it; it is put right"
        if self._quarrels.changed(key):
            message = (
                f"somebody else changes it again and again, so it is left to them for {PAUSE_S:g} s: find "
                "out who "
                "(a keepalived, a script with ipvsadm lines), and stop one of the two"
            )
        log(logging.WARNING, "ipvs-changed", message, service=str(key))

    def _write(self, changed: Set[ServiceKey] | None) -> None:
        """Everything that differs, or of virtual servers these alone."""
        observed = self._observed or IpvsTable()
        wanted = wanted_table(self._target, observed)
        # Daemons of which it is not known whether they are wanted may be somebody else's.
        self._memory.before_changes(replace(wanted, daemons=self._target.daemons or {}))
        every = wanted.servers.keys() | observed.servers.keys()
        keys = (every if changed is None else changed) - self._quarrels.left()
        own = OwnIpvs(self._memory.own.services & keys, self._memory.own.roles)
        self._touched |= keys
        told = self._told
        refused = self._carry_out(_servers_first(narrowed(wanted, keys), narrowed(observed, keys), own))
        self._told = refused if changed is None else told | refused

    def _carry_out(self, plan: Collection[IpvsChange]) -> frozenset[str]:
        """What was refused; then what is there is read anew."""
        refused: list[str] = []
        for change in plan:
            if self._ipvs is not None and self._observed is not None:
                refused += self._ipvs.apply(change)
                self._observed = after(self._observed, change)
                log(logging.DEBUG, "ipvs-written", type(change).__name__)
        causes = _causes(refused)
        for sentence in sorted(causes - self._told):
            log(logging.ERROR, "ipvs-refused", f"{sentence}; it is tried again")
        if refused:
            self._read()
        return causes

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except _REFUSALS as refused:
            self._failed(refused)

    def _failed(self, refused: Exception) -> None:
        """What is there is not known any more; the next reading is taken as the first."""
        self._observed = None
        sentence = str(refused)
        if isinstance(refused, OSError) and refused.filename:
            sentence = (
                f"nothing is programmed, because {refused.filename} cannot be written ({refused.strerror}), "
                "and what nobody remembers would stay for ever: make room there"
            )
        if sentence not in self._told:
            log(logging.ERROR, "ipvs-refused", f"{sentence}; it is tried again")
        self._told |= {sentence}


def _servers_first(wanted: IpvsTable, observed: IpvsTable, own: OwnIpvs) -> tuple[IpvsChange, ...]:
    """A failover's servers do not wait for the sync daemon: to end its thread can take 0.3 s.

    A plan has it the other way round for the sake of one that begins or ends altogether.
    """
    if not (wanted.daemons and observed.daemons):
        return ipvs_plan(wanted, observed, own)
    servers = ipvs_plan(replace(wanted, daemons=observed.daemons), observed, own)
    daemons = replace(observed, daemons=wanted.daemons, timeouts=None)
    return (*servers, *ipvs_plan(daemons, observed, OwnIpvs(roles=own.roles)))


def _causes(refused: Collection[str]) -> frozenset[str]:
    """Without destinations that were refused because their virtual server was."""
    about = {sentence.partition(": ")[0] for sentence in refused}
    return frozenset(
        sentence
        for sentence in refused
        if sentence.partition(": ")[0].partition(" -> ")[0] not in about
        or " -> " not in sentence.partition(": ")[0]
    )
