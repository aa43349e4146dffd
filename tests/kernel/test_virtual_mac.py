"""Virtual MACs as a client on the segment sees them."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.kernel.virtual_mac_segment import (
    MAC,
    MAC4,
    VIP4,
    VIP6,
    VIP6_LINK_LOCAL,
    VIRTUAL,
    VIRTUAL4,
    RouterHost,
    Tap,
    claimed_macs,
    client_address,
    learnt_port,
    neighbour_mac,
    router_hosts,
    who_answers,
)
from tests.kernel_segment.segment import run_inside, until
from tests.vrrp_sockets.datagrams import GROUP, datagram, until_so
from tests.vrrp_sockets.segment_benches import INTERFACE, RawBench, make_raw_bench, own_address
from vipkeeper.agent.clocks import boot_s
from vipkeeper.changes.change_kinds import SetDeadlines
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.model.fences import FenceKind
from vrrp_compat.sockets.segment_port import PortSettings, PortUnavailable, SegmentPort
from vrrp_compat.wire.advertisement import Datagram

pytestmark = pytest.mark.root

VIPS = {4: (VIP4,), 6: (VIP6, VIP6_LINK_LOCAL)}
both_versions = pytest.mark.parametrize("ip_version", [4, 6], ids=["ipv4", "ipv6"])


@pytest.fixture
def bench() -> Iterator[RawBench]:
    with make_raw_bench() as made:
        for number, namespace in enumerate(made.namespaces.values(), 1):
            namespace.configure(f"address add fd09::{number}/64 dev {INTERFACE} nodad")
        yield made


@pytest.fixture
def routers(bench: RawBench, tmp_path: Path) -> Iterator[list[RouterHost]]:
    with router_hosts(bench, tmp_path, "a", "b") as made:
        yield made


@pytest.fixture
def client(bench: RawBench) -> Namespace:
    return bench.namespaces["c"]


@both_versions
def test_the_client_knows_the_virtual_mac_alone(
    routers: list[RouterHost], client: Namespace, ip_version: int
) -> None:
    a, b = routers
    tap = Tap(client)
    for one in routers:
        one.have(VIRTUAL[ip_version])
    a.serve(*VIPS[ip_version])
    for vip in VIPS[ip_version]:
        # The client asks anew, so that everybody who would answer does.
        client.configure(f"neigh flush dev {INTERFACE}")
        assert who_answers(client, vip, [a, b]) == "a"
        assert neighbour_mac(client, vip.address) == MAC[ip_version]
        assert claimed_macs(tap.frames(), vip.address) == {MAC[ip_version]}
    tap.close()


@both_versions
def test_after_a_failover_the_mac_is_the_same(
    bench: RawBench, routers: list[RouterHost], client: Namespace, ip_version: int
) -> None:
    a, b = routers
    for one in routers:
        one.have(VIRTUAL[ip_version])
    vip = VIPS[ip_version][0]
    a.serve(vip)
    assert who_answers(client, vip, [a, b]) == "a"
    # From now on the client asks nobody and believes nobody.
    client.configure(f"neigh replace {vip.address} lladdr {MAC[ip_version]} dev {INTERFACE} nud permanent")
    a.yield_up(vip)
    b.serve(vip)
    assert who_answers(client, vip, [a, b]) == "b"
    assert learnt_port(bench.switch, MAC[ip_version]) == "port-b"


def test_the_master_never_asks_in_the_name_of_the_vip_with_its_own_mac(
    routers: list[RouterHost], client: Namespace
) -> None:
    a, _ = routers
    tap = Tap(client)
    a.have(VIRTUAL4)
    a.serve(VIP4)
    a.namespace.configure(f"neigh flush dev {INTERFACE}")
    tap.frames()
    a.say_something(VIP4, client_address(4))
    arrived: list[bytes] = []

    def has_come() -> bool:
        arrived.extend(tap.frames())
        return any(b"unasked" in frame for frame in arrived)

    until(has_come)
    assert any(frame[12:14] == b"\x08\x06" for frame in arrived), "it had to ask"
    assert claimed_macs(arrived, VIP4.address) <= {MAC4}
    tap.close()


def open_port(
    bench: RawBench, name: str, ip_version: int, interface: str
) -> tuple[SegmentPort, list[Datagram]]:
    heard: list[Datagram] = []
    settings = PortSettings(ip_version, interface, groups=frozenset({GROUP[ip_version]}))
    opened = bench.ports(name).open(settings, lambda _, one: heard.append(one))
    assert not isinstance(opened, PortUnavailable), opened
    return opened, heard


@both_versions
def test_a_backup_hears_the_master_through_its_own_virtual_mac(
    bench: RawBench, routers: list[RouterHost], ip_version: int
) -> None:
    virtual = VIRTUAL[ip_version]
    for one in routers:
        one.have(virtual)

    async def body() -> None:
        master, _ = open_port(bench, "a", ip_version, virtual.interface)
        backup, heard = open_port(bench, "b", ip_version, virtual.interface)
        at_base, heard_at_base = open_port(bench, "b", ip_version, INTERFACE)
        elsewhere, heard_elsewhere = open_port(bench, "c", ip_version, INTERFACE)
        sent = datagram(b"I am here", source=own_address("a", ip_version), destination=GROUP[ip_version])
        assert master.send(sent) is None
        await until_so(lambda: heard == [sent] and heard_elsewhere == [sent])
        # Why it is heard there: the base never sees a frame from a MAC that one of its macvlans has.
        assert at_base.drain() == 0
        assert heard_at_base == []
        for port in (master, backup, at_base, elsewhere):
            port.close()

    asyncio.run(body())
    assert learnt_port(bench.switch, MAC[ip_version]) == "port-a"


@both_versions
def test_a_backup_sends_nothing_under_the_virtual_mac(
    bench: RawBench, routers: list[RouterHost], client: Namespace, ip_version: int
) -> None:
    """Not even the report that it has joined the group, which leaves under the base's MAC."""
    _, b = routers
    tap = Tap(client)
    b.have(VIRTUAL[ip_version])
    base_mac = bytes.fromhex(str(b.link(INTERFACE)["address"]).replace(":", ""))
    report_to = bytes.fromhex("01005e000016" if ip_version == 4 else "333300000016")
    group = GROUP[ip_version]
    arrived: list[bytes] = []

    def reported() -> bool:
        arrived.extend(tap.frames())
        return any(
            frame[:6] == report_to and frame[6:12] == base_mac and group in frame[34:] for frame in arrived
        )

    async def body() -> None:
        port, _ = open_port(bench, "b", ip_version, VIRTUAL[ip_version].interface)
        await until_so(reported)
        port.close()

    asyncio.run(body())
    virtual_mac = VIRTUAL[ip_version].mac
    assert [frame.hex() for frame in arrived if frame[6:12] == virtual_mac] == []
    assert learnt_port(bench.switch, MAC[ip_version]) is None
    tap.close()


