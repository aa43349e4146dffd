"""A keeper over a table in memory, and what it is to keep."""

from __future__ import annotations

import asyncio
from pathlib import Path

from vipkeeper.changes.ipvs_changes import (
    AddServers,
    RemoveDestinations,
    RemoveServers,
    StartDaemons,
)
from vipkeeper.director.table_keeper import TableKeeper
from vipkeeper.director.target import Target
from vipkeeper.kernel.ipvs_host import IpvsMissing
from vipkeeper.kernel.ipvs_memory import IpvsMemory
from vipkeeper.kernel.memory_ipvs import MemoryIpvs
from vipkeeper.model.balancing import SyncPlan
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
    SyncDaemon,
    Transport,
    VirtualServer,
)

WEB = AddressKey(Transport.TCP, "10.0.0.1", 80)
DNS = AddressKey(Transport.UDP, "10.0.0.1", 53)
FOREIGN = MarkKey(99)
A, B = DestinationKey("10.1.0.1", 80), DestinationKey("10.1.0.2", 80)
PLAIN = VirtualServer(Service("rr"), {A: Destination(), B: Destination()})
LIGHTER = VirtualServer(Service("rr"), {A: Destination(weight=0), B: Destination()})
SYNC = SyncPlan(SyncDaemon("eth1", 7), vip="web")


class Bench:
    """A table, and a keeper of it."""

    def __init__(self, tmp_path: Path, *, missing: bool = False) -> None:
        self.ipvs = MemoryIpvs()
        self.missing = missing
        self.now_s = 100.0
        self.path = tmp_path / "ipvs"
        self.noticed = 0
        self.keeper = self.new_process()

    def new_process(self) -> TableKeeper:
        """As after a SIGKILL: the table is as it was, everything else is new."""
        self.keeper = TableKeeper(self._open, IpvsMemory(self.path), lambda: self.now_s, self._notice)
        return self.keeper

    def begin(self, servers: dict[ServiceKey, VirtualServer], *, flush: bool = False) -> None:
        self.keeper.begin(servers, flush=flush)
        self.keeper.follow(Target(servers))

    def look(self) -> None:
        asyncio.run(self.keeper.look())

    def by_hand(self, *changes: AddServers | RemoveServers | RemoveDestinations | StartDaemons) -> None:
        """What others do; it is not among what was written by us."""
        written = list(self.ipvs.applied)
        for change in changes:
            assert self.ipvs.apply(change) == ()
        self.ipvs.applied[:] = written

    @property
    def written(self) -> list[type]:
        """Kinds of what was written since this was asked last."""
        kinds: list[type] = [type(change) for change in self.ipvs.applied]
        self.ipvs.applied.clear()
        return kinds

    def _open(self) -> MemoryIpvs:
        if self.missing:
            raise IpvsMissing
        return self.ipvs

    def _notice(self) -> None:
        self.noticed += 1
