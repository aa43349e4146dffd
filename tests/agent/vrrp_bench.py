"""Hosts in memory that speak VRRP with each other: the agent's shells over a segment and kernels of values.

Rules of this file: nothing of the agent is replaced but its seams (clock, ports, kernel); who answers is
asked of the kernels, and what was said of a listener on the cable.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import cast

import msgspec

from tests.agent.virtual_time import VirtualTimeLoop, in_virtual_time
from tests.config.sources import config_of
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.state_teller import StateTeller
from vipkeeper.agent.virtual_mac_places import placed_units
from vipkeeper.agent.vrrp_holds import KeptHolds
from vipkeeper.agent.vrrp_plan import RouterPlan, plan_router
from vipkeeper.agent.vrrp_report import router_reports
from vipkeeper.agent.vrrp_router import RouterAtWork
from vipkeeper.agent.vrrp_shell import VrrpShell
from vipkeeper.config.schema import Config
from vipkeeper.config.vrrp_rules import advertised_version
from vipkeeper.election.effects import Finished
from vipkeeper.kernel.memory_host import MemoryHost, MemoryKernel
from vipkeeper.model.agent_report import RouterReport
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.reasons import Reason
from vipkeeper.model.state_changes import StateChange
from vipkeeper.model.vips import Unit
from vrrp_compat.router.states import State
from vrrp_compat.sockets.memory_segment import MemorySegment
from vrrp_compat.wire.advertisement import Datagram
from vrrp_compat.wire.ah_sequence import AhSequence

VIP = "192.0.2.100"
ADDRESSES = ("192.0.2.11", "192.0.2.12")
HIGHER, LOWER = 120, 110
LOOK_S = 0.005


def toml(vrid: int = 51, address: str = VIP, *, name: str = "web", more: str = "", vrrp: str = "") -> str:
    """One VIP on eth0, advertised every second."""
    return (
        f'[vip.{name}]\naddresses = ["{address}"]\ninterface = "eth0"\n{more}\n'
        f"[vip.{name}.vrrp]\nvrid = {vrid}\n{vrrp}\n"
    )


def config(*vips: str, priority: int = 100) -> Config:
    return config_of(f'backend = "vrrp"\npriority = {priority}\n' + "".join(vips))


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


class Said(msgspec.Struct, frozen=True):
    """One datagram; whether its sender's kernel answered for the VIP when it was sent, and until when."""

    at_s: float
    host: str
    datagram: Datagram
    answered: bool
    until_s: float

    @property
    def priority(self) -> int:
        payload = self.datagram.payload
        return payload[26 if self.datagram.protocol == 51 else 2]

    @property
    def vrid(self) -> int:
        payload = self.datagram.payload
        return payload[25 if self.datagram.protocol == 51 else 1]


