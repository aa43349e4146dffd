"""What of the real ports only the wire, or the kernel around them, can tell."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
import sys

import pytest

from tests.vrrp_sockets.datagrams import GROUP, PATIENCE_S, Router, routers, until_so
from tests.vrrp_sockets.segment_benches import INTERFACE, RawBench, own_address, packed
from vrrp_compat.sockets.ip_sockets import receiving_socket
from vrrp_compat.sockets.segment_port import PortSettings, PortUnavailable, SendFailed
from vrrp_compat.wire.advertisement import GROUP_IPV4, PROTOCOL_VRRP

pytestmark = pytest.mark.root

ETH_IPV4, ETH_IPV6 = 0x0800, 0x86DD
ELSEWHERE = packed("224.0.0.99")
both_versions = pytest.mark.parametrize("ip_version", [4, 6], ids=["ipv4", "ipv6"])


def wire_tap(bench: RawBench, name: str, ip_version: int) -> socket.socket:
    """Whole frames as they reach a host."""
    tap = bench.namespaces[name].socket(socket.AF_PACKET, socket.SOCK_RAW)
    tap.settimeout(PATIENCE_S)
    tap.bind((INTERFACE, ETH_IPV4 if ip_version == 4 else ETH_IPV6))
    return tap


@both_versions
@pytest.mark.parametrize("unicast", [False, True], ids=["multicast", "unicast"])
def test_the_envelope_is_that_of_vrrp(raw_bench: RawBench, ip_version: int, unicast: bool) -> None:
    protocol_at = 23 if ip_version == 4 else 20
    tap = wire_tap(raw_bench, "b", ip_version)

    async def body() -> bytes:
        with routers(raw_bench, ip_version, "a", "b") as (a, b):
            a.send(b"envelope", to=own_address("b", ip_version) if unicast else None)
            await until_so(lambda: bool(b.heard))
        while (frame := tap.recv(2048))[protocol_at] != PROTOCOL_VRRP:
            pass
        return frame

    frame = asyncio.run(body())
    tap.close()
    if ip_version == 4:
        assert frame[15] == 0xC0
        assert frame[22] == 255
        assert frame[20:22] == b"\0\0", "no fragment, and DF as the header said"
        multicast_mac = bytes.fromhex("01005e000012")
    else:
        assert int.from_bytes(frame[14:18]) >> 20 & 0xFF == 0xC0
        assert frame[21] == 255
        assert frame[54:62] == b"envelope", "the kernel writes no checksum into it"
        multicast_mac = bytes.fromhex("333300000012")
    assert (frame[:6] == multicast_mac) is not unicast


def test_groups_that_others_of_the_host_joined_are_not_heard(raw_bench: RawBench) -> None:
    """A socket must not be woken by another program's groups (IP_MULTICAST_ALL)."""
    b = raw_bench.namespaces["b"]
    ear = receiving_socket(b.socket, 4, PROTOCOL_VRRP, INTERFACE, [GROUP_IPV4])
    neighbour = b.socket(socket.AF_INET, socket.SOCK_DGRAM)
    neighbour.setsockopt(
        socket.IPPROTO_IP,
        socket.IP_ADD_MEMBERSHIP,
        ELSEWHERE + own_address("b", 4),
    )

    async def body() -> None:
        with routers(raw_bench, 4, "a", "b") as (a, b):
            a.send(to=ELSEWHERE)
            a.send(b"ours")
            await until_so(lambda: bool(b.heard))

    asyncio.run(body())
    assert ear.recv(2048)[20:] == b"ours"
    with pytest.raises(BlockingIOError):
        ear.recv(2048)
    ear.close()
    neighbour.close()


