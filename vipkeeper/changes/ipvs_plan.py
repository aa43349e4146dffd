"""The ordered difference between the IPVS table that a host should have and the one that it has.

Rules of this file: pure. What is the same on both sides is in no change, so its connections, counters and
weights are not touched. Virtual servers that are neither wanted nor known to be ours belong to others and
are left alone (docs/decisions/0022-ipvs.md). Whoever carries a plan out may stop, or be stopped, after any
step, and between any two entries of a step: a virtual server that has a live destination before and after
has one all the while. Hence the order:

1. daemons that go or change: a running one forbids destinations of another IP version than their service's
2. new virtual servers, each with its destinations; services that change
3. new destinations; then changed ones, those whose weight grows first
4. destinations that go, then virtual servers that go
5. timeouts, daemons
"""

from __future__ import annotations

from vipkeeper.changes.ipvs_changes import (
    AddDestinations,
    AddServers,
    EditDestinations,
    EditServices,
    IpvsChange,
    RemoveDestinations,
    RemoveServers,
    SetTimeouts,
    StartDaemons,
    StopDaemons,
)
from vipkeeper.model.ipvs import (
    Destination,
    DestinationKey,
    IpvsTable,
    OwnIpvs,
    ServiceKey,
    SyncRole,
    VirtualServer,
)


def ipvs_plan(wanted: IpvsTable, observed: IpvsTable, ours: OwnIpvs) -> tuple[IpvsChange, ...]:
    """Changes that lead from `observed` to `wanted`; empty when nothing differs.

    `ours`: what was wanted before, in this boot. What is wanted now is ours whoever made it.
    """
    stopped = _daemons_to_stop(wanted, observed, ours)
    started = {
        role: daemon
        for role, daemon in wanted.daemons.items()
        if role not in observed.daemons or role in stopped
    }
    leaving = tuple(key for key in observed.servers if key in ours.services and key not in wanted.servers)
    changes: list[IpvsChange] = []
    if stopped:
        changes.append(StopDaemons(stopped))
    changes += _table_changes(wanted, observed)
    if leaving:
        changes.append(RemoveServers(leaving))
    if wanted.timeouts is not None and wanted.timeouts != observed.timeouts:
        changes.append(SetTimeouts(wanted.timeouts))
    if started:
        changes.append(StartDaemons(started))
    return tuple(changes)


def _daemons_to_stop(wanted: IpvsTable, observed: IpvsTable, ours: OwnIpvs) -> tuple[SyncRole, ...]:
    return tuple(
        role
        for role, running in observed.daemons.items()
        if (role in ours.roles if role not in wanted.daemons else not wanted.daemons[role].is_met_by(running))
    )


def _table_changes(wanted: IpvsTable, observed: IpvsTable) -> list[IpvsChange]:
    """Everything but the virtual servers that go."""
    new = {key: server for key, server in wanted.servers.items() if key not in observed.servers}
    services = {}
    added: dict[ServiceKey, dict[DestinationKey, Destination]] = {}
    edited: dict[ServiceKey, dict[DestinationKey, Destination]] = {}
    removed: dict[ServiceKey, tuple[DestinationKey, ...]] = {}
    for key, server in wanted.servers.items():
        found = observed.servers.get(key)
        if found is None or found == server:
            continue
        if found.service != server.service:
            services[key] = server.service
        if missing := {one: how for one, how in server.destinations.items() if one not in found.destinations}:
            added[key] = missing
        if changed := _changed(server, found):
            edited[key] = changed
        if gone := tuple(one for one in found.destinations if one not in server.destinations):
            removed[key] = gone
    changes: tuple[IpvsChange, ...] = (
        AddServers(new),
        EditServices(services),
        AddDestinations(added),
        EditDestinations(edited),
        RemoveDestinations(removed),
    )
    carried = (new, services, added, edited, removed)
    return [change for change, entries in zip(changes, carried, strict=True) if entries]


def _changed(server: VirtualServer, found: VirtualServer) -> dict[DestinationKey, Destination]:
    """Destinations that are used otherwise from now on; those that get more than before come first."""
    changed = {
        one: how for one, how in server.destinations.items() if found.destinations.get(one, how) != how
    }
    return dict(
        sorted(changed.items(), key=lambda entry: entry[1].weight <= found.destinations[entry[0]].weight)
    )
