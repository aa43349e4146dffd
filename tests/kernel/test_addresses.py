"""Addresses in the real kernel, judged by `ip`, and many at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from tests.kernel_segment.segment import INTERFACE, Segment, links_here, run_inside
from vipkeeper.agent.clocks import boot_s
from vipkeeper.changes.change_kinds import AddAddresses, RefreshAddresses, RemoveAddresses
from vipkeeper.kernel.addresses import (
    add_addresses,
    read_addresses,
    refresh_addresses,
    remove_addresses,
)
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.model.host import Lifetime, Link
from vipkeeper.model.vips import VipAddress

pytestmark = pytest.mark.root

VIP4 = VipAddress("10.9.1.1", 32, INTERFACE)
VIP6 = VipAddress("fd09::1:1", 128, INTERFACE)
IN_NETWORK = VipAddress("10.9.1.2", 16, INTERFACE)
MANY = 1000
# What takes milliseconds may take this long on a machine that is busy with other tests.
GENEROUS_S = 5.0


@contextmanager
def rtnetlink(namespace: Namespace) -> Iterator[NetlinkSocket]:
    netlink = run_inside(namespace, lambda: NetlinkSocket(0))
    netlink.enlarge()
    try:
        yield netlink
    finally:
        netlink.close()


def shown(namespace: Namespace, vip: VipAddress) -> Mapping[str, Any]:
    """What `ip` knows of an address."""
    interfaces = json.loads(namespace.run("ip", "-j", "-d", "address", "show", "dev", vip.interface))
    (entry,) = [
        entry for one in interfaces for entry in one.get("addr_info", ()) if entry["local"] == vip.address
    ]
    found: Mapping[str, Any] = entry
    return found


def lasting(*vips: VipAddress, length_s: float = 100.0) -> tuple[AddAddresses, float]:
    """An addition, and the instant that its lifetimes count from."""
    now_s = boot_s()
    return AddAddresses(dict.fromkeys(vips, Lifetime(now_s + length_s - 1, now_s + length_s))), now_s


def links_of(segment: Segment) -> dict[str, Link]:
    return run_inside(segment.ours, links_here)


def test_an_address_says_whose_it_is_and_when_it_goes(segment: Segment) -> None:
    with rtnetlink(segment.ours) as netlink:
        links = links_of(segment)
        assert add_addresses(netlink, links, *lasting(VIP4, VIP6)) == {}
        # iproute2 shows the number of IFA_PROTO from 6.3 on; the kernel keeps it from 5.18 on.
        ours, _, foreign = read_addresses(
            netlink, {link.index: link.name for link in links.values()}, boot_s()
        )
    assert set(ours) == {VIP4, VIP6}
    assert VipAddress("10.9.0.1", 16, INTERFACE) in foreign
    for vip in (VIP4, VIP6):
        entry = shown(segment.ours, vip)
        assert entry["prefixlen"] == vip.prefix_length
        assert entry["noprefixroute"] is True
        assert 60 <= entry["valid_life_time"] <= 100
    assert shown(segment.ours, VIP6)["nodad"] is True
    assert shown(segment.ours, VIP6)["deprecated"] is True, "no connection of the host starts from it"
    assert "tentative" not in shown(segment.ours, VIP6), "it serves at once"


def test_an_address_with_a_prefix_makes_no_route(segment: Segment) -> None:
    before = segment.ours.run("ip", "route", "show", "table", "main")
    with rtnetlink(segment.ours) as netlink:
        assert add_addresses(netlink, links_of(segment), *lasting(IN_NETWORK)) == {}
    assert shown(segment.ours, IN_NETWORK)["prefixlen"] == 16
    assert segment.ours.run("ip", "route", "show", "table", "main") == before


def test_a_foreign_address_is_not_taken_over(segment: Segment) -> None:
    for vip in (VIP4, VIP6):
        segment.ours.configure(f"address add {vip.address}/{vip.prefix_length} dev {INTERFACE}")
    before = [dict(shown(segment.ours, vip)) for vip in (VIP4, VIP6)]
    with rtnetlink(segment.ours) as netlink:
        links = links_of(segment)
        refused = add_addresses(netlink, links, *lasting(VIP4, VIP6))
        names = {link.index: link.name for link in links.values()}
        ours, _, foreign = read_addresses(netlink, names, boot_s())
    assert set(refused) == {VIP4, VIP6}
    assert ours == {}
    assert foreign >= {VIP4, VIP6}
    after = [dict(shown(segment.ours, vip)) for vip in (VIP4, VIP6)]
    assert [entry.get("protocol") for entry in after] == [entry.get("protocol") for entry in before]
    assert [entry["valid_life_time"] for entry in after] == [entry["valid_life_time"] for entry in before]


def test_a_refusal_is_in_the_kernels_own_words(segment: Segment) -> None:
    segment.ours.run("sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{INTERFACE}/disable_ipv6")
    with rtnetlink(segment.ours) as netlink:
        refused = add_addresses(netlink, links_of(segment), *lasting(VIP4, VIP6))
    assert set(refused) == {VIP6}
    assert "IPv6 is disabled on this device" in refused[VIP6]


@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
def test_a_thousand_addresses(segment: Segment, version: int) -> None:
    texts = [
        f"10.9.{16 + number // 250}.{1 + number % 250}" if version == 4 else f"fd09::2:{1 + number:x}"
        for number in range(MANY)
    ]
    vips = tuple(VipAddress(text, 32 if version == 4 else 128, INTERFACE) for text in texts)
    with rtnetlink(segment.ours) as netlink:
        links = links_of(segment)
        names = {link.index: link.name for link in links.values()}
        for again in (False, True):
            start_s = time.monotonic()
            asked, now_s = lasting(*vips)
            if again:
                assert refresh_addresses(netlink, links, RefreshAddresses(asked.lifetimes), now_s) == {}
            else:
                assert add_addresses(netlink, links, asked, now_s) == {}
            assert time.monotonic() - start_s < GENEROUS_S
            ours, _, _ = read_addresses(netlink, names, boot_s())
            assert set(ours) == set(vips)
        start_s = time.monotonic()
        assert remove_addresses(netlink, links, RemoveAddresses(vips)) == {}
        assert time.monotonic() - start_s < GENEROUS_S
        assert read_addresses(netlink, names, boot_s())[0] == {}
