"""What an earlier process left of a virtual server in the kernel's table.

Rules of this file: pure. A group's keys are one virtual server; what any of them has counts, so that a table
that was being written when its writer died is read as what was meant.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vipkeeper.balancing.entries import place
from vipkeeper.model.balancing import ServicePlan
from vipkeeper.model.ipvs import Destination, DestinationKey, ServiceKey, VirtualServer


class Found(msgspec.Struct, frozen=True):
    """`destinations` by the keys of the plan. `sorry_serves`: it had a weight where no real server had."""

    destinations: Mapping[DestinationKey, Destination]
    sorry_serves: bool


def found_in(plan: ServicePlan, table: Mapping[ServiceKey, VirtualServer]) -> Found | None:
    """None: nothing of it is there."""
    here = {key: table[key] for key in plan.keys if key in table}
    if not here:
        return None
    destinations: dict[DestinationKey, Destination] = {}
    sorry_serves = False
    for key, server in here.items():
        serving = {at for at, how in server.destinations.items() if how.weight > 0}
        for real in plan.real_servers:
            at = place(key, real.key, real.destination)
            known = destinations.get(real.key)
            if at in server.destinations and (known is None or known.weight == 0):
                destinations[real.key] = server.destinations[at]
        if plan.sorry is not None:
            sorry_serves |= serving == {place(key, plan.sorry.key, plan.sorry.destination)}
    if sorry_serves and plan.sorry is not None:
        # It may be a real server too; as sorry server it says nothing of how that one is.
        destinations.pop(plan.sorry.key, None)
    return Found(destinations, sorry_serves)