@both_versions
def test_a_peer_that_does_not_speak_vrrp_disturbs_nobody(raw_bench: RawBench, ip_version: int) -> None:
    """Its kernel answers with "protocol unreachable"."""
    icmp = socket.getprotobyname("icmp" if ip_version == 4 else "ipv6-icmp")
    family = socket.AF_INET if ip_version == 4 else socket.AF_INET6
    errors = raw_bench.namespaces["a"].socket(family, socket.SOCK_RAW, icmp)
    errors.setblocking(False)
    complaints: list[bytes] = []

    def complained(router: Router) -> bool:
        assert router.port.send(router.message(to=own_address("c", ip_version))) is None
        with_header = 20 if ip_version == 4 else 0
        kind = 3 if ip_version == 4 else 4  # destination unreachable; parameter problem
        try:
            complaints.append(errors.recv(2048))
        except BlockingIOError:
            return False
        return complaints[-1][with_header] == kind

    async def body() -> None:
        with routers(raw_bench, ip_version, "a", "b") as (a, b):
            await until_so(lambda: complained(a))
            a.send(b"still here")
            b.send(b"still there")
            await until_so(lambda: bool(b.heard) and bool(a.heard))

    asyncio.run(body())
    errors.close()


@both_versions
def test_a_firewall_that_drops_what_leaves_is_told(raw_bench: RawBench, ip_version: int) -> None:
    async def body() -> None:
        with routers(raw_bench, ip_version, "a") as (a,):
            raw_bench.namespaces["a"].run(
                "nft",
                "add table inet wall; "
                "add chain inet wall out { type filter hook output priority 0; }; "
                "add rule inet wall out meta l4proto 112 drop",
            )
            assert a.port.send(a.message()) == SendFailed("Operation not permitted", 1)

    asyncio.run(body())


def test_a_link_local_source_need_not_be_on_the_interface(raw_bench: RawBench) -> None:
    """A virtual MAC interface speaks for its base."""

    async def body() -> None:
        with routers(raw_bench, 6, "a", "b") as (a, b):
            raw_bench.namespaces["a"].configure(f"address flush dev {INTERFACE}")
            sent = a.send()
            await until_so(lambda: b.heard == [sent])

    asyncio.run(body())


def test_where_it_is_heard_and_where_it_speaks_may_differ(raw_bench: RawBench) -> None:
    a_space = raw_bench.namespaces["a"]
    a_space.configure(
        f"link add vrrp.5 address 00:00:5e:00:01:05 link {INTERFACE} type macvlan mode bridge",
        "link set vrrp.5 up",
    )
    tap = wire_tap(raw_bench, "b", 4)

    async def body() -> None:
        with routers(raw_bench, 4, "a", "b") as (a, b):
            a.settings = PortSettings(4, INTERFACE, groups=frozenset({GROUP[4]}), send_on="vrrp.5")
            a.reopen()
            a.send(b"by the macvlan")
            b.send(b"heard on the base")
            await until_so(lambda: bool(b.heard) and bool(a.heard))
            assert a.places == {INTERFACE}
            a_space.configure("link del vrrp.5")
            assert a.port.is_stale()

    asyncio.run(body())
    while (frame := tap.recv(2048))[23] != PROTOCOL_VRRP:
        pass
    assert frame[6:12] == bytes.fromhex("00005e000105")
    tap.close()


def test_too_many_groups_are_a_reason_and_no_crash(raw_bench: RawBench) -> None:
    async def body() -> None:
        groups = frozenset(struct.pack("!I", 0xEF000000 + number) for number in range(40))
        settings = PortSettings(4, INTERFACE, groups=groups)
        opened = raw_bench.ports("a").open(settings, lambda *_: None)
        assert isinstance(opened, PortUnavailable)
        assert "igmp_max_memberships" in opened.reason

    asyncio.run(body())


WITHOUT_RIGHTS = """
import asyncio
from vipkeeper.model.errors import MissingPrivilege
from vrrp_compat.sockets.raw_ports import RawPorts
from vrrp_compat.sockets.segment_port import PortSettings

async def main():
    try:
        RawPorts().open(PortSettings(4, "lo"), print)
    except MissingPrivilege as missing:
        print(missing)

asyncio.run(main())
"""


def test_without_the_capability_it_says_which(raw_bench: RawBench) -> None:
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-net_raw", sys.executable, "-c", WITHOUT_RIGHTS],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "CAP_NET_RAW" in done.stdout
