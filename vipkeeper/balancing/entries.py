"""What a virtual server is in IPVS's table.

Rules of this file: pure; a function of the plan, the real servers' states and the quorum alone, so that the
same states always make the same table, whatever led there.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vipkeeper.balancing.real_server import RealServer
from vipkeeper.model.balancing import ServicePlan
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    Forwarding,
    ServiceKey,
    VirtualServer,
)

# What does not touch the packet's port: the real server has to listen on the virtual one.
_KEEPS_THE_PORT = frozenset({Forwarding.DR, Forwarding.TUN})


def sorry_serves(plan: ServicePlan, *, quorum_up: bool) -> bool:
    return plan.sorry is not None and not quorum_up


def entries(
    plan: ServicePlan, servers: Iterable[RealServer], *, quorum_up: bool
) -> dict[ServiceKey, VirtualServer]:
    """The same destinations for each key of a group, but for the port."""
    relieved = sorry_serves(plan, quorum_up=quorum_up)
    standing = [
        (server.plan.key, how) for server in servers if (how := server.entry(relieved=relieved)) is not None
    ]
    sorry = _sorry_entry(plan, relieved=relieved)
    made = {}
    for key in plan.keys:
        destinations = {place(key, one, how): how for one, how in standing}
        taken = {place(key, one.key, one.destination) for one in plan.real_servers}
        if sorry is not None:
            at, how = place(key, *sorry), sorry[1]
            # One that is a real server too has a place of its own only while it serves as sorry server.
            if relieved or at not in taken:
                destinations[at] = how
        made[key] = VirtualServer(plan.service, destinations)
    return made


def place(service: ServiceKey, key: DestinationKey, how: Destination) -> DestinationKey:
    """Where a destination stands below this service. A firewall mark has no port."""
    if key.port == 0 or how.forwarding in _KEEPS_THE_PORT:
        return DestinationKey(key.address, service.port if isinstance(service, AddressKey) else 0)
    return key


def _sorry_entry(plan: ServicePlan, *, relieved: bool) -> tuple[DestinationKey, Destination] | None:
    if plan.sorry is None or not (relieved or plan.sorry.inhibit):
        return None
    how = plan.sorry.destination
    return plan.sorry.key, how if relieved else msgspec.structs.replace(how, weight=0)
