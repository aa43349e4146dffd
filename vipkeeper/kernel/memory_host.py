"""The in-memory partner of the real host: a kernel made of values, and the `HostNetwork` over it.

Rules of this file: time comes from the caller's clock and nothing happens but by its passing or by a call. A
`MemoryKernel` outlives its hosts as the real one outlives a process; what its methods do is what others do to
a real one. Whatever both can do is in one test suite for both (tests/kernel).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping

from vipkeeper.changes.change_kinds import (
    AddAddresses,
    Applied,
    Change,
    ForgetDeadlines,
    RefreshAddresses,
    RemoveAddresses,
    SetDeadlines,
)
from vipkeeper.kernel.host_network import ForeignAnnouncement, HostEvent, KernelChanged
from vipkeeper.model.address_options import AddressOptions
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import FenceInForce, HostReading, HostState, Lifetime, Link
from vipkeeper.model.vips import VipAddress

_LOOPBACK = "lo"


class MemoryKernel:
    """Interfaces, addresses and one fence. `clock` is CLOCK_BOOTTIME in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.interfaces: dict[str, Link] = {}
        self.foreign: set[VipAddress] = set()
        self.deadlines: dict[str, float] = {}
        self.fence: FenceKind | None = None
        self.fenced: set[str] = set()  # names of interfaces
        self.announced: list[tuple[float, VipAddress]] = []
        self.refusals: dict[VipAddress, str] = {}  # no such address is taken, with this reason
        self.stuck: dict[VipAddress, str] = {}  # no such address is given up, with this reason
        self.refused_fences: dict[FenceKind, str] = {}
        self.options: dict[VipAddress, AddressOptions] = {}  # of ours that are not plain
        self._ends: dict[VipAddress, float] = {}
        self._next_index = 1
        self._listeners: dict[object, Callable[[HostEvent], None]] = {}

    def add_interface(self, name: str, *, resolves: bool = True, port: bool = False) -> None:
        """A new interface, up. It has no fence."""
        mac = bytes((2, 0, 0, 0, 0, self._next_index))
        self.interfaces[name] = Link(name, self._next_index, mac, True, resolves, port)
        self._next_index += 1
        self._tell(KernelChanged())

    def remove_interface(self, name: str) -> None:
        """Its addresses and its fence go with it."""
        del self.interfaces[name]
        self.fenced.discard(name)
        self._ends = {vip: end for vip, end in self._ends.items() if vip.interface != name}
        self.foreign = {vip for vip in self.foreign if vip.interface != name}
        self._tell(KernelChanged())

    def set_carrier(self, name: str, *, up: bool) -> None:
        """Plug or unplug the cable."""
        link = self.interfaces[name]
        self.interfaces[name] = Link(name, link.index, link.mac, up, link.resolves, link.port)
        self._tell(KernelChanged())

    def remove_by_hand(self, vip: VipAddress) -> None:
        """An administrator removes an address."""
        self._ends.pop(vip, None)
        self.options.pop(vip, None)
        self.foreign.discard(vip)
        self._tell(KernelChanged())

    def strip_fence(self, name: str) -> None:
        """Somebody takes the fence off an interface."""
        self.fenced.discard(name)
        self._tell(KernelChanged())

    def announce_elsewhere(self, vip: VipAddress, mac: str) -> None:
        """Another machine says that it has this address."""
        self._tell(ForeignAnnouncement(vip, mac))

    def addresses(self) -> dict[VipAddress, float]:
        """Our addresses, and when each goes by itself."""
        now_s = self.clock()
        self._ends = {vip: end for vip, end in self._ends.items() if end > now_s}
        return dict(self._ends)

    def answers(self, address: str) -> bool:
        """Whether a machine on the segment gets an answer for this address."""
        if not any(vip.address == address for vip in {*self.addresses(), *self.foreign}):
            return False
        if self.deadlines.get(address, math.inf) > self.clock():
            return any(link.up and link.resolves for link in self.interfaces.values())
        return any(
            link.up and link.resolves and not link.port and name not in self.fenced
            for name, link in self.interfaces.items()
        )

    def put(self, vip: VipAddress, span: Lifetime, *, exclusive: bool) -> str:
        """Add or refresh; why not, or nothing."""
        now_s = self.clock()
        if vip in self.refusals:
            return self.refusals[vip]
        if vip.interface not in self.interfaces:
            return f"interface {vip.interface} does not exist"
        if span.whole_seconds(now_s) < 1:
            return "its lease ended before it could be added"
        if exclusive and (vip in self.foreign or vip in self.addresses()):
            return (
                f"{vip.address} is on {vip.interface} already and was not put there by vipkeeper: "
                f"ip address del {vip.address}/{vip.prefix_length} dev {vip.interface}"
            )
        self._ends[vip] = now_s + span.whole_seconds(now_s)
        return ""

    def style(self, vip: VipAddress, options: AddressOptions | None) -> None:
        """How an address that was just added looks."""
        self.options.pop(vip, None)
        if options is not None:
            self.options[vip] = options

    def take_away(self, vip: VipAddress) -> None:
        """Remove one of ours."""
        self.options.pop(vip, None)
        if self._ends.pop(vip, None) is not None:
            self._tell(KernelChanged())

    def subscribe(self, who: object, hear: Callable[[HostEvent], None]) -> None:
        self._listeners[who] = hear

    def unsubscribe(self, who: object) -> None:
        self._listeners.pop(who, None)

    def _tell(self, event: HostEvent) -> None:
        for hear in tuple(self._listeners.values()):
            hear(event)


