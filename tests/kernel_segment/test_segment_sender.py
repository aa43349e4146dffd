"""Announcements on a real cable: what a real neighbour makes of them, and what stops them."""

from __future__ import annotations

import ipaddress
import socket
import time

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

from tests.kernel_segment.segment import (
    INTERFACE,
    OUR_MAC,
    VIP4,
    VIP6,
    Segment,
    run_inside,
    run_without_raw_sockets,
    until,
)
from vipkeeper.kernel.announcement_frames import ETH_ARP, ETH_IPV6, announcements, read_claim
from vipkeeper.kernel.bpf_fence import BpfFence
from vipkeeper.kernel.links import read_links
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.segment_sender import SegmentSender
from vipkeeper.model.vips import VipAddress

pytestmark = pytest.mark.root

FORMER_MAC = "02:00:00:00:00:99"
LATER4 = VipAddress("10.9.1.2", 32, INTERFACE)
LATER6 = VipAddress("fd09::1:2", 128, INTERFACE)
MAC = bytes.fromhex(OUR_MAC.replace(":", ""))

REQUEST, REPLY = announcements(VIP4, MAC)
(ADVERTISEMENT,) = announcements(VIP6, MAC)
WEAK_REPLY = bytes(
    Ether(src=OUR_MAC, dst="ff:ff:ff:ff:ff:ff")
    / ARP(op=2, hwsrc=OUR_MAC, psrc=VIP4.address, hwdst="ff:ff:ff:ff:ff:ff", pdst=VIP4.address)
)
WEAK_ADVERTISEMENT = bytes(
    Ether(src=OUR_MAC, dst="33:33:00:00:00:01")
    / IPv6(src=VIP6.address, dst="ff02::1", hlim=255)
    / ICMPv6ND_NA(R=0, S=0, O=0, tgt=VIP6.address)
    / ICMPv6NDOptDstLLAddr(lladdr=OUR_MAC)
)


def keep_entries_young(segment: Segment) -> None:
    """A locktime of an hour (in 1/100 s): every entry counts as changed a moment ago."""
    path = f"/proc/sys/net/ipv4/neigh/{INTERFACE}/locktime"
    segment.theirs.run("sh", "-c", f"echo 360000 > {path}")


@pytest.mark.parametrize(
    ("vip", "later", "frame"),
    [(VIP4, LATER4, REQUEST), (VIP4, LATER4, REPLY), (VIP6, LATER6, ADVERTISEMENT)],
    ids=["arp-request", "arp-reply", "neighbour-advertisement"],
)
def test_each_form_alone_moves_a_neighbour_that_learnt_another_mac_just_now(
    segment: Segment, vip: VipAddress, later: VipAddress, frame: bytes
) -> None:
    keep_entries_young(segment)
    segment.plant_neighbour(vip, FORMER_MAC)
    segment.plant_neighbour(later, FORMER_MAC)
    assert segment.neighbour(vip) == FORMER_MAC
    link = segment.our_links()[INTERFACE]
    sender = run_inside(segment.ours, SegmentSender)
    sender.send(link, [frame])
    sender.close()
    until(lambda: segment.neighbour(vip) == OUR_MAC)
    assert segment.neighbour(later) == FORMER_MAC


@pytest.mark.parametrize(
    ("vip", "later", "frame"),
    [(VIP4, LATER4, WEAK_REPLY), (VIP6, LATER6, WEAK_ADVERTISEMENT)],
    ids=["arp-reply-to-everybody", "without-override"],
)
def test_the_forms_that_we_do_not_send_move_nobody(
    segment: Segment, vip: VipAddress, later: VipAddress, frame: bytes
) -> None:
    """Negative control: the neighbour above is no push-over. The frame sent after it has moved its entry."""
    keep_entries_young(segment)
    segment.plant_neighbour(vip, FORMER_MAC)
    segment.plant_neighbour(later, FORMER_MAC)
    link = segment.our_links()[INTERFACE]
    sender = run_inside(segment.ours, SegmentSender)
    sender.send(link, [frame, *announcements(later, MAC)])
    sender.close()
    until(lambda: segment.neighbour(later) == OUR_MAC)
    assert segment.neighbour(vip) == FORMER_MAC


