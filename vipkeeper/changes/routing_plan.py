"""The difference between the routing that a host should have and what it has.

Rules of this file: pure. What goes, goes in the reverse order of what comes: a rule may name a table, and a
route an address as its source. An entry that both have is not touched.
"""

from __future__ import annotations

from typing import NamedTuple

from vipkeeper.model.routing import Routing, difference


class RoutingPlan(NamedTuple):
    """Carried out in this order."""

    unwanted: Routing
    missing: Routing


def plan_routing(wanted: Routing, observed: Routing) -> RoutingPlan:
    """Both are empty when nothing differs."""
    lacking_addresses, spare_addresses = difference(wanted.addresses, observed.addresses)
    lacking_routes, spare_routes = difference(wanted.routes, observed.routes)
    lacking_rules, spare_rules = difference(wanted.rules, observed.rules)
    return RoutingPlan(
        Routing(spare_addresses, spare_routes, spare_rules),
        Routing(lacking_addresses, lacking_routes, lacking_rules),
    )
