"""The steps that take an IPVS table from one state to another, and what each one leaves behind.

Rules of this file: plain values. One change carries many entries, in the order in which the kernel gets
them, so that a table of thousands is a few system calls. `after` is the meaning of a change: the in-memory
table carries changes out with it, and the tests stop a plan between any two steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from vipkeeper.model.ipvs import (
    Destination,
    DestinationKey,
    IpvsTable,
    Service,
    ServiceKey,
    SyncDaemon,
    SyncRole,
    Timeouts,
    VirtualServer,
)

Destinations = Mapping[ServiceKey, Mapping[DestinationKey, Destination]]


class AddServers(msgspec.Struct, frozen=True):
    """New virtual servers, each followed at once by its destinations; one that is there is a refusal."""

    servers: Mapping[ServiceKey, VirtualServer]


class EditServices(msgspec.Struct, frozen=True):
    """Another scheduler, flags or persistence for servers that stay; their connections stay too."""

    services: Mapping[ServiceKey, Service]


class AddDestinations(msgspec.Struct, frozen=True):
    """New destinations of servers that are there."""

    destinations: Destinations


class EditDestinations(msgspec.Struct, frozen=True):
    """Another weight, way or limit for destinations that stay; their connections stay too."""

    destinations: Destinations


class RemoveDestinations(msgspec.Struct, frozen=True):
    """One that is gone already is no refusal."""

    destinations: Mapping[ServiceKey, tuple[DestinationKey, ...]]


class RemoveServers(msgspec.Struct, frozen=True):
    """With their destinations; one that is gone already is no refusal."""

    servers: tuple[ServiceKey, ...]


class SetTimeouts(msgspec.Struct, frozen=True):
    """Of all connections of this host."""

    timeouts: Timeouts


class StopDaemons(msgspec.Struct, frozen=True):
    """One that does not run is no refusal."""

    roles: tuple[SyncRole, ...]


class StartDaemons(msgspec.Struct, frozen=True):
    """One of this role must not run."""

    daemons: Mapping[SyncRole, SyncDaemon]


IpvsChange = (
    AddServers
    | EditServices
    | AddDestinations
    | EditDestinations
    | RemoveDestinations
    | RemoveServers
    | SetTimeouts
    | StopDaemons
    | StartDaemons
)


def flat(destinations: Destinations) -> Iterator[tuple[ServiceKey, DestinationKey, Destination]]:
    """Entry by entry."""
    for key, given in destinations.items():
        for one, how in given.items():
            yield key, one, how


def single_entries(change: IpvsChange) -> Iterator[IpvsChange]:
    """The same as changes of one entry each, in the order in which the kernel gets them."""
    match change:
        case AddServers(servers):
            for key, server in servers.items():
                yield AddServers({key: VirtualServer(server.service)})
                yield from single_entries(AddDestinations({key: server.destinations}))
        case EditServices(services):
            yield from (EditServices({key: service}) for key, service in services.items())
        case AddDestinations(given):
            yield from (AddDestinations({key: {one: how}}) for key, one, how in flat(given))
        case EditDestinations(given):
            yield from (EditDestinations({key: {one: how}}) for key, one, how in flat(given))
        case RemoveDestinations(gone):
            yield from (RemoveDestinations({key: (one,)}) for key, keys in gone.items() for one in keys)
        case RemoveServers(going):
            yield from (RemoveServers((key,)) for key in going)
        case SetTimeouts() | StopDaemons() | StartDaemons():
            yield change


def after(table: IpvsTable, change: IpvsChange) -> IpvsTable:
    """What stands once the kernel has taken all of `change`."""
    match change:
        case SetTimeouts(timeouts):
            return msgspec.structs.replace(table, timeouts=timeouts)
        case StopDaemons(roles):
            left = {role: daemon for role, daemon in table.daemons.items() if role not in roles}
            return msgspec.structs.replace(table, daemons=left)
        case StartDaemons(daemons):
            return msgspec.structs.replace(table, daemons={**table.daemons, **daemons})
    return msgspec.structs.replace(table, servers=_servers_after(dict(table.servers), change))


def _servers_after(
    servers: dict[ServiceKey, VirtualServer],
    change: AddServers
    | EditServices
    | AddDestinations
    | EditDestinations
    | RemoveDestinations
    | RemoveServers,
) -> dict[ServiceKey, VirtualServer]:
    match change:
        case AddServers(added):
            servers.update(added)
        case EditServices(services):
            for key, service in services.items():
                servers[key] = VirtualServer(service, servers[key].destinations)
        case AddDestinations(given) | EditDestinations(given):
            for key, destinations in given.items():
                server = servers[key]
                servers[key] = VirtualServer(server.service, {**server.destinations, **destinations})
        case RemoveDestinations(gone):
            for key, keys in gone.items():
                if key in servers:
                    servers[key] = _without(servers[key], keys)
        case RemoveServers(going):
            for key in going:
                servers.pop(key, None)
    return servers


def _without(server: VirtualServer, gone: Iterable[DestinationKey]) -> VirtualServer:
    dropped = frozenset(gone)
    return VirtualServer(
        server.service, {key: one for key, one in server.destinations.items() if key not in dropped}
    )
