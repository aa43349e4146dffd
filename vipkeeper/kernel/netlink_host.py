"""The real host: rtnetlink for links and addresses, a packet fence, raw frames for announcements.

Rules of this file: it carries out and reports, it decides nothing. The fence is put on every interface that
could answer for an address of this host, because Linux answers ARP for any local address on any of them; on
ports of a bridge or bond it stands on the upper device alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from vipkeeper.changes.change_kinds import (
    AddAddresses,
    Applied,
    Change,
    ForgetDeadlines,
    RefreshAddresses,
    RemoveAddresses,
    SetDeadlines,
)
from vipkeeper.kernel.addresses import (
    RTM_DELADDR,
    RTM_NEWADDR,
    add_addresses,
    read_addresses,
    refresh_addresses,
    remove_addresses,
)
from vipkeeper.kernel.announcement_frames import announcements
from vipkeeper.kernel.bpf_fence import BpfFence
from vipkeeper.kernel.conflict_watch import ConflictWatch
from vipkeeper.kernel.fence import Fence
from vipkeeper.kernel.host_network import ForeignAnnouncement, HostEvent, KernelChanged
from vipkeeper.kernel.links import RTM_DELLINK, RTM_NEWLINK, read_links
from vipkeeper.kernel.netlink_socket import NetlinkSocket, receive_events
from vipkeeper.kernel.secondary_addresses import keep_secondaries
from vipkeeper.kernel.segment_sender import SegmentSender
from vipkeeper.kernel.traffic_control import RTM_DELQDISC, RTM_DELTFILTER, detach_programs
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import FenceInForce, HostReading, HostState, Link
from vipkeeper.model.vips import VipAddress

_NETLINK_ROUTE = 0
# RTMGRP_LINK, RTMGRP_TC, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
_GROUPS = 0x1 | 0x8 | 0x10 | 0x100
_LOOPBACK = "lo"
_REMAINS_AFTER_S = 1.0
# A new address is our own doing, or nobody's loss; 1000 of ours are refreshed each second.
_TELLING = frozenset({RTM_NEWLINK, RTM_DELLINK, RTM_DELADDR, RTM_DELQDISC, RTM_DELTFILTER})
assert RTM_NEWADDR not in _TELLING  # noqa: S101 - says it where the set is read


class NetlinkHost:
    """Implements `HostNetwork` for the namespace in which it is made. Raises MissingPrivilege."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._netlink = NetlinkSocket(_NETLINK_ROUTE)
        self._netlink.enlarge()
        self._sender = SegmentSender()
        self._fence: Fence | None = None
        self._links: dict[str, Link] = read_links(self._netlink)
        self._listener: socket.socket | None = None
        self._watch: ConflictWatch | None = None
        self._hear: Callable[[HostEvent], None] | None = None

    def choose_fence(self, allowed: Iterable[FenceKind]) -> FenceInForce:
        """See `HostNetwork.choose_fence`."""
        notes: list[str] = []
        standing = {vip.address for vip in self.read().state.addresses}
        for kind in allowed:
            if kind is FenceKind.LIFETIME:
                self._remove_fences_but(kind)
                return FenceInForce(kind, "; ".join(notes))
            try:
                self._fence = self._open_fence(kind, standing)
                self.restore_fence()
            except KernelRefused as refused:
                notes.append(f"{kind.value}: {refused}")
                self._drop_fence()
            else:
                self._remove_fences_but(kind)
                return FenceInForce(
                    kind, "; ".join([*notes, self._fence.note] if self._fence.note else notes)
                )
        raise KernelRefused(
            f"no allowed fence works: {'; '.join(notes)}; allow lifetime as well ([fence] allow)"
        )

    def _open_fence(self, kind: FenceKind, standing: Iterable[str]) -> Fence:
        if kind is FenceKind.BPF:
            return BpfFence(self._netlink, self._fenced_links(), standing)
        from vipkeeper.kernel.nftables_fence import NftablesFence

        return NftablesFence(self._clock, standing)

    def _remove_fences_but(self, kind: FenceKind) -> None:
        """What another configuration left would fence by its last deadlines for ever."""
        if kind is not FenceKind.BPF:
            for link in self._fenced_links():
                detach_programs(self._netlink, link)
        if kind is FenceKind.LIFETIME:
            self._remove_table()
        # Behind bpf it waits for `listen`: to ask costs 20 ms, which a restart does not have.

    @staticmethod
    def _remove_table() -> None:
        from vipkeeper.kernel.nftables_fence import remove_table

        with contextlib.suppress(KernelRefused):
            remove_table()

    def _drop_fence(self) -> None:
        if self._fence is not None:
            for link in self._fenced_links():
                with contextlib.suppress(KernelRefused):
                    self._fence.detach(link)
            self._fence.close()
            self._fence = None

    def restore_fence(self) -> tuple[str, ...]:
        """See `HostNetwork.restore_fence`."""
        if self._fence is None:
            return ()
        restored = []
        for link in self._fenced_links():
            if self._fence.is_attached(link):
                continue
            try:
                self._fence.attach(link)
            except KernelRefused:
                # An interface may go at any time, as those of containers do. That is no refusal.
                if any(present.index == link.index for present in self.links().values()):
                    raise
            else:
                restored.append(link.name)
        return tuple(restored)

    def _fenced_links(self) -> list[Link]:
        return [link for link in self._links.values() if link.resolves and not link.port]

    def links(self) -> Mapping[str, Link]:
        """See `HostNetwork.links`."""
        self._links = read_links(self._netlink)
        return self._links

    def _links_of(self, vips: Iterable[VipAddress]) -> Mapping[str, Link]:
        """Read anew, unless the interfaces of these are the known ones: a client waits for this change."""
        known = self._links
        names = {vip.interface for vip in vips}
        same = all(name in known and _index(name) == known[name].index for name in names)
        return known if same else self.links()

    def read(self) -> HostReading:
        """See `HostNetwork.read`."""
        names = {link.index: link.name for link in self.links().values()}
        now_s = self._clock()
        found = read_addresses(self._netlink, names, now_s)
        deadlines = self._fence.deadlines(now_s) if self._fence is not None else {}
        elsewhere = frozenset(vip for vip in found.foreign if vip.interface != _LOOPBACK)
        return HostReading(HostState(found.ours, deadlines, found.options), elsewhere)

    def apply(self, change: Change) -> Applied:
        """See `HostNetwork.apply`."""
        now_s = self._clock()
        match change:
            case SetDeadlines(deadlines):
                if self._fence is not None:
                    self._fence.set_deadlines(deadlines)
            case ForgetDeadlines(addresses):
                if self._fence is not None:
                    self._fence.forget(addresses)
            case AddAddresses(lifetimes):
                keep_secondaries(lifetimes)
                links = self._links_of(lifetimes)
                return Applied(now_s, add_addresses(self._netlink, links, change, now_s))
            case RefreshAddresses():
                return Applied(now_s, refresh_addresses(self._netlink, self._links, change, now_s))
            case RemoveAddresses(addresses):
                return Applied(now_s, remove_addresses(self._netlink, self._links_of(addresses), change))
        return Applied(now_s)

    def announce(self, vips: Iterable[VipAddress]) -> None:
        """See `HostNetwork.announce`."""
        frames: dict[str, list[bytes]] = {}
        forwards: dict[str, bool] = {}
        for vip in vips:
            link = self._links.get(vip.interface)
            if link is not None and link.mac:
                if vip.version == 6 and link.name not in forwards:
                    forwards[link.name] = self._forwards_ipv6(link.name)
                router = forwards.get(link.name, False)
                frames.setdefault(link.name, []).extend(announcements(vip, link.mac, router=router))
        for name, several in frames.items():
            self._sender.send(self._links[name], several)

    @staticmethod
    def _forwards_ipv6(interface: str) -> bool:
        try:
            setting = Path(f"/proc/sys/net/ipv6/conf/{interface}/forwarding").read_text(encoding="ascii")
        except OSError:
            return False  # the interface went, or IPv6 is off
        return setting.strip() == "1"

    def watch_announcements(self, vips: Iterable[VipAddress]) -> None:
        """See `HostNetwork.watch_announcements`."""
        if self._watch is not None:
            self._watch.watch(self._links, vips)

    def listen(self, hear: Callable[[HostEvent], None]) -> None:
        """See `HostNetwork.listen`."""
        self._hear = hear
        self._watch = ConflictWatch(lambda vip, mac: hear(ForeignAnnouncement(vip, mac)))
        self._listener = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE
        )
        self._listener.bind((0, _GROUPS))
        loop = asyncio.get_running_loop()
        loop.add_reader(self._listener, self._events_wait)
        if isinstance(self._fence, BpfFence):
            loop.call_later(_REMAINS_AFTER_S, self._remove_table)

    def _events_wait(self) -> None:
        if self._listener is None or self._hear is None:
            return
        telling = False
        try:
            for kind, _ in receive_events(self._listener):
                telling |= kind in _TELLING
        except OSError as lost:
            if lost.errno != errno.ENOBUFS:
                raise
            telling = True
        if telling:
            self._hear(KernelChanged())

    def close(self, *, keep: bool) -> None:
        """See `HostNetwork.close`."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        if self._watch is not None:
            self._watch.close()
        if keep and self._fence is not None:
            self._fence.close()
        elif not keep:
            self._drop_fence()
        self._sender.close()
        self._netlink.close()


def _index(name: str) -> int:
    """In 10 us; a reading of all interfaces takes 0.5 ms and more. 0: there is none of that name."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0
