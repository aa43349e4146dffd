"""Which VIPs a virtual server belongs to: those that have addresses of it.

Rules of this file: pure; it takes any Config. A group may stand for 65536 addresses and is not spread out.
"""

from __future__ import annotations

import bisect
import functools
import ipaddress

from vipkeeper.config.address_rules import good_addresses
from vipkeeper.config.group_addresses import GroupEntry
from vipkeeper.config.resolved_services import ResolvedService
from vipkeeper.config.schema import Config


class VipHolders:
    """The VIPs of a configuration, by their addresses."""

    def __init__(self, config: Config) -> None:
        self._names = {address: str(path[1]) for path, address in good_addresses(config)}

    def by_address(self, service: ResolvedService) -> tuple[str, ...]:
        """Names of VIPs with addresses of this virtual server, in the order of its addresses."""
        if service.address is not None:
            name = self._names.get(service.address.text)
            return () if name is None else (name,)
        names = (name for _, entry in service.entries for name in self._within(entry))
        return tuple(dict.fromkeys(names))

    def of(self, service: ResolvedService) -> tuple[str, ...]:
        """The VIPs that it belongs to: the one that it names, or else those of its addresses."""
        named = service.written.vip
        return self.by_address(service) if named is None else (named,)

    def _within(self, entry: GroupEntry) -> list[str]:
        numbers, names = self._in_order[entry.version]
        first = bisect.bisect_left(numbers, entry.first)
        return names[first : bisect.bisect_left(numbers, entry.first + entry.count)]

    @functools.cached_property
    def _in_order(self) -> dict[int, tuple[list[int], list[str]]]:
        """By IP version: the addresses as numbers that grow, and beside them the VIPs."""
        found: dict[int, tuple[list[int], list[str]]] = {4: ([], []), 6: ([], [])}
        read = ((ipaddress.ip_address(text), name) for text, name in self._names.items())
        for number, version, name in sorted((int(address), address.version, name) for address, name in read):
            numbers, names = found[version]
            numbers.append(number)
            names.append(name)
        return found
