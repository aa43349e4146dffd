"""The address that a host speaks from."""

from __future__ import annotations

import ipaddress

import pytest

from tests.kernel_segment.segment import INTERFACE, Segment, run_inside
from vipkeeper.agent.clocks import boot_s
from vipkeeper.changes.change_kinds import AddAddresses
from vipkeeper.kernel.addresses import add_addresses
from vipkeeper.kernel.links import read_links
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.own_addresses import speaking_address
from vipkeeper.model.host import Lifetime
from vipkeeper.model.vips import VipAddress

pytestmark = pytest.mark.root


def speaks_from(segment: Segment, ip_version: int, *, virtual: tuple[str, ...] = ()) -> str | None:
    packed = {ipaddress.ip_address(text).packed for text in virtual}

    def ask() -> bytes | None:
        netlink = NetlinkSocket(0)
        try:
            index = read_links(netlink)[INTERFACE].index
            return speaking_address(netlink, index, ip_version, virtual=packed)
        finally:
            netlink.close()

    found = run_inside(segment.ours, ask)
    return None if found is None else str(ipaddress.ip_address(found))


def add_ours(segment: Segment, text: str) -> None:
    def add() -> None:
        netlink = NetlinkSocket(0)
        now_s = boot_s()
        vip = VipAddress.parse(text, INTERFACE)
        span = Lifetime(now_s + 99, now_s + 100)
        assert add_addresses(netlink, read_links(netlink), AddAddresses({vip: span}), now_s) == {}
        netlink.close()

    run_inside(segment.ours, add)


def test_ipv4_has_its_primary_address(segment: Segment) -> None:
    assert speaks_from(segment, 4) == "10.9.0.1"
    segment.ours.configure(f"address add 10.9.0.7/16 dev {INTERFACE}")
    assert speaks_from(segment, 4) == "10.9.0.1"
    segment.ours.configure(
        f"address flush dev {INTERFACE}",
        f"address add 169.254.1.1/16 dev {INTERFACE} scope link",
        f"address add 10.9.0.8/16 dev {INTERFACE}",
    )
    assert speaks_from(segment, 4) == "10.9.0.8"
    segment.ours.configure(f"address del 10.9.0.8/16 dev {INTERFACE}")
    assert speaks_from(segment, 4) == "169.254.1.1"


def test_a_virtual_address_is_nobodys_own(segment: Segment) -> None:
    segment.ours.configure(f"address flush dev {INTERFACE}")
    add_ours(segment, "10.9.1.1/32")
    add_ours(segment, "fe80::5:1/128")
    assert speaks_from(segment, 4) is None
    assert speaks_from(segment, 6) is None
    segment.ours.configure(
        f"address add 10.9.1.2/32 dev {INTERFACE}",
        f"address add 10.9.0.1/16 dev {INTERFACE}",
        f"address add fe80::9/64 dev {INTERFACE} nodad",
    )
    assert speaks_from(segment, 4, virtual=("10.9.1.2",)) == "10.9.0.1"
    assert speaks_from(segment, 6) == "fe80::9"
    assert speaks_from(segment, 6, virtual=("fe80::9",)) is None


def test_ipv6_has_its_link_local_address_once_it_is_known_to_be_unique(segment: Segment) -> None:
    found = speaks_from(segment, 6)
    assert found is not None
    assert found.startswith("fe80::")
    segment.ours.configure(f"address flush dev {INTERFACE}", f"address add fd09::1/64 dev {INTERFACE} nodad")
    assert speaks_from(segment, 6) is None
    segment.ours.run("sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{INTERFACE}/accept_dad")
    segment.ours.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/accept_dad")
    segment.ours.run("sh", "-c", f"echo 600 > /proc/sys/net/ipv6/conf/{INTERFACE}/dad_transmits")
    segment.ours.configure(f"address add fe80::9/64 dev {INTERFACE}")
    assert speaks_from(segment, 6) is None