class Silenced:
    """What was asked of the kernel. `talked`: an address stood there without its rule."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.now: frozenset[str] = frozenset()
        self.talked = False

    def set(self, addresses: Collection[str]) -> None:
        standing = {vip.address for vip in self._node.kernel.addresses()}
        silent = {
            vip.address
            for plan in self._node.plans()
            if plan.silent
            for vip in plan.unit.addresses
            if vip.address in standing
        }
        self.talked |= not silent <= self.now
        self.now = frozenset(addresses)


class Node:
    """One host: its kernel stays over restarts of its agent, as its run directory does."""

    def __init__(self, bench: Bench, name: str, address: str, config: Config, directory: Path) -> None:
        self.bench = bench
        self.name = name
        self.sources: dict[int, bytes | None] = {
            4: packed(address),
            6: packed(f"fe80::{address.rpartition('.')[2]}"),
        }
        self.config = config
        self.names: dict[tuple[str, int], bytes] = {}
        self.sequences: Mapping[str, int] = {}
        self.kernel = MemoryKernel(bench.loop.time)
        self.kernel.add_interface("eth0")
        addresses = frozenset({packed(address)})
        self.ports = bench.segment.join(name, addresses=addresses)
        self.directory = directory
        self.tasks: list[asyncio.Task[None]] = []
        self.silence = Silenced(self)
        self.changes: list[StateChange] = []
        self.hear: Callable[[StateChange], None] = self.changes.append

    def plans(self) -> tuple[RouterPlan, ...]:
        return tuple(
            plan_router(
                self.config,
                unit,
                self.sources[advertised_version(self.config.vip[unit.name])],
                self.names,
            )
            for unit in self.units()
        )

    def units(self) -> tuple[Unit, ...]:
        return placed_units(self.config)

    def start(self, *, pending: str = "") -> Node:
        """A new process. `pending`: a VIP with a check that has no result yet."""
        loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[Finished] = loop.create_future()
        self.holds = KeptHolds(self.directory / f"{self.name}-holds", "this boot")
        self.shell = VrrpShell(
            self.ports,
            clock=loop.time,
            finished=self.finished,
            sequence_of=lambda name: AhSequence(self.sequences.get(name, 0)),
            holds=self.holds,
            silence=self.silence,
            teller=StateTeller(self.hear),
        )
        self.host = HostShell(
            MemoryHost(self.kernel),
            self.units(),
            self.shell.post,
            allowed=tuple(FenceKind),
            clock=loop.time,
            looked=lambda _links: self.shell.later(self.shell.check_ports),
        )
        self.host.start()
        self.host.fitness.checked({pending: (Reason.CHECK_PENDING, "slow")} if pending else {})
        self.tasks = [asyncio.create_task(self.host.run())]
        self.shell.begin(self.host, self.plans())
        return self

    def reload(self, config: Config) -> None:
        """As the decider does after SIGHUP."""
        self.config = config
        self.replan()

    def replan(self) -> None:
        """As the decider does when an address or a name changed."""
        self.shell.replan(self.plans(), self.units())

    def kill(self) -> None:
        """SIGKILL: nothing is said, the kernel keeps what it has."""
        self.shell.end()
        self._gone(keep=True)

    async def stop(self, *, keep: bool = False) -> None:
        """SIGTERM, or SIGUSR2 with `keep`."""
        self.shell.stop(keep=keep)
        async with asyncio.timeout(10.0):
            await self.finished
        self.shell.end()
        self._gone(keep=keep)

    def _gone(self, *, keep: bool) -> None:
        self.sequences = {name: one.sequence.highest for name, one in self.shell.routers.items()}
        for task in self.tasks:
            task.cancel()
        self.tasks = []
        self.host.close(keep=keep)
        self.holds.close()

    def answers(self, address: str = VIP) -> bool:
        return self.ports.is_up and self.kernel.answers(address)

    def router(self, name: str = "web") -> RouterAtWork:
        return self.shell.routers[name]

    def report(self, name: str = "web") -> RouterReport:
        (report,) = router_reports([self.router(name)], self.bench.loop.time())
        return report

    def pull_cable(self) -> None:
        self.ports.set_interface(up=False)
        self.kernel.set_carrier("eth0", up=False)

    def plug_cable(self) -> None:
        self.ports.set_interface(up=True)
        self.kernel.set_carrier("eth0", up=True)

    def remove_interface(self) -> None:
        self.ports.remove_interface()
        self.kernel.remove_interface("eth0")

    def add_interface(self) -> None:
        self.ports.add_interface()
        self.kernel.add_interface("eth0")


class Bench:
    """One cable with a listener. Made inside of a running VirtualTimeLoop."""

    def __init__(self, directory: Path) -> None:
        self.loop = cast("VirtualTimeLoop", asyncio.get_running_loop())
        self.directory = directory
        self.segment = MemorySegment(self.loop.time, self._fate)
        self.segment.join("listener")  # every datagram gets there
        self.nodes: dict[str, Node] = {}
        self.said: list[Said] = []
        self.doubles: list[tuple[float, str]] = []

    def node(self, name: str, address: str, config: Config) -> Node:
        node = self.nodes[name] = Node(self, name, address, config, self.directory)
        return node

    def _fate(self, sender: str, receiver: str, datagram: Datagram) -> Iterable[float]:
        multicast = datagram.destination[0] in (0xE0, 0xFF)
        if receiver == "listener" or not multicast:
            node = self.nodes.get(sender)
            answered = node is not None and node.answers()
            until_s = 0.0 if node is None else node.kernel.deadlines.get(VIP, 0.0)
            self.said.append(Said(self.loop.time(), sender, datagram, answered, until_s))
        return (0.0002,)

    def by(self, node: Node, *, since_s: float = 0.0) -> list[Said]:
        return [each for each in self.said if each.host == node.name and each.at_s >= since_s]

    async def passes(self, length_s: float, *addresses: str) -> None:
        """Let time pass; whoever answers beside another one is noted."""
        await self.until(lambda: False, length_s, *addresses, required=False)

    async def until(
        self, true: Callable[[], bool], within_s: float, *addresses: str, required: bool = True
    ) -> None:
        """Let time pass until it is true."""
        end_s = self.loop.time() + within_s
        while not true():
            for address in addresses or (VIP,):
                if sum(node.answers(address) for node in self.nodes.values()) > 1:
                    self.doubles.append((self.loop.time(), address))
            if self.loop.time() >= end_s:
                assert not required, f"not within {within_s:g} s"
                return
            await asyncio.sleep(LOOK_S)


Story = Callable[[Bench], Coroutine[object, object, None]]


def play(directory: Path, story: Story) -> Bench:
    """On a fresh cable; nobody may ever answer beside another one."""
    benches: list[Bench] = []

    @in_virtual_time
    async def told() -> None:
        benches.append(Bench(directory))
        await story(benches[0])

    told()
    assert benches[0].doubles == []
    return benches[0]


async def pair(bench: Bench, *vips: str) -> tuple[Node, Node]:
    """A master and its backup."""
    higher = bench.node("a", ADDRESSES[0], config(*(vips or (toml(),)), priority=HIGHER)).start()
    lower = bench.node("b", ADDRESSES[1], config(*(vips or (toml(),)), priority=LOWER)).start()
    await bench.until(higher.answers, 5.0)
    await bench.passes(1.5)
    assert lower.router().last_state is State.BACKUP
    return higher, lower