@pytest.mark.parametrize(
    ("vip", "later", "protocol"),
    [(VIP4, LATER4, ETH_ARP), (VIP6, LATER6, ETH_IPV6)],
    ids=["arp", "neighbour-advertisement"],
)
@pytest.mark.parametrize("lease_s", [-1.0, 3600.0], ids=["expired", "running"])
def test_the_fence_sees_our_own_announcements(
    segment: Segment, vip: VipAddress, later: VipAddress, protocol: int, lease_s: float
) -> None:
    def put_fence_up() -> None:
        netlink = NetlinkSocket(0)
        link = read_links(netlink)[INTERFACE]
        fence = BpfFence(netlink, [link], standing=())
        fence.attach(link)
        fence.set_deadlines({vip.address: time.clock_gettime(time.CLOCK_BOOTTIME) + lease_s})
        fence.close()
        netlink.close()

    run_inside(segment.ours, put_fence_up)
    link = segment.our_links()[INTERFACE]
    with segment.listen(protocol) as listener:
        sender = run_inside(segment.ours, SegmentSender)
        sender.send(link, [*announcements(vip, MAC), *announcements(later, MAC)])
        sender.close()
        heard = claimed_addresses(listener, until_address=later.address)
    assert (vip.address in heard) is (lease_s > 0)


def claimed_addresses(listener: socket.socket, *, until_address: str) -> set[str]:
    heard: set[str] = set()
    while until_address not in heard:
        claim = read_claim(listener.recv(256))
        if claim is not None:
            heard.add(str(ipaddress.ip_address(claim.address)))
    return heard


def test_a_link_that_is_down_hears_nothing_and_hears_again_when_it_is_up(segment: Segment) -> None:
    sender = run_inside(segment.ours, SegmentSender)
    segment.ours.configure(f"link set {INTERFACE} down")
    sender.send(segment.our_links()[INTERFACE], [REQUEST, REPLY, ADVERTISEMENT])
    segment.ours.configure(f"link set {INTERFACE} up")
    until(lambda: segment.our_links()[INTERFACE].up)
    with segment.listen(ETH_ARP) as listener:
        sender.send(segment.our_links()[INTERFACE], [REQUEST])
        while listener.recv(256)[: len(REQUEST)] != REQUEST:
            pass
    sender.close()


def test_a_link_that_is_gone_is_no_error(segment: Segment) -> None:
    sender = run_inside(segment.ours, SegmentSender)
    link = segment.our_links()[INTERFACE]
    segment.ours.configure(f"link del {INTERFACE}")
    sender.send(link, [REQUEST, REPLY, ADVERTISEMENT])
    sender.close()


def test_a_stuck_link_does_not_stop_us(segment: Segment) -> None:
    """Its queue takes a byte a second; more than the send buffer holds is lost, and the call comes back."""
    segment.ours.run(*f"tc qdisc add dev {INTERFACE} root tbf rate 8bit burst 1600 limit 100000000".split())
    link = segment.our_links()[INTERFACE]
    sender = run_inside(segment.ours, SegmentSender)
    sender.send(link, [REQUEST] * 5000)
    sender.close()


def test_without_the_capability_the_operator_is_told() -> None:
    said = run_without_raw_sockets(
        "from vipkeeper.kernel.segment_sender import SegmentSender\n"
        "from vipkeeper.model.errors import MissingPrivilege\n"
        "try:\n    SegmentSender()\n"
        "except MissingPrivilege as missing:\n    print(missing)\n"
    )
    assert "CAP_NET_RAW" in said
    assert "AmbientCapabilities" in said
