"""The shell over a real kernel, and what other people do to that kernel meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

import pytest

from tests.kernel_segment.segment import INTERFACE, Segment, make_segment, run_loop_inside, until_so
from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.election.effects import Holding
from vipkeeper.election.events import Event, FitnessChanged, KernelAdoptable, Withdrawn
from vipkeeper.kernel.netlink_host import NetlinkHost
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import Unit, VipAddress

pytestmark = pytest.mark.root

WEB = VipAddress("10.9.1.1", 32, INTERFACE)
WEB6 = VipAddress("fd09::1:1", 128, INTERFACE)
UNIT = Unit("web", (WEB, WEB6), 100)
EVERY = tuple(FenceKind)
LONG_S = 600.0


class Bench:
    """One process of ours on `segment.ours`."""

    def __init__(
        self, segment: Segment, units: tuple[Unit, ...] = (UNIT,), allowed: tuple[FenceKind, ...] = EVERY
    ) -> None:
        self.machine = segment.ours
        self.told: list[Event] = []
        self.shell = HostShell(NetlinkHost(boot_s), units, self.told.append, allowed=allowed, clock=boot_s)

    def hold(self, *names: str) -> None:
        self.shell.want({name: Holding(boot_s() + LONG_S) for name in names})

    def verdicts(self, unit: str) -> list[Reason | None]:
        return [
            event.unfit for event in self.told if isinstance(event, FitnessChanged) and unit in event.units
        ]

    def withdrawn(self) -> list[Withdrawn]:
        return [event for event in self.told if isinstance(event, Withdrawn)]

    def addresses(self, interface: str = INTERFACE) -> set[str]:
        """As `ip` shows them."""
        shown = json.loads(self.machine.run("ip", "-j", "address", "show", "dev", interface))
        return {
            f"{info['local']}/{info['prefixlen']}" for link in shown for info in link.get("addr_info", ())
        }

    def serves(self) -> bool:
        return {"10.9.1.1/32", "fd09::1:1/128"} <= self.addresses()

    def filters(self, interface: str = INTERFACE) -> str:
        return self.machine.run("tc", "filter", "show", "dev", interface, "ingress")

    @contextlib.asynccontextmanager
    async def running(self, *, keep: bool = False) -> AsyncIterator[None]:
        self.shell.start()
        task = asyncio.create_task(self.shell.run())
        try:
            yield
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.shell.close(keep=keep)


@pytest.fixture
def segment() -> Iterator[Segment]:
    with make_segment() as made:
        yield made


def play(segment: Segment, story: Callable[[], Coroutine[object, object, None]]) -> None:
    run_loop_inside(segment.ours, story)


def test_addresses_look_as_documented_and_leave_without_a_trace(segment: Segment) -> None:
    async def story() -> None:
        bench = Bench(segment)
        before = bench.addresses()
        async with bench.running():
            bench.hold("web")
            shown = json.loads(bench.machine.run("ip", "-j", "address", "show", "dev", INTERFACE))
            ours = {
                info["local"]: info
                for info in shown[0]["addr_info"]
                if info["local"] in ("10.9.1.1", "fd09::1:1")
            }
            for info in ours.values():
                assert info["noprefixroute"] is True
                assert LONG_S < info["valid_life_time"] <= LONG_S + 2
            assert ours["fd09::1:1"]["nodad"] is True
            assert "vipkeeper" in bench.filters()
            bench.hold()
            assert bench.withdrawn() == [Withdrawn(frozenset({"web"}))]
            assert bench.addresses() == before
        assert "clsact" not in bench.machine.run("tc", "qdisc", "show", "dev", INTERFACE)

    play(segment, story)


def test_a_vip_that_an_administrator_removes_is_back(segment: Segment) -> None:
    async def story() -> None:
        bench = Bench(segment)
        async with bench.running():
            bench.hold("web")
            bench.machine.configure(f"address del 10.9.1.1/32 dev {INTERFACE}")
            await until_so(bench.serves)
            bench.machine.configure(f"address flush dev {INTERFACE} scope global")
            await until_so(bench.serves)
            assert bench.verdicts("web") == [None]

    play(segment, story)


def test_a_filter_or_qdisc_that_an_administrator_removes_is_back(segment: Segment) -> None:
    async def story() -> None:
        bench = Bench(segment)
        async with bench.running():
            bench.hold("web")
            for removal in (
                ("filter", "del", "dev", INTERFACE, "ingress"),
                ("qdisc", "del", "dev", INTERFACE, "clsact"),
            ):
                bench.machine.run("tc", *removal)
                await until_so(lambda: "vipkeeper" in bench.filters())
            assert bench.verdicts("web") == [None]

    play(segment, story)


def test_an_interface_may_come_go_and_be_renamed(segment: Segment) -> None:
    late = VipAddress("10.9.2.1", 32, "late0")

    async def story() -> None:
        bench = Bench(segment, (Unit("late", (late,), 100),))
        async with bench.running():
            assert bench.verdicts("late") == [Reason.INTERFACE_MISSING]
            for _ in range(2):
                bench.machine.configure(
                    "link add late0 type veth peer name far0", "link set far0 up", "link set late0 up"
                )
                await until_so(lambda: bench.verdicts("late")[-1] is None)
                bench.hold("late")
                assert "10.9.2.1/32" in bench.addresses("late0")
                assert "vipkeeper" in bench.filters("late0")
                bench.machine.configure("link del late0")
                await until_so(lambda: bench.verdicts("late")[-1] is Reason.INTERFACE_MISSING)
                bench.hold()
            assert len(bench.withdrawn()) == 2

    play(segment, story)


def test_a_renamed_interface_takes_no_vip_along(segment: Segment) -> None:
    async def story() -> None:
        bench = Bench(segment)
        async with bench.running():
            bench.hold("web")
            bench.machine.configure(f"link set dev {INTERFACE} name lan0")
            await until_so(lambda: bench.verdicts("web") == [None, Reason.INTERFACE_MISSING])
            await until_so(lambda: "10.9.1.1/32" not in bench.addresses("lan0"))
            bench.machine.configure(f"link set dev lan0 name {INTERFACE}")
            await until_so(bench.serves)

    play(segment, story)


def test_an_interface_that_is_gone_before_it_is_fenced_is_no_refusal(segment: Segment) -> None:
    host = {}

    async def story() -> None:
        for kind in (FenceKind.BPF, FenceKind.NFTABLES):
            host[kind] = NetlinkHost(boot_s)
            host[kind].choose_fence((kind,))
            segment.ours.configure("link add brief0 type veth peer name brief1")
            assert "brief0" in host[kind].links()
            segment.ours.configure("link del brief0")
            host[kind].restore_fence()
            host[kind].close(keep=False)

    play(segment, story)


def test_ipv6_that_leaves_with_the_link_comes_back_with_it(segment: Segment) -> None:
    async def story() -> None:
        bench = Bench(segment)
        async with bench.running():
            bench.hold("web")
            for _ in range(6):
                bench.machine.configure(f"link set {INTERFACE} down")
                await until_so(lambda: bench.verdicts("web")[-1] is Reason.INTERFACE_DOWN)
                bench.machine.configure(f"link set {INTERFACE} up")
                await until_so(lambda: bench.verdicts("web")[-1] is None)
            await until_so(bench.serves)
            assert Reason.KERNEL_REFUSED not in bench.verdicts("web")

    play(segment, story)


def test_what_the_kernel_refuses_is_told_in_its_own_words(segment: Segment) -> None:
    async def story() -> None:
        segment.ours.run("sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{INTERFACE}/disable_ipv6")
        bench = Bench(segment)
        async with bench.running():
            bench.hold("web")
            assert bench.verdicts("web") == [None, Reason.KERNEL_REFUSED]
            (refusal,) = [event for event in bench.told if isinstance(event, FitnessChanged) and event.unfit]
            assert "IPv6 is disabled on this device" in refusal.detail
            assert "10.9.1.1/32" not in bench.addresses(), "a unit is served whole or not at all"

    play(segment, story)


def test_an_address_of_others_stays_and_makes_us_unfit(segment: Segment) -> None:
    async def story() -> None:
        segment.ours.configure(f"address add 10.9.1.1/32 dev {INTERFACE}")
        bench = Bench(segment)
        async with bench.running():
            assert bench.verdicts("web") == [Reason.KERNEL_REFUSED]
            bench.hold("web")
            bench.hold()
        assert "10.9.1.1/32" in bench.addresses()

    play(segment, story)


def test_a_vip_on_loopback_is_nobody_s_business(segment: Segment) -> None:
    async def story() -> None:
        segment.ours.configure("address add 10.9.1.1/32 dev lo")
        bench = Bench(segment)
        async with bench.running():
            assert bench.verdicts("web") == [None]
        assert "10.9.1.1/32" in bench.addresses("lo")

    play(segment, story)


def test_a_removed_vip_takes_no_other_address_of_its_network_along(segment: Segment) -> None:
    wide = VipAddress("10.55.0.1", 24, INTERFACE)

    async def story() -> None:
        segment.ours.run(
            "sh",
            "-c",
            "for name in all eth0; do echo 0 > /proc/sys/net/ipv4/conf/$name/promote_secondaries; done",
        )
        bench = Bench(segment, (Unit("wide", (wide,), 100),))
        async with bench.running():
            bench.hold("wide")
            bench.machine.configure(f"address add 10.55.0.9/24 dev {INTERFACE}")
            bench.hold()
            assert "10.55.0.1/24" not in bench.addresses()
            assert "10.55.0.9/24" in bench.addresses()

    play(segment, story)


@pytest.mark.parametrize("kind", list(FenceKind))
def test_a_restart_keeps_the_vip(segment: Segment, kind: FenceKind) -> None:
    async def story() -> None:
        first = Bench(segment, allowed=(kind,))
        async with first.running(keep=True):
            first.hold("web")
        second = Bench(segment, allowed=(kind,))
        async with second.running():
            assert [event for event in second.told if isinstance(event, KernelAdoptable)] == [
                KernelAdoptable(frozenset({"web"}))
            ]
            assert second.serves()
            second.hold("web")
            assert second.serves()
            second.hold()
            assert second.withdrawn() == [Withdrawn(frozenset({"web"}))]

    play(segment, story)


@pytest.mark.parametrize("kind", list(FenceKind))
def test_a_thousand_addresses_come_and_go(segment: Segment, kind: FenceKind) -> None:
    vips = tuple(VipAddress(f"10.60.{number // 250}.{number % 250}", 32, INTERFACE) for number in range(1000))
    units = tuple(Unit(f"v{number}", (vip,), 100) for number, vip in enumerate(vips))
    names = tuple(unit.name for unit in units)

    async def story() -> None:
        bench = Bench(segment, units, (kind,))
        async with bench.running():
            for label, held in (("add", names), ("renew", names), ("remove", ())):
                began_s = time.perf_counter()
                bench.hold(*held)
                print(f"{kind.value}: {label} 1000: {(time.perf_counter() - began_s) * 1000:.1f} ms")
                standing = sum(address.startswith("10.60.") for address in bench.addresses())
                assert standing == len(held)
            assert bench.withdrawn() == [Withdrawn(frozenset(names))]

    play(segment, story)
