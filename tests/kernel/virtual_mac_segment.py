"""Two routers a and b and a client c on a bridge, and what the client sees of a virtual MAC."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.kernel_segment.segment import PATIENCE_S, run_inside
from tests.vrrp_sockets.segment_benches import INTERFACE, RawBench, own_address
from vipkeeper.agent.clocks import boot_s
from vipkeeper.changes.change_kinds import AddAddresses, RemoveAddresses
from vipkeeper.kernel.netlink_host import NetlinkHost
from vipkeeper.kernel.virtual_mac import Found, Presence, VirtualMac, VirtualMacs
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.model.host import Lifetime
from vipkeeper.model.vips import VipAddress

VRID = 5
MAC4 = "00:00:5e:00:01:05"
MAC6 = "00:00:5e:00:02:05"
VIRTUAL4 = VirtualMac(INTERFACE, VRID, 4)
VIRTUAL6 = VirtualMac(INTERFACE, VRID, 6)
VIP4 = VipAddress("10.9.1.1", 32, VIRTUAL4.interface)
VIP6 = VipAddress("fd09::1:1", 128, VIRTUAL6.interface)
VIP6_LINK_LOCAL = VipAddress("fe80::5:1", 128, VIRTUAL6.interface)
MAC = {4: MAC4, 6: MAC6}
VIRTUAL = {4: VIRTUAL4, 6: VIRTUAL6}
_PORT = 7777
_ETH_P_ALL = 3
_LIFETIME_S = 600.0

T = TypeVar("T")


class RouterHost:
    """Router a or b: its virtual MACs and its addresses, in its namespace."""

    def __init__(self, bench: RawBench, name: str, memory: Path) -> None:
        self.name = name
        self.namespace = bench.namespaces[name]
        self.memory = memory
        self.macs = self.inside(lambda: VirtualMacs(memory))
        self.host = self.inside(lambda: NetlinkHost(boot_s))
        self._echo: dict[str, socket.socket] = {}

    def inside(self, function: Callable[[], T]) -> T:
        return run_inside(self.namespace, function)

    def ensure(self, *wanted: VirtualMac) -> dict[VirtualMac, Found]:
        return dict(self.inside(lambda: self.macs.ensure(wanted)))

    def have(self, *wanted: VirtualMac) -> None:
        """They have to be there now."""
        for found in self.ensure(*wanted).values():
            assert found.presence is not Presence.MISSING, found.note

    def serve(self, *vips: VipAddress) -> None:
        """Take the addresses, say so, and answer datagrams at each with our name."""
        now_s = boot_s()
        span = Lifetime(now_s + _LIFETIME_S - 1, now_s + _LIFETIME_S)
        applied = self.inside(lambda: self.host.apply(AddAddresses(dict.fromkeys(vips, span))))
        assert applied.refused == {}
        for vip in vips:
            self._echo[vip.address] = self.inside(partial(_listen, vip))
        self.inside(lambda: self.host.announce(vips))

    def answer(self) -> None:
        for listener in self._echo.values():
            with contextlib.suppress(BlockingIOError):
                _, sender = listener.recvfrom(64)
                listener.sendto(self.name.encode(), sender)

    def yield_up(self, *vips: VipAddress) -> None:
        assert self.inside(lambda: self.host.apply(RemoveAddresses(vips))).refused == {}
        for vip in vips:
            self._echo.pop(vip.address).close()

    def say_something(self, vip: VipAddress, client: str) -> None:
        """Unasked, from the virtual address."""
        self._echo[vip.address].sendto(b"unasked", (client, _PORT))

    def setting(self, path: str) -> str:
        return self.namespace.run("cat", f"/proc/sys/net/{path}").strip()

    def write_setting(self, path: str, value: str) -> None:
        self.namespace.run("sh", "-c", f"echo {value} > /proc/sys/net/{path}")

    def link(self, name: str) -> dict[str, object]:
        """What `ip` shows of an interface; nothing when there is none."""
        shown = json.loads(self.namespace.run("ip", "-j", "-d", "link", "show"))
        return next((dict(one) for one in shown if one.get("ifname") == name), {})

    def close(self) -> None:
        for listener in self._echo.values():
            listener.close()
        self.inside(lambda: self.host.close(keep=True))
        self.inside(lambda: self.macs.close(keep=True))


@contextlib.contextmanager
def router_hosts(bench: RawBench, directory: Path, *names: str) -> Iterator[list[RouterHost]]:
    """Routers; the namespaces take everything with them in the end."""
    made: list[RouterHost] = []
    try:
        for name in names:
            made.append(RouterHost(bench, name, directory / f"{name}-settings"))  # noqa: PERF401 - closed below
        yield made
    finally:
        for one in made:
            one.close()


def _listen(vip: VipAddress) -> socket.socket:
    listener = socket.socket(socket.AF_INET if vip.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    listener.setblocking(False)
    scope = socket.if_nametoindex(vip.interface)
    listener.bind((vip.address, _PORT) if vip.version == 4 else (vip.address, _PORT, 0, scope))
    return listener


def who_answers(
    client: Namespace, vip: VipAddress, routers: list[RouterHost], *, patience_s: float = PATIENCE_S
) -> str:
    """The router that answers a datagram from the client, as soon as one does."""
    family = socket.AF_INET if vip.version == 4 else socket.AF_INET6
    asker = client.socket(family, socket.SOCK_DGRAM)
    asker.settimeout(0.05)
    scope = 0
    if vip.address.startswith("fe80"):
        scope = run_inside(client, lambda: socket.if_nametoindex(INTERFACE))
    target = (vip.address, _PORT) if vip.version == 4 else (vip.address, _PORT, 0, scope)
    gives_up_s = time.monotonic() + patience_s
    try:
        while time.monotonic() < gives_up_s:
            asker.sendto(b"who?", target)
            time.sleep(0.005)
            for one in routers:
                one.answer()
            with contextlib.suppress(TimeoutError):
                return asker.recv(64).decode()
    finally:
        asker.close()
    raise AssertionError(f"nobody answers at {vip.address}")


def neighbour_mac(client: Namespace, address: str) -> str | None:
    """At which MAC the client believes an address to be."""
    shown = json.loads(client.run("ip", "-j", "neigh", "show", "dev", INTERFACE))
    return next((entry.get("lladdr") for entry in shown if entry["dst"] == address), None)


class Tap:
    """All frames that reach the client."""

    def __init__(self, client: Namespace) -> None:
        self._socket = client.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.bind((INTERFACE, _ETH_P_ALL))
        self._socket.setblocking(False)

    def frames(self) -> list[bytes]:
        frames = []
        while True:
            try:
                frames.append(self._socket.recv(2048))
            except BlockingIOError:
                return frames

    def close(self) -> None:
        self._socket.close()


def claimed_macs(frames: list[bytes], address: str) -> set[str]:
    """The MACs that ARP packets and neighbour advertisements gave for an address."""
    packed = ipaddress.ip_address(address).packed
    macs = set()
    for frame in frames:
        ether_type = int.from_bytes(frame[12:14])
        if ether_type == 0x0806 and frame[28:32] == packed:
            macs.add(frame[22:28].hex(":"))
        if ether_type == 0x86DD and frame[20] == 58 and frame[54] == 136 and frame[62:78] == packed:
            macs.add(frame[80:86].hex(":"))
            macs.add(frame[6:12].hex(":"))
    return macs


def learnt_port(switch: Namespace, mac: str) -> str | None:
    """The port behind which the bridge believes a MAC to be."""
    shown = json.loads(switch.run("bridge", "-j", "fdb", "show", "br", "lan"))
    return next((entry["ifname"] for entry in shown if entry["mac"] == mac), None)


def client_address(ip_version: int) -> str:
    return str(ipaddress.ip_address(own_address("c", ip_version)))
