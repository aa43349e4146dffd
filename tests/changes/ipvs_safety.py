"""Stops an IPVS plan after each single entry and says what would be wrong with the table left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vipkeeper.changes.ipvs_changes import IpvsChange, after, single_entries
from vipkeeper.model.ipvs import IpvsTable, OwnIpvs, ServiceKey, VirtualServer


def stages(changes: Sequence[IpvsChange], observed: IpvsTable) -> Iterator[IpvsTable]:
    """Every table that the kernel has on the way, the first and the last included."""
    table = observed
    yield table
    for change in changes:
        for step in single_entries(change):
            table = after(table, step)
            yield table


def dangers(
    changes: Sequence[IpvsChange], wanted: IpvsTable, observed: IpvsTable, ours: OwnIpvs
) -> list[str]:
    """What is wrong at any stage."""
    found = []
    for number, table in enumerate(stages(changes, observed)):
        found += [f"after {number}: {what}" for what in _dangers_of(table, wanted, observed, ours)]
    return found


def _dangers_of(table: IpvsTable, wanted: IpvsTable, observed: IpvsTable, ours: OwnIpvs) -> Iterator[str]:
    for key, found in observed.servers.items():
        now, end = table.servers.get(key), wanted.servers.get(key)
        if end is None:
            if now != found and (key not in ours.services or now is not None):
                yield f"{key} was touched and is not ours"
        elif now is None:
            yield f"{key} is gone and should stay"
        else:
            yield from _dangers_of_server(key, now, end, found)


def _dangers_of_server(
    key: ServiceKey, now: VirtualServer, end: VirtualServer, found: VirtualServer
) -> Iterator[str]:
    if now.service not in (end.service, found.service):
        yield f"{key} chooses in a way that is neither the old one nor the new one"
    for one, how in end.destinations.items():
        if one in found.destinations and now.destinations.get(one) not in (how, found.destinations[one]):
            yield f"{key} -> {one} is gone or changed and should stay"
    if is_live(end) and is_live(found) and not is_live(now):
        yield f"{key} has no live destination meanwhile"


def is_live(server: VirtualServer) -> bool:
    """Whether a new connection would go anywhere."""
    return any(how.weight > 0 for how in server.destinations.values())
