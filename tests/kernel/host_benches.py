"""A bench holds one host under test, and does to it what others do to a real one.

Rules of this file: whatever a bench does goes for both hosts alike, so that a test cannot tell them apart.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Protocol

from tests.kernel_segment.segment import INTERFACE, run_inside
from vipkeeper.agent.clocks import boot_s
from vipkeeper.kernel.host_network import HostNetwork
from vipkeeper.kernel.memory_host import MemoryHost, MemoryKernel
from vipkeeper.kernel.netlink_host import NetlinkHost
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.vips import VipAddress


class HostBench(Protocol):
    """One machine with an interface called eth0."""

    def run(self, body: Callable[[], None]) -> None:
        """Carry out a test's body on this machine."""
        ...

    def start(self) -> HostNetwork:
        """A new process' view of this machine; call it inside `run`."""
        ...

    def add_interface(self, name: str) -> None: ...

    def remove_interface(self, name: str) -> None: ...

    def set_carrier(self, name: str, *, up: bool) -> None: ...

    def add_by_hand(self, vip: VipAddress) -> None: ...

    def remove_by_hand(self, vip: VipAddress) -> None: ...

    def strip_fence(self, kind: FenceKind, name: str) -> bool:
        """Somebody takes the fence off; whether the kernel let them."""
        ...

    def close(self) -> None: ...


class MemoryBench:
    """See `HostBench`."""

    def __init__(self) -> None:
        self.kernel = MemoryKernel(boot_s)
        self.kernel.add_interface(INTERFACE)

    def run(self, body: Callable[[], None]) -> None:
        body()

    def start(self) -> HostNetwork:
        return MemoryHost(self.kernel)

    def add_interface(self, name: str) -> None:
        self.kernel.add_interface(name)

    def remove_interface(self, name: str) -> None:
        self.kernel.remove_interface(name)

    def set_carrier(self, name: str, *, up: bool) -> None:
        self.kernel.set_carrier(name, up=up)

    def add_by_hand(self, vip: VipAddress) -> None:
        self.kernel.foreign.add(vip)

    def remove_by_hand(self, vip: VipAddress) -> None:
        self.kernel.remove_by_hand(vip)

    def strip_fence(self, kind: FenceKind, name: str) -> bool:
        self.kernel.strip_fence(name)
        return True

    def close(self) -> None:
        """Nothing is left of it."""


class NetlinkBench:
    """See `HostBench`."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._hosts: list[NetlinkHost] = []

    def run(self, body: Callable[[], None]) -> None:
        run_inside(self._namespace, body)

    def start(self) -> HostNetwork:
        host = NetlinkHost(boot_s)
        self._hosts.append(host)
        return host

    def add_interface(self, name: str) -> None:
        self._namespace.configure(
            f"link add {name} type veth peer name {name}-peer",
            f"link set {name}-peer up",
            f"link set {name} up",
        )

    def remove_interface(self, name: str) -> None:
        self._namespace.configure(f"link del {name}")

    def set_carrier(self, name: str, *, up: bool) -> None:
        self._namespace.configure(f"link set {name}-peer {'up' if up else 'down'}")

    def add_by_hand(self, vip: VipAddress) -> None:
        self._namespace.configure(f"address add {vip.address}/{vip.prefix_length} dev {vip.interface}")

    def remove_by_hand(self, vip: VipAddress) -> None:
        self._namespace.configure(f"address del {vip.address}/{vip.prefix_length} dev {vip.interface}")

    def strip_fence(self, kind: FenceKind, name: str) -> bool:
        if kind is FenceKind.BPF:
            self._namespace.run("tc", "qdisc", "del", "dev", name, "clsact")
            return True
        self._namespace.run("sh", "-c", "nft delete table netdev vipkeeper || true")
        tables = json.loads(self._namespace.run("nft", "-j", "list", "tables"))
        return not any("table" in entry for entry in tables["nftables"])

    def close(self) -> None:
        """The namespace ends with its fixture; what is attached goes with it."""


def on_machine(test: Callable[[HostBench], None]) -> Callable[[HostBench], None]:
    """Run a test's body on the bench's machine."""

    @functools.wraps(test)
    def run(bench: HostBench) -> None:
        bench.run(lambda: test(bench))

    return run
