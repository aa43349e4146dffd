"""From the configuration and the addresses that stand to the routing that this host should have.

Rules of this file: pure; routes and rules of a VIP are wanted while all of its addresses stand. What belongs
to no VIP is wanted always.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from vipkeeper.model.routing import Routing


def wanted_routing(
    always: Routing, vips: Mapping[str, tuple[frozenset[str], Routing]], standing: Set[str]
) -> Routing:
    """Each entry once, in the order of the configuration. `vips`: addresses, and what goes with them."""
    parts = [always, *(routing for addresses, routing in vips.values() if addresses <= standing)]
    return Routing(
        tuple(dict.fromkeys(each for part in parts for each in part.addresses)),
        tuple(dict.fromkeys(each for part in parts for each in part.routes)),
        tuple(dict.fromkeys(each for part in parts for each in part.rules)),
    )
