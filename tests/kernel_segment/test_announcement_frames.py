"""Announcements against scapy as an independent reader and writer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from tests.kernel_segment.segment import OUR_MAC, THEIR_MAC, VIP4, VIP6
from vipkeeper.kernel.announcement_frames import Claim, address_bytes, announcements, read_claim
from vipkeeper.model.vips import VipAddress

MAC = bytes.fromhex(OUR_MAC.replace(":", ""))
THEIRS = bytes.fromhex(THEIR_MAC.replace(":", ""))
NOBODY = "0.0.0.0"  # noqa: S104 - the sender of an ARP probe (RFC 5227), not a place to bind to
ALL_NODES = Ether(src=THEIR_MAC, dst="33:33:00:00:00:01") / IPv6(src=VIP6.address, dst="ff02::1", hlim=255)


def test_gratuitous_arp_as_request_and_as_reply() -> None:
    request, reply = announcements(VIP4, MAC)
    for frame, operation, target_mac in ((request, 1, "00:00:00:00:00:00"), (reply, 2, OUR_MAC)):
        expected = Ether(src=OUR_MAC, dst="ff:ff:ff:ff:ff:ff", type=0x0806) / ARP(
            hwtype=1, ptype=0x0800, hwlen=6, plen=4, op=operation,
            hwsrc=OUR_MAC, psrc=VIP4.address, hwdst=target_mac, pdst=VIP4.address,
        )  # fmt: skip
        assert frame == bytes(expected)


@given(address=st.ip_addresses(v=6), mac=st.binary(min_size=6, max_size=6), router=st.booleans())
def test_unsolicited_neighbour_advertisement_with_every_field_and_its_checksum(
    address: object, mac: bytes, router: bool
) -> None:
    vip = VipAddress.parse(str(address), "eth0")
    (frame,) = announcements(vip, mac, router=router)
    expected = (
        Ether(src=mac.hex(":"), dst="33:33:00:00:00:01", type=0x86DD)
        / IPv6(src=vip.address, dst="ff02::1", hlim=255, nh=58, plen=32)
        / ICMPv6ND_NA(R=router, S=0, O=1, tgt=vip.address)
        / ICMPv6NDOptDstLLAddr(lladdr=mac.hex(":"))
    )
    assert frame == bytes(expected)


@pytest.mark.parametrize("mac", [b"", bytes(4), bytes(20)], ids=["none", "tunnel", "infiniband"])
def test_a_link_without_an_ethernet_address_is_told_nothing(mac: bytes) -> None:
    assert announcements(VIP4, mac) == ()
    assert announcements(VIP6, mac) == ()


@pytest.mark.parametrize("vip", [VIP4, VIP6], ids=["arp", "na"])
def test_what_we_send_is_read_as_our_claim(vip: VipAddress) -> None:
    assert {read_claim(frame) for frame in announcements(vip, MAC)} == {
        Claim(address_bytes(vip.address), MAC)
    }


@pytest.mark.parametrize(
    ("packet", "mac"),
    [
        (Ether(src=OUR_MAC) / ARP(op=1, hwsrc=THEIR_MAC, psrc=VIP4.address, pdst="10.9.0.7"), THEIRS),
        (Ether(src=OUR_MAC) / ARP(op=2, hwsrc=THEIR_MAC, psrc=VIP4.address, pdst="10.9.0.7"), THEIRS),
        (ALL_NODES / ICMPv6ND_NA(tgt=VIP6.address), THEIRS),
        (ALL_NODES / ICMPv6ND_NA(tgt=VIP6.address) / ICMPv6NDOptDstLLAddr(lladdr=OUR_MAC), MAC),
        (
            ALL_NODES
            / ICMPv6ND_NA(tgt=VIP6.address)
            / ICMPv6NDOptSrcLLAddr(lladdr=THEIR_MAC)
            / ICMPv6NDOptDstLLAddr(lladdr=OUR_MAC),
            MAC,
        ),
    ],
    ids=["arp-request", "arp-reply", "na-without-option", "na-with-option", "na-with-two-options"],
)
def test_claims_are_read(packet: Packet, mac: bytes) -> None:
    claim = read_claim(bytes(packet))
    assert claim is not None
    assert claim.address in (address_bytes(VIP4.address), address_bytes(VIP6.address))
    assert claim.mac == mac


@pytest.mark.parametrize(
    "packet",
    [
        Ether(src=THEIR_MAC) / ARP(op=3, hwsrc=THEIR_MAC, psrc=VIP4.address),
        Ether(src=THEIR_MAC) / ARP(op=1, hwtype=6, hwsrc=THEIR_MAC, psrc=VIP4.address),
        ALL_NODES / ICMPv6ND_NS(tgt=VIP6.address),
        Ether(src=THEIR_MAC) / IPv6(src=VIP6.address, hlim=254) / ICMPv6ND_NA(tgt=VIP6.address),
    ],
    ids=["reverse-arp", "not-ethernet", "solicitation", "from-beyond-a-router"],
)
def test_what_a_neighbour_would_ignore_is_no_claim(packet: Packet) -> None:
    assert read_claim(bytes(packet)) is None


@given(
    frame=st.sampled_from([*announcements(VIP4, MAC), *announcements(VIP6, MAC)]),
    length=st.integers(0, 90),
    place=st.integers(0, 90),
    noise=st.binary(max_size=16),
)
def test_no_frame_however_broken_raises(frame: bytes, length: int, place: int, noise: bytes) -> None:
    read_claim((frame[:place] + noise + frame[place + len(noise) :])[:length])


def test_a_probe_is_no_claim_of_the_probed_address() -> None:
    probe = Ether(src=THEIR_MAC) / ARP(op=1, hwsrc=THEIR_MAC, psrc=NOBODY, pdst=VIP4.address)
    assert read_claim(bytes(probe)) == Claim(bytes(4), THEIRS)
