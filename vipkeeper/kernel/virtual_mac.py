"""Virtual MACs (RFC 9568 section 7.3): one macvlan interface for each virtual router that wants one.

Rules of this file: level-triggered; an interface that is exactly as it should be is taken over, whoever made
it, and one that differs is never touched. It is there and up in every role, because a backup hears the master
through it: in private mode Linux hands a frame from the virtual MAC to this interface alone. It has no
address but virtual ones (docs/decisions/0016-virtual-mac.md).
"""

from __future__ import annotations

import enum
import errno
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from vipkeeper.changes.change_kinds import RemoveAddresses
from vipkeeper.kernel.addresses import read_addresses, remove_addresses
from vipkeeper.kernel.group_reports import is_redirected, redirect_reports
from vipkeeper.kernel.kernel_settings import KernelSettings
from vipkeeper.kernel.macvlan_messages import (
    KIND,
    MODES,
    PRIVATE,
    Device,
    as_link,
    delete,
    make_macvlan,
    read_devices,
    route_link_local,
    set_up,
)
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.virtual_mac_settings import free_from_all, let_all_go, prepare_virtual, silence_base
from vipkeeper.model.errors import KernelRefused

_NETLINK_ROUTE = 0
_PREFIX = {4: bytes.fromhex("00005e0001"), 6: bytes.fromhex("00005e0002")}
_NAME = {4: "vrrp", 6: "vrrp6"}


class VirtualMac(msgspec.Struct, frozen=True):
    """The interface of one virtual router. Without a name it is called as keepalived calls it."""

    base: str
    vrid: int
    ip_version: int  # 4 or 6
    name: str = ""

    @property
    def interface(self) -> str:
        return self.name or f"{_NAME[self.ip_version]}.{self.vrid}"

    @property
    def mac(self) -> bytes:
        return _PREFIX[self.ip_version] + bytes([self.vrid])


class Presence(enum.Enum):
    """How a virtual MAC interface comes to be there, or that it is not."""

    MADE = "made"
    ADOPTED = "adopted"  # it was there, left by a killed agent or by keepalived, exactly as it should be
    KEPT = "kept"  # since an earlier call of this process
    MISSING = "missing"


class Found(msgspec.Struct, frozen=True):
    """What became of one wanted interface. `note`: what an operator should know, or has to do."""

    presence: Presence
    note: str = ""


