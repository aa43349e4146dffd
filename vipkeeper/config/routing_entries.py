"""The routing that a configuration asks for: what always, and what with each VIP.

Rules of this file: pure; texts have been judged by `address_rules.py`. Only the names of tables are the
host's, and an entry whose table it does not know is left out and named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from vipkeeper.config.address_words import read_address
from vipkeeper.config.schema import Config
from vipkeeper.config.vip_addresses import written_addresses
from vipkeeper.config.words import WordError
from vipkeeper.model.routing import Route, Routing, Rule, StaticAddress


class RoutingEntries(msgspec.Struct, frozen=True):
    """`unknown`: entries that this host cannot have, and why."""

    always: Routing
    vips: Mapping[str, tuple[frozenset[str], Routing]]  # by VIP: its addresses, and what goes with them
    unknown: tuple[tuple[str, str], ...] = ()


def routing_entries(config: Config, tables: Mapping[str, int]) -> RoutingEntries:
    """`tables`: numbers of routing tables by name."""
    unknown: dict[str, str] = {}
    static = (read_address(text, "") for text in config.static_ipaddress or ())
    always = Routing(
        tuple(StaticAddress(each.vip, each.options, each.flags, each.preferred_s) for each in static),
        _routes(config.static_routes or (), tables, unknown),
        _rules(config.static_rules or (), tables, unknown),
    )
    vips: dict[str, tuple[frozenset[str], Routing]] = {}
    for name, vip in config.vip.items():
        if vip.virtual_routes or vip.virtual_rules:
            routes = _routes(vip.virtual_routes or (), tables, unknown)
            rules = _rules(vip.virtual_rules or (), tables, unknown)
            addresses = frozenset(written.vip.address for written in written_addresses(vip))
            vips[name] = (addresses, Routing((), routes, rules))
    return RoutingEntries(always, vips, tuple(unknown.items()))


def _routes(texts: Collection[str], tables: Mapping[str, int], unknown: dict[str, str]) -> tuple[Route, ...]:
    found: list[Route] = []
    if not texts:
        return ()
    from vipkeeper.config.route_words import read_named_route, read_route

    for text in texts:
        try:
            route = read_route(text).route
            found.append(route if route.table else read_named_route(text, tables).route)
        except WordError as error:
            unknown[text] = str(error)
    return tuple(found)


def _rules(texts: Collection[str], tables: Mapping[str, int], unknown: dict[str, str]) -> tuple[Rule, ...]:
    found: list[Rule] = []
    if not texts:
        return ()
    from vipkeeper.config.rule_words import read_named_rule, read_rule

    for text in texts:
        try:
            rule = read_rule(text).rule
            named = rule.action == "lookup" and not rule.table and not rule.l3mdev
            found.append(read_named_rule(text, tables).rule if named else rule)
        except WordError as error:
            unknown[text] = str(error)
    return tuple(found)
