"""What addresses, routes and rules must mean beyond their shape.

Rules of this file: pure; see `rules.py`. A text is read by the same code that the agent reads it with.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from vipkeeper.config.address_words import WITHOUT_EFFECT, WrittenAddress, read_address
from vipkeeper.config.mistakes import Finding, dotted
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.words import WordError, Words, no_effect

if TYPE_CHECKING:
    from vipkeeper.config.route_words import WrittenRoute
    from vipkeeper.config.rule_words import WrittenRule

# A claim compares up to three records for each address, and a store takes 128 in one transaction.
MOST_ADDRESSES = 40
NOWHERE = ""  # a static address without `dev`


def broken_address_rules(config: Config) -> Iterator[Finding]:
    """Everything that makes addresses, routes or rules unusable."""
    for path, text, interface in _address_texts(config):
        wrong = _why_unusable(text, interface)
        if wrong is not None:
            yield Finding(path, wrong.wrong, wrong.fix)
    for name, vip in config.vip.items():
        count = len(vip.addresses) + len(vip.excluded_addresses or ())
        if config.backend != "vrrp" and count > MOST_ADDRESSES:
            yield Finding(
                ("vip", name, "addresses"),
                f"{count} addresses are more than change hands in one transaction",
                f"write at most {MOST_ADDRESSES}, and the others under another VIP name",
            )
    yield from _repeated_addresses(config)
    for path, text, read in _routing_texts(config):
        try:
            read(text)
        except WordError as error:
            yield Finding(path, error.wrong, error.fix)


def address_notices(config: Config) -> Iterator[Finding]:
    """What is understood otherwise than it is written. `config` has no broken rule."""
    for path, text, interface in _address_texts(config):
        written = read_address(text, interface)
        idle = [word for word in written.idle if path[0] == "vip" or word not in STATIC_WORDS]
        remarks = [*written.remarks, *(no_effect(word, WITHOUT_EFFECT[word]) for word in idle)]
        yield from (Finding(path, *remark) for remark in remarks)
    for path, text, read in _routing_texts(config):
        yield from (Finding(path, *remark) for remark in read(text).remarks)


# What counts for an address that no lease guards.
STATIC_WORDS = frozenset(
    {"home", "mngtmpaddr", "noprefixroute", "autojoin", "nodad", "-nodad", "preferred_lft"}
)


def good_addresses(config: Config) -> Iterator[tuple[Path, str]]:
    """Canonical text of each virtual address that can be understood, with its place."""
    for path, text, interface in _address_texts(config):
        if path[0] == "vip" and _why_unusable(text, interface) is None:
            yield path, read_address(text, interface).vip.address


def named_interfaces(config: Config) -> Iterator[tuple[Path, str]]:
    """Interfaces that addresses are to be on, each place once. `config` has no broken rule."""
    for name, vip in config.vip.items():
        yield ("vip", name, "interface"), vip.interface
    for path, text, interface in _address_texts(config):
        found = read_address(text, interface).vip.interface
        if found != interface:
            yield path, found


def _address_texts(config: Config) -> Iterator[tuple[Path, str, str]]:
    for name, vip in config.vip.items():
        for index, text in enumerate(vip.addresses):
            yield ("vip", name, "addresses", index), text, vip.interface
        for index, text in enumerate(vip.excluded_addresses or ()):
            yield ("vip", name, "excluded_addresses", index), text, vip.interface
    for index, text in enumerate(config.static_ipaddress or ()):
        yield ("static_ipaddress", index), text, NOWHERE


def _routing_texts(
    config: Config,
) -> Iterator[tuple[Path, str, Callable[[str], WrittenRoute | WrittenRule]]]:
    """Routes, then rules, with what reads each. Where there are none, that is not loaded: 4 ms of a start."""
    if routes := list(_route_texts(config)):
        from vipkeeper.config.route_words import read_route

        yield from ((path, text, read_route) for path, text in routes)
    if rules := list(_rule_texts(config)):
        from vipkeeper.config.rule_words import read_rule

        yield from ((path, text, read_rule) for path, text in rules)


def _route_texts(config: Config) -> Iterator[tuple[Path, str]]:
    for name, vip in config.vip.items():
        for index, text in enumerate(vip.virtual_routes or ()):
            yield ("vip", name, "virtual_routes", index), text
    for index, text in enumerate(config.static_routes or ()):
        yield ("static_routes", index), text


def _rule_texts(config: Config) -> Iterator[tuple[Path, str]]:
    for name, vip in config.vip.items():
        for index, text in enumerate(vip.virtual_rules or ()):
            yield ("vip", name, "virtual_rules", index), text
    for index, text in enumerate(config.static_rules or ()):
        yield ("static_rules", index), text


def _why_unusable(text: str, interface: str) -> WordError | None:
    try:
        written = read_address(text, interface)
    except WordError as error:
        return error
    if written.vip.interface == NOWHERE:
        return WordError(f'"{text}" does not say where', "write dev and the interface after it")
    return _why_no_host_address(Words(text).peek(), written)


def _why_no_host_address(text: str, written: WrittenAddress) -> WordError | None:
    parsed = ipaddress.ip_interface(text)
    address, network = parsed.ip, parsed.network
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return WordError(f'"{text}" is an IPv4 address in IPv6 form', f"write {address.ipv4_mapped}")
    if address.is_unspecified or address.is_multicast or address.is_loopback:
        kind = "loopback" if address.is_loopback else "multicast" if address.is_multicast else "placeholder"
        wrong = f"{address} is a {kind} address, which no node can hold for others"
        return WordError(wrong, "use a unicast address")
    # Networks of one or two addresses have no reserved ones, nor has IPv6 or a point-to-point link.
    if network.num_addresses <= 2 or network.version == 6 or written.options.peer:
        return None
    inside = "use an address inside the network"
    if address == network.network_address:
        return WordError(f"{text} is the address of the network {network} itself", inside)
    if address == network.broadcast_address:
        return WordError(f"{text} is the broadcast address of {network}", inside)
    return None


def _repeated_addresses(config: Config) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for path, text, interface in _address_texts(config):
        if _why_unusable(text, interface) is not None:
            continue
        address = read_address(text, interface).vip.address
        if address in first:
            fix = "an address has one owner, so keep it in one place"
            yield Finding(path, f"{address} is also {dotted(first[address])}", fix)
        else:
            first[address] = path