class VirtualMacs:
    """All virtual MAC interfaces of one agent, in the namespace in which it is made.

    `memory` is a file of the run directory: there stand the settings that a killed agent could not put back.
    """

    def __init__(self, memory: Path) -> None:
        self._netlink = NetlinkSocket(_NETLINK_ROUTE)
        self._settings = KernelSettings(memory)
        self._present: dict[VirtualMac, int] = {}  # -> index
        self._redirected: set[tuple[int, int, bytes]] = set()  # index, and the base's index and MAC

    def ensure(self, wanted: Iterable[VirtualMac]) -> Mapping[VirtualMac, Found]:
        """Make what is missing, adopt what is there, put right what others changed; no other is touched.

        At the start, after each change of the configuration or of the links. What was left by an earlier
        process and is not wanted any more is put back. Raises MissingPrivilege.
        """
        found: dict[VirtualMac, Found] = {}
        devices = read_devices(self._netlink)
        standing: dict[VirtualMac, Presence] = {}
        for virtual in wanted:
            try:
                standing[virtual] = self._stand(virtual, devices)
            except KernelRefused as refused:
                found[virtual] = self._missing(virtual, refused)
        if Presence.MADE in standing.values():
            devices = read_devices(self._netlink)
        try:
            self._free_from_all(standing)
        except KernelRefused as refused:
            self._give_up(standing, devices, refused, found)
        for virtual, presence in standing.items():
            if virtual in found:
                continue
            try:
                found[virtual] = self._prepare(virtual, presence, devices)
            except KernelRefused as refused:
                self._give_up({virtual: presence}, devices, refused, found)
        self._settings.put_back_unheld()
        return found

    def _missing(self, virtual: VirtualMac, refused: KernelRefused) -> Found:
        self._present.pop(virtual, None)
        return Found(Presence.MISSING, str(refused))

    def _give_up(
        self,
        standing: Mapping[VirtualMac, Presence],
        devices: Mapping[str, Device],
        refused: KernelRefused,
        found: dict[VirtualMac, Found],
    ) -> None:
        """What cannot work is not left behind, where it is we who made it."""
        for virtual, presence in standing.items():
            found[virtual] = self._missing(virtual, refused)
            self._settings.let_go(virtual.interface)
            if presence is Presence.MADE:
                delete(self._netlink, devices[virtual.interface])

    def _stand(self, virtual: VirtualMac, devices: Mapping[str, Device]) -> Presence:
        base = devices.get(virtual.base)
        if base is None:
            raise KernelRefused(f"{virtual.interface} needs interface {virtual.base}, which does not exist")
        device = devices.get(virtual.interface)
        if device is None:
            self._make(virtual, base, devices)
            return Presence.MADE
        if differences := _differences(virtual, base, device):
            raise KernelRefused(
                f"{device.name} exists and is not the virtual MAC interface of VRID {virtual.vrid} on "
                f"{virtual.base}: {', '.join(differences)}. If nobody needs it: ip link delete "
                f"{device.name}; else give this virtual router another name for its interface"
            )
        return Presence.KEPT if self._present.get(virtual) == device.index else Presence.ADOPTED

    def _make(self, virtual: VirtualMac, base: Device, devices: Mapping[str, Device]) -> None:
        for other in devices.values():
            if other.mac == virtual.mac and base.index in (other.lower_index, other.index):
                raise KernelRefused(
                    f"{other.name} has the virtual MAC of VRID {virtual.vrid} on {virtual.base} already: "
                    f"stop what uses it (keepalived, FRR), or ip link delete {other.name}, or name it as "
                    "the interface of this virtual router"
                )
        make_macvlan(self._netlink, virtual.interface, virtual.mac, base)

    def _free_from_all(self, standing: Iterable[VirtualMac]) -> None:
        names = {virtual.interface for virtual in (*standing, *self._present) if virtual.ip_version == 4}
        if names:
            free_from_all(self._settings, frozenset(names))

    def _prepare(self, virtual: VirtualMac, presence: Presence, devices: Mapping[str, Device]) -> Found:
        """Settings come before it is up, so that it never answers for others."""
        device, base = devices[virtual.interface], devices[virtual.base]
        prepare_virtual(device.name, base.name, virtual.ip_version, is_known=presence is Presence.KEPT)
        if virtual.ip_version == 4:
            silence_base(self._settings, device.name, base.name)
        notes = [self._redirect_reports(device, base)]
        if presence is Presence.ADOPTED:
            self._take_off_addresses_of(base, device)
            notes.insert(0, f"{device.name} was there already, as it should be")
        if not device.up:
            set_up(self._netlink, device)
        if virtual.ip_version == 6:
            try:
                route_link_local(self._netlink, device)
            except KernelRefused as refused:
                if refused.errno != errno.EEXIST:
                    raise
        self._present[virtual] = device.index
        return Found(presence, "; ".join(filter(None, notes)))

    def _take_off_addresses_of(self, base: Device, device: Device) -> None:
        """keepalived gives it the base's link-local address, for which a backup would answer."""
        names = {base.index: base.name, device.index: device.name}
        foreign = read_addresses(self._netlink, names, now_s=0.0).foreign
        at_base = {vip.address for vip in foreign if vip.interface == base.name}
        copied = [vip for vip in foreign if vip.interface == device.name and vip.address in at_base]
        remove_addresses(self._netlink, {device.name: as_link(device)}, RemoveAddresses(tuple(copied)))

    def _redirect_reports(self, device: Device, base: Device) -> str:
        bound = (device.index, base.index, base.mac)
        if bound in self._redirected and is_redirected(self._netlink, device):
            return ""
        try:
            redirect_reports(self._netlink, device, base)
        except KernelRefused as refused:
            return (
                "reports of joined groups leave under the virtual MAC, which misleads switches for a moment: "
                f"{refused}"
            )
        self._redirected.add(bound)
        return ""

    def remove(self, virtuals: Iterable[VirtualMac]) -> None:
        """Delete their interfaces and put back their settings; after their addresses, at a clean stop.

        Raises KernelRefused or MissingPrivilege.
        """
        devices = read_devices(self._netlink)
        for virtual in virtuals:
            index = self._present.pop(virtual, None)
            device = devices.get(virtual.interface)
            try:
                if device is not None and device.index == index:
                    delete(self._netlink, device)
            finally:
                self._settings.let_go(virtual.interface)
                if not any(one.ip_version == 4 for one in self._present):
                    let_all_go(self._settings)

    def close(self, *, keep: bool) -> None:
        """Let go of the kernel; unless `keep`, with nothing of ours left in it."""
        try:
            if not keep:
                self.remove(list(self._present))
        finally:
            self._netlink.close()


def _differences(virtual: VirtualMac, base: Device, device: Device) -> list[str]:
    """In what an interface is not the wanted one, for people."""
    if device.kind != KIND:
        return [f"it is a {device.kind or 'physical'} interface"]
    said = []
    if device.mode != PRIVATE:
        said.append(f"it is a macvlan in {MODES.get(device.mode, 'another')} mode, not private")
    if device.lower_index != base.index:
        said.append(f"it stands on another interface than {base.name}")
    if device.mac != virtual.mac:
        said.append(f"its MAC is {device.mac.hex(':')}, not {virtual.mac.hex(':')}")
    return said