def test_a_switch_that_snoops_delivers_to_the_backup(bench: RawBench, routers: list[RouterHost]) -> None:
    """It delivers ff02::12 to those alone that reported it (224.0.0.x goes to everybody)."""
    bench.switch.configure("link set lan type bridge mcast_snooping 1 mcast_querier 1")
    for one in routers:
        one.have(VIRTUAL[6])

    async def body() -> None:
        master, _ = open_port(bench, "a", 6, VIRTUAL[6].interface)
        backup, heard = open_port(bench, "b", 6, VIRTUAL[6].interface)

        def is_known() -> bool:
            shown = bench.switch.run("bridge", "mdb", "show", "dev", "lan")
            return any("port-b" in line and "ff02::12" in line for line in shown.splitlines())

        await until_so(is_known)
        sent = datagram(b"I am here", source=own_address("a", 6), destination=GROUP[6])
        assert master.send(sent) is None
        await until_so(lambda: heard == [sent])
        master.close()
        backup.close()

    asyncio.run(body())


@pytest.mark.parametrize("strictness", ["1", "2"], ids=["strict", "loose"])
def test_a_filter_by_route_on_all_interfaces_stands_in_nobodys_way(
    bench: RawBench, routers: list[RouterHost], client: Namespace, strictness: str
) -> None:
    for one in routers:
        one.write_setting("ipv4/conf/all/rp_filter", strictness)
        one.write_setting("ipv4/conf/all/arp_filter", "1")
        one.have(VIRTUAL4)
        assert one.setting(f"ipv4/conf/{INTERFACE}/rp_filter") == strictness, "the base keeps it"
    a, b = routers
    a.serve(VIP4)
    client.configure(f"neigh flush dev {INTERFACE}")
    assert who_answers(client, VIP4, [a, b]) == "a"

    async def body() -> None:
        master, _ = open_port(bench, "a", 4, VIRTUAL4.interface)
        backup, heard = open_port(bench, "b", 4, VIRTUAL4.interface)
        sent = datagram(b"I am here", source=own_address("a", 4), destination=GROUP[4])
        assert master.send(sent) is None
        await until_so(lambda: heard == [sent])
        master.close()
        backup.close()

    asyncio.run(body())


def test_the_fence_stands_before_an_interface_that_came_later(
    routers: list[RouterHost], client: Namespace
) -> None:
    a, b = routers
    assert a.inside(lambda: a.host.choose_fence([FenceKind.BPF])).kind is FenceKind.BPF
    a.have(VIRTUAL4)
    a.inside(a.host.links)
    assert VIRTUAL4.interface in a.inside(a.host.restore_fence)
    a.inside(lambda: a.host.apply(SetDeadlines({VIP4.address: boot_s() + 600})))
    a.serve(VIP4)
    assert who_answers(client, VIP4, [a, b]) == "a"
    a.inside(lambda: a.host.apply(SetDeadlines({VIP4.address: 0.0})))
    client.configure(f"neigh flush dev {INTERFACE}")
    tap = Tap(client)
    with pytest.raises(AssertionError, match="nobody answers"):
        who_answers(client, VIP4, [a, b], patience_s=0.5)
    assert claimed_macs(tap.frames(), VIP4.address) == set()
    tap.close()


def test_the_base_address_is_not_at_the_virtual_mac(routers: list[RouterHost], client: Namespace) -> None:
    a, _ = routers
    a.have(VIRTUAL[4], VIRTUAL[6])
    tap = Tap(client)
    for ip_version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        own = str(ipaddress.ip_address(own_address("a", ip_version)))
        asker = client.socket(family, socket.SOCK_DGRAM)
        scope = run_inside(client, lambda: socket.if_nametoindex(INTERFACE))
        asker.sendto(b"hello", (own, 9) if ip_version == 4 else (own, 9, 0, scope))
        arrived: list[bytes] = []
        until(partial(_is_claimed, tap, arrived, own))
        assert claimed_macs(arrived, own) == {a.link(INTERFACE)["address"]}
        asker.close()
    tap.close()


def _is_claimed(tap: Tap, arrived: list[bytes], address: str) -> bool:
    arrived.extend(tap.frames())
    return bool(claimed_macs(arrived, address))
