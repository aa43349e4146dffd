"""Virtual MACs of one agent: which VIPs stand on an interface of their own, and that these are there.

Rules of this file: for a store as for VRRP, so it knows no virtual router; what is configured no more is
removed after its addresses, never before.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from vipkeeper.agent.logs import log
from vipkeeper.config.consequences import build_members, build_units, configured_addresses
from vipkeeper.config.schema import Config
from vipkeeper.config.vip_schema import Vip
from vipkeeper.config.vrrp_rules import advertised_version
from vipkeeper.kernel.virtual_mac import VirtualMac, VirtualMacs
from vipkeeper.model.host import Link
from vipkeeper.model.vips import Unit, VipAddress


def virtual_mac(vip: Vip) -> VirtualMac | None:
    """The interface of its own that the VIP asks for, if it does."""
    vrrp = vip.vrrp
    if not vrrp.virtual_mac or vrrp.vrid is None:
        return None
    return VirtualMac(vip.interface, vrrp.vrid, advertised_version(vip), vrrp.virtual_mac_name or "")


def placed_units(config: Config) -> tuple[Unit, ...]:
    """The units of ownership; a virtual MAC takes the addresses of its VIP, but for those elsewhere."""
    return build_units(config, _placed_addresses)


def placed_members(config: Config) -> tuple[Unit, ...]:
    """Each VIP by itself, as one virtual router speaks of it."""
    return build_members(config, _placed_addresses)


def _placed_addresses(vip: Vip) -> tuple[VipAddress, ...]:
    addresses, virtual = configured_addresses(vip), virtual_mac(vip)
    if virtual is None:
        return addresses
    return tuple(_moved(each, virtual) for each in addresses)


def _moved(address: VipAddress, virtual: VirtualMac) -> VipAddress:
    return replace(address, interface=virtual.interface) if address.interface == virtual.base else address


class VirtualMacPlaces:
    """All of one agent. `memory` is the file where settings stand that are to be put back."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._wanted: Mapping[VirtualMac, str] = {}  # each with its VIP
        self._links: Mapping[str, Link] = {}
        self._macs: VirtualMacs | None = None
        self._told: dict[str, str] = {}  # by interface: what was said of it

    def want(self, config: Config) -> None:
        """Make what this configuration needs; what it does not is left. Raises MissingPrivilege."""
        vips = config.vip.items()
        self._wanted = {virtual: name for name, vip in vips if (virtual := virtual_mac(vip)) is not None}
        self._ensure()

    def let_go(self, before: Config) -> None:
        """Remove what an earlier configuration needed and the present one does not."""
        if self._macs is not None:
            needed = [virtual_mac(vip) for vip in before.vip.values()]
            self._macs.remove([one for one in needed if one is not None and one not in self._wanted])

    def looked(self, links: Mapping[str, Link]) -> bool:
        """Take a fresh reading of the links; whether `follow_links` has something to do."""
        before, self._links = self._links, links
        ours = {name for one in self._wanted for name in (one.base, one.interface)}
        return any(_index(before, name) != _index(links, name) for name in ours)

    def follow_links(self) -> None:
        """One came, went or is another one: put right what stands on it."""
        self._ensure()

    def close(self, *, keep: bool) -> None:
        """Unless `keep`, nothing of them is left in the kernel."""
        if self._macs is not None:
            self._macs.close(keep=keep)

    def _ensure(self) -> None:
        if self._macs is None:
            if not self._wanted:
                return
            self._macs = VirtualMacs(self._memory)
        for virtual, found in self._macs.ensure(self._wanted).items():
            if found.note and self._told.get(virtual.interface) != found.note:
                log(logging.WARNING, "virtual-mac", found.note, vip=self._wanted[virtual])
            self._told[virtual.interface] = found.note


def _index(links: Mapping[str, Link], name: str) -> int:
    link = links.get(name)
    return 0 if link is None else link.index