class MemoryHost:
    """Implements `HostNetwork`."""

    def __init__(self, kernel: MemoryKernel) -> None:
        self._kernel = kernel
        self._watched: frozenset[VipAddress] = frozenset()

    def choose_fence(self, allowed: Iterable[FenceKind]) -> FenceInForce:
        """See `HostNetwork.choose_fence`."""
        kernel = self._kernel
        notes: list[str] = []
        for kind in allowed:
            if kind in kernel.refused_fences:
                notes.append(f"{kind.value}: {kernel.refused_fences[kind]}")
                continue
            if kind is not kernel.fence:
                self._start_anew(kind)
            self.restore_fence()
            return FenceInForce(kind, "; ".join(notes))
        raise KernelRefused(
            f"no allowed fence works: {'; '.join(notes)}; allow lifetime as well ([fence] allow)"
        )

    def _start_anew(self, kind: FenceKind) -> None:
        """A fence that knows nothing: what stands is closed."""
        kernel = self._kernel
        kernel.fence = kind
        kernel.fenced.clear()
        kernel.deadlines.clear()
        if kind is not FenceKind.LIFETIME:
            kernel.deadlines = {vip.address: 0.0 for vip in kernel.addresses()}

    def restore_fence(self) -> tuple[str, ...]:
        """See `HostNetwork.restore_fence`."""
        kernel = self._kernel
        if kernel.fence in (None, FenceKind.LIFETIME):
            return ()
        if kernel.fence in kernel.refused_fences:
            raise KernelRefused(kernel.refused_fences[kernel.fence])
        bare = tuple(
            name
            for name, link in kernel.interfaces.items()
            if link.resolves and not link.port and name not in kernel.fenced
        )
        kernel.fenced.update(bare)
        return bare

    def links(self) -> Mapping[str, Link]:
        """See `HostNetwork.links`."""
        return dict(self._kernel.interfaces)

    def read(self) -> HostReading:
        """See `HostNetwork.read`."""
        now_s = self._kernel.clock()
        ours = {vip: _known(end, now_s) for vip, end in self._kernel.addresses().items()}
        looks = {vip: look for vip, look in self._kernel.options.items() if vip in ours}
        elsewhere = frozenset(vip for vip in self._kernel.foreign if vip.interface != _LOOPBACK)
        return HostReading(HostState(ours, dict(self._kernel.deadlines), looks), elsewhere)

    def apply(self, change: Change) -> Applied:
        """See `HostNetwork.apply`."""
        kernel = self._kernel
        applied_at_s = kernel.clock()
        fenced = kernel.fence not in (None, FenceKind.LIFETIME)
        refused: dict[VipAddress, str] = {}
        match change:
            case SetDeadlines(deadlines) if fenced:
                kernel.deadlines.update(deadlines)
            case ForgetDeadlines(addresses):
                for text in addresses:
                    kernel.deadlines.pop(text, None)
            case AddAddresses(lifetimes, options):
                for vip, span in lifetimes.items():
                    if why := kernel.put(vip, span, exclusive=True):
                        refused[vip] = why
                for vip in lifetimes.keys() - refused.keys():
                    kernel.style(vip, options.get(vip))
            case RefreshAddresses(lifetimes):
                refused = {vip: kernel.put(vip, span, exclusive=False) for vip, span in lifetimes.items()}
            case RemoveAddresses(addresses):
                for vip in addresses:
                    if vip in kernel.stuck:
                        refused[vip] = kernel.stuck[vip]
                    else:
                        kernel.take_away(vip)
        return Applied(applied_at_s, {vip: why for vip, why in refused.items() if why})

    def announce(self, vips: Iterable[VipAddress]) -> None:
        """See `HostNetwork.announce`."""
        now_s = self._kernel.clock()
        for vip in vips:
            link = self._kernel.interfaces.get(vip.interface)
            if link is not None and link.up:
                self._kernel.announced.append((now_s, vip))

    def watch_announcements(self, vips: Iterable[VipAddress]) -> None:
        """See `HostNetwork.watch_announcements`."""
        self._watched = frozenset(vips)

    def listen(self, hear: Callable[[HostEvent], None]) -> None:
        """See `HostNetwork.listen`."""
        loop = asyncio.get_running_loop()

        def pass_on(event: HostEvent) -> None:
            if isinstance(event, KernelChanged) or event.vip in self._watched:
                loop.call_soon(hear, event)

        self._kernel.subscribe(self, pass_on)

    def close(self, *, keep: bool) -> None:
        """See `HostNetwork.close`."""
        self._kernel.unsubscribe(self)
        if not keep:
            self._kernel.fence = None
            self._kernel.fenced.clear()
            self._kernel.deadlines.clear()


def _known(end_s: float, now_s: float) -> Lifetime:
    """As the kernel shows it: whole seconds, rounded up."""
    left_s = math.ceil(end_s - now_s)
    return Lifetime(now_s + left_s - 1, now_s + left_s)
