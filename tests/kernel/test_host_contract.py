"""What every host does, the real one and the one in memory."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable

import pytest

from tests.kernel.host_benches import HostBench, on_machine
from tests.kernel_segment.segment import INTERFACE, until, until_so
from vipkeeper.agent.clocks import boot_s
from vipkeeper.changes.change_kinds import (
    AddAddresses,
    ForgetDeadlines,
    RefreshAddresses,
    RemoveAddresses,
    SetDeadlines,
)
from vipkeeper.kernel.host_network import HostEvent, HostNetwork, KernelChanged
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import CLOSED_S, Lifetime
from vipkeeper.model.vips import VipAddress

VIP4 = VipAddress("10.9.1.1", 32, INTERFACE)
VIP6 = VipAddress("fd09::1:1", 128, INTERFACE)
OTHER4 = VipAddress("10.9.1.2", 32, INTERFACE)
VIPS = (VIP4, VIP6)
LONG_S = 600.0
# Deadlines come back from nftables rounded to jiffies and shortened by its guard.
ROUNDING_S = 0.2

packet_fences = pytest.mark.parametrize(
    "kind", [FenceKind.BPF, FenceKind.NFTABLES], ids=lambda kind: kind.value
)


def with_fence(
    test: Callable[[HostBench, FenceKind], None],
) -> Callable[[HostBench, FenceKind], None]:
    """Run the body on the machine, once for each packet fence."""

    @packet_fences
    @functools.wraps(test)
    def run(bench: HostBench, kind: FenceKind) -> None:
        bench.run(lambda: test(bench, kind))

    return run


def for_(length_s: float) -> Lifetime:
    now_s = boot_s()
    return Lifetime(now_s + length_s - 1, now_s + length_s)


def add(host: HostNetwork, *vips: VipAddress, length_s: float = LONG_S) -> None:
    assert host.apply(AddAddresses(dict.fromkeys(vips, for_(length_s)))).refused == {}


@on_machine
def test_an_interface_comes_and_goes(bench: HostBench) -> None:
    host = bench.start()
    assert INTERFACE in host.links()
    bench.add_interface("new0")
    until(lambda: host.links()["new0"].up)
    link = host.links()["new0"]
    assert (link.name, link.resolves, link.port) == ("new0", True, False)
    bench.set_carrier("new0", up=False)
    until(lambda: not host.links()["new0"].up)
    bench.remove_interface("new0")
    assert "new0" not in host.links()
    host.close(keep=True)


@on_machine
def test_added_addresses_are_ours_until_their_lifetime_ends(bench: HostBench) -> None:
    host = bench.start()
    asked = for_(LONG_S)
    assert host.apply(AddAddresses(dict.fromkeys(VIPS, asked))).refused == {}
    read = host.read()
    assert set(read.state.addresses) == set(VIPS)
    assert not read.foreign & set(VIPS)
    for known in read.state.addresses.values():
        assert known.not_after_s <= asked.not_after_s + 0.01
        assert asked.not_before_s - 1.01 <= known.not_before_s
    host.close(keep=True)


@on_machine
def test_an_address_goes_by_itself(bench: HostBench) -> None:
    host = bench.start()
    add(host, *VIPS, length_s=1.99)
    until(lambda: not host.read().state.addresses)
    host.close(keep=True)


@on_machine
def test_a_refresh_lets_it_stay(bench: HostBench) -> None:
    host = bench.start()
    add(host, *VIPS, length_s=30)
    assert host.apply(RefreshAddresses(dict.fromkeys(VIPS, for_(LONG_S)))).refused == {}
    assert all(span.not_before_s > boot_s() + 300 for span in host.read().state.addresses.values())
    host.close(keep=True)


@on_machine
def test_what_is_there_is_not_added_again_whoever_added_it(bench: HostBench) -> None:
    host = bench.start()
    bench.add_by_hand(OTHER4)
    add(host, VIP4)
    applied = host.apply(AddAddresses({vip: for_(LONG_S) for vip in (VIP4, OTHER4, VIP6)}))
    assert set(applied.refused) == {VIP4, OTHER4}
    assert "ip address del 10.9.1.2/32 dev eth0" in applied.refused[OTHER4]
    read = host.read()
    assert set(read.state.addresses) == {VIP4, VIP6}
    assert OTHER4 in read.foreign
    host.close(keep=True)


@on_machine
def test_only_what_is_asked_for_is_removed(bench: HostBench) -> None:
    host = bench.start()
    bench.add_by_hand(OTHER4)
    add(host, *VIPS)
    assert host.apply(RemoveAddresses((VIP4,))).refused == {}
    assert host.apply(RemoveAddresses((VIP4,))).refused == {}, "gone already"
    read = host.read()
    assert set(read.state.addresses) == {VIP6}
    assert OTHER4 in read.foreign
    host.close(keep=True)


@on_machine
def test_an_address_that_cannot_be_added_keeps_no_other_back(bench: HostBench) -> None:
    host = bench.start()
    nowhere = VipAddress("10.9.1.9", 32, "missing0")
    applied = host.apply(AddAddresses({nowhere: for_(LONG_S), OTHER4: for_(0.5), VIP4: for_(LONG_S)}))
    assert set(applied.refused) == {nowhere, OTHER4}
    assert "missing0 does not exist" in applied.refused[nowhere]
    assert "lease ended" in applied.refused[OTHER4]
    assert set(host.read().state.addresses) == {VIP4}
    host.close(keep=True)


@on_machine
def test_an_interface_of_the_same_name_takes_the_addresses(bench: HostBench) -> None:
    """It has another index, and nobody has told the host yet."""
    host = bench.start()
    vip = VipAddress("10.9.1.3", 32, "eth1")
    bench.add_interface("eth1")
    host.links()
    bench.remove_interface("eth1")
    bench.add_interface("eth1")
    add(host, vip)
    assert vip in host.read().state.addresses
    bench.remove_interface("eth1")
    bench.add_interface("eth1")
    assert host.apply(RemoveAddresses((vip,))).refused == {}
    assert vip not in host.read().state.addresses
    host.close(keep=False)


@on_machine
def test_addresses_go_with_their_interface(bench: HostBench) -> None:
    host = bench.start()
    bench.add_interface("new0")
    there = VipAddress("10.9.1.3", 32, "new0")
    add(host, VIP4, there)
    bench.remove_interface("new0")
    assert set(host.read().state.addresses) == {VIP4}
    assert host.apply(RemoveAddresses((there,))).refused == {}
    host.close(keep=True)


@with_fence
def test_deadlines_are_kept_closed_and_forgotten(bench: HostBench, kind: FenceKind) -> None:
    host = bench.start()
    assert host.choose_fence([kind]).kind is kind
    assert host.read().state.deadlines == {}
    end_s = boot_s() + LONG_S
    host.apply(SetDeadlines({VIP4.address: end_s, VIP6.address: end_s, OTHER4.address: CLOSED_S}))
    expected = {VIP4.address: end_s, VIP6.address: end_s, OTHER4.address: CLOSED_S}
    assert host.read().state.deadlines == pytest.approx(expected, abs=0.001)
    host.apply(SetDeadlines({VIP6.address: CLOSED_S, OTHER4.address: end_s + 1}))
    expected = {VIP4.address: end_s, VIP6.address: CLOSED_S, OTHER4.address: end_s + 1}
    assert host.read().state.deadlines == pytest.approx(expected, abs=0.001)
    host.apply(ForgetDeadlines((VIP6.address, OTHER4.address, "10.9.1.200")))
    assert host.read().state.deadlines == pytest.approx({VIP4.address: end_s}, abs=0.001)
    host.close(keep=False)


@with_fence
def test_the_next_process_keeps_what_runs(bench: HostBench, kind: FenceKind) -> None:
    first = bench.start()
    first.choose_fence([kind])
    end_s = boot_s() + LONG_S
    first.apply(SetDeadlines({VIP4.address: end_s, VIP6.address: end_s}))
    add(first, *VIPS)
    first.close(keep=True)

    second = bench.start()
    assert second.choose_fence([kind]).note == ""
    read = second.read().state
    assert set(read.addresses) == set(VIPS)
    # bpf: the earlier deadline holds and cannot be read.
    assert all(read.deadlines[vip.address] >= end_s - ROUNDING_S for vip in VIPS)
    later_s = end_s + LONG_S
    second.apply(SetDeadlines({VIP4.address: later_s, VIP6.address: later_s}))
    assert second.read().state.deadlines == pytest.approx(
        {VIP4.address: later_s, VIP6.address: later_s}, abs=0.001
    )
    assert second.restore_fence() == ()
    second.close(keep=False)


@with_fence
def test_without_keeping_nothing_is_left_for_the_next_process(bench: HostBench, kind: FenceKind) -> None:
    first = bench.start()
    first.choose_fence([kind])
    first.apply(SetDeadlines({VIP4.address: boot_s() + LONG_S}))
    first.close(keep=False)
    second = bench.start()
    second.choose_fence([kind])
    assert second.read().state.deadlines == {}
    second.close(keep=False)


@with_fence
def test_what_stands_without_a_fence_is_closed(bench: HostBench, kind: FenceKind) -> None:
    host = bench.start()
    add(host, *VIPS)
    host.choose_fence([kind])
    assert host.read().state.deadlines == dict.fromkeys((VIP4.address, VIP6.address), CLOSED_S)
    host.close(keep=False)


@pytest.mark.parametrize(
    ("before", "now"),
    [(FenceKind.BPF, FenceKind.NFTABLES), (FenceKind.NFTABLES, FenceKind.BPF)],
    ids=["bpf to nftables", "nftables to bpf"],
)
def test_another_fence_than_before_starts_closed(bench: HostBench, before: FenceKind, now: FenceKind) -> None:
    def body() -> None:
        first = bench.start()
        first.choose_fence([before])
        first.apply(SetDeadlines({VIP4.address: boot_s() + LONG_S}))
        add(first, VIP4)
        first.close(keep=True)
        second = bench.start()
        assert second.choose_fence([now]).kind is now
        assert second.read().state.deadlines == {VIP4.address: CLOSED_S}
        second.close(keep=False)

    bench.run(body)


@with_fence
def test_a_fence_that_somebody_took_off_is_put_back(bench: HostBench, kind: FenceKind) -> None:
    host = bench.start()
    host.choose_fence([kind])
    assert host.restore_fence() == ()
    if bench.strip_fence(kind, INTERFACE):
        assert host.restore_fence() == (INTERFACE,)
        end_s = boot_s() + LONG_S
        host.apply(SetDeadlines({VIP4.address: end_s}))
        assert host.read().state.deadlines[VIP4.address] == pytest.approx(end_s, abs=0.001)
    assert host.restore_fence() == ()
    host.close(keep=False)


@with_fence
def test_an_interface_that_comes_later_is_fenced(bench: HostBench, kind: FenceKind) -> None:
    host = bench.start()
    host.choose_fence([kind])
    bench.add_interface("new0")
    host.links()
    assert "new0" in host.restore_fence()
    assert host.restore_fence() == ()
    bench.remove_interface("new0")
    host.links()
    assert host.restore_fence() == ()
    host.close(keep=False)


@on_machine
def test_lifetimes_alone_have_no_deadlines(bench: HostBench) -> None:
    host = bench.start()
    assert host.choose_fence([FenceKind.LIFETIME]).kind is FenceKind.LIFETIME
    host.apply(SetDeadlines({VIP4.address: boot_s() + LONG_S}))
    add(host, VIP4)
    assert host.read().state.deadlines == {}
    assert host.restore_fence() == ()
    host.close(keep=False)


@on_machine
def test_without_an_allowed_fence_there_is_none(bench: HostBench) -> None:
    host = bench.start()
    with pytest.raises(KernelRefused, match="no allowed fence works"):
        host.choose_fence([])
    host.close(keep=True)


@on_machine
def test_what_others_change_is_told(bench: HostBench) -> None:
    host = bench.start()
    heard: list[HostEvent] = []

    async def listen() -> None:
        host.choose_fence([FenceKind.BPF])
        add(host, VIP4, VIP6)
        host.listen(heard.append)
        changes: tuple[Callable[[], object], ...] = (
            lambda: bench.remove_by_hand(VIP4),
            lambda: bench.remove_by_hand(VIP6),
            lambda: bench.add_interface("new0"),
            lambda: bench.set_carrier("new0", up=False),
            lambda: bench.remove_interface("new0"),
            lambda: bench.strip_fence(FenceKind.BPF, INTERFACE),
        )
        for change in changes:
            heard.clear()
            change()
            await until_so(lambda: KernelChanged() in heard)
        host.close(keep=False)

    asyncio.run(listen())
