"""The in-memory partner of the kernel's IPVS: a table of values.

Rules of this file: it refuses what the kernel refuses of an entry that is there, or not; whatever both can
do is in one test suite for both (tests/ipvs). Nothing passes through it, so its counters stay 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.changes.ipvs_changes import (
    AddDestinations,
    AddServers,
    Destinations,
    EditDestinations,
    EditServices,
    IpvsChange,
    StartDaemons,
    after,
    flat,
    single_entries,
)
from vipkeeper.model.ipvs import (
    DestinationCounts,
    DestinationKey,
    IpvsTable,
    ServiceCounts,
    ServiceKey,
    Timeouts,
    Traffic,
)

# What Linux begins with.
FIRST_TIMEOUTS = Timeouts(tcp_s=900, tcp_fin_s=120, udp_s=300)


class MemoryIpvs:
    """Implements `IpvsKernel`."""

    def __init__(self) -> None:
        self.table = IpvsTable(timeouts=FIRST_TIMEOUTS)
        self.applied: list[IpvsChange] = []  # for those who ask what was written
        self.readings = 0

    def close(self) -> None:
        """See `IpvsKernel.close`."""

    def read(self) -> IpvsTable:
        """See `IpvsKernel.read`."""
        self.readings += 1
        return self.table

    def read_in_parts(self) -> Iterator[IpvsTable | None]:
        """See `IpvsKernel.read_in_parts`: as it was at the beginning, which is as old as a part can be."""
        self.readings += 1
        table = self.table
        yield None
        yield table

    def read_counts(self) -> Iterator[dict[ServiceKey, ServiceCounts]]:
        """See `IpvsKernel.read_counts`."""
        for key in list(self.table.servers):
            yield {key: ServiceCounts(Traffic(), self.destination_counts(key))}

    def destination_counts(self, key: ServiceKey) -> dict[DestinationKey, DestinationCounts]:
        """See `IpvsKernel.destination_counts`."""
        server = self.table.servers.get(key)
        nothing = DestinationCounts(0, 0, 0, Traffic())
        return {} if server is None else dict.fromkeys(server.destinations, nothing)

    def apply(self, change: IpvsChange) -> tuple[str, ...]:
        """See `IpvsKernel.apply`."""
        self.applied.append(change)
        refused = []
        for step in single_entries(change):
            because = self._refusal(step)
            if because:
                refused.append(because)
            else:
                self.table = after(self.table, step)
        return tuple(refused)

    def _refusal(self, step: IpvsChange) -> str:
        servers = self.table.servers
        match step:
            case AddServers(added):
                return next((f"{key}: is there" for key in added if key in servers), "")
            case EditServices(services):
                return next((f"{key}: is not there" for key in services if key not in servers), "")
            case AddDestinations(given):
                return self._destination_refusal(given, there=False)
            case EditDestinations(given):
                return self._destination_refusal(given, there=True)
            case StartDaemons(daemons):
                running = self.table.daemons
                return next((f"{role.value}: one runs already" for role in daemons if role in running), "")
        return ""

    def _destination_refusal(self, given: Destinations, *, there: bool) -> str:
        for key, one, _ in flat(given):
            server = self.table.servers.get(key)
            if server is None:
                return f"{key} -> {one}: the virtual server is not there"
            if (one in server.destinations) is not there:
                return f"{key} -> {one}: is {'not ' if there else ''}there"
        return ""
