"""The observer's frames, against scapy as an independent reader and writer."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from vipkeeper.lab.probe_frames import (
    ECHO_PORT,
    PROBE_PORT,
    PROBE_SENDERS,
    Heard,
    hear,
    probe_payload,
    probe_sender,
    udp_frame,
    who_has_frame,
)

OWN, NODE = "02:00:00:00:00:01", "02:00:00:00:00:02"
VIP4, VIP6 = "10.77.4.1", "fd77::4:1"


def test_arp_request() -> None:
    packet = Ether(who_has_frame(VIP4, 300, OWN))
    assert (packet.dst, packet.src) == ("ff:ff:ff:ff:ff:ff", OWN)
    arp = packet[ARP]
    assert (arp.op, arp.pdst, arp.psrc, arp.hwsrc) == (1, VIP4, "10.77.255.44", OWN)


def test_neighbour_solicitation_with_right_checksum() -> None:
    frame = who_has_frame(VIP6, 7, OWN)
    packet = Ether(frame)
    assert packet.dst == "33:33:ff:04:00:01"
    assert (packet[IPv6].src, packet[IPv6].dst, packet[IPv6].hlim) == ("fd77::ff:7", "ff02::1:ff04:1", 255)
    assert packet[ICMPv6ND_NS].tgt == VIP6
    assert packet[ICMPv6NDOptSrcLLAddr].lladdr == OWN
    assert _recomputed(frame) == frame


@pytest.mark.parametrize(("vip", "own"), [(VIP4, "10.77.2.2"), (VIP6, "fd77::2:2")])
def test_udp_probe_with_right_checksums(vip: str, own: str) -> None:
    frame = udp_frame(vip, 3, 99, own_mac=OWN, own_address=own, node_mac=NODE)
    packet = Ether(frame)
    assert (packet.dst, packet.src) == (NODE, OWN)
    network = packet[IPv6] if ":" in vip else packet[IP]
    assert (network.src, network.dst) == (own, vip)
    assert (packet[UDP].sport, packet[UDP].dport) == (PROBE_PORT, ECHO_PORT)
    assert bytes(packet[UDP].payload) == probe_payload(3, 99)
    if ":" in vip:
        assert _recomputed(frame) == frame
    else:
        assert packet[UDP].chksum == 0
        assert packet[IP].chksum == Ether(_recomputed(frame))[IP].chksum


def test_hears_an_arp_reply_and_which_probe_it_answers() -> None:
    reply = Ether(src=NODE, dst=OWN) / ARP(
        op=2, hwsrc=NODE, psrc=VIP4, hwdst=OWN, pdst=probe_sender(4, PROBE_SENDERS + 9)
    )
    assert hear(bytes(reply)) == Heard("arp", VIP4, 9, NODE)


@pytest.mark.parametrize("operation", [1, 2])
def test_hears_a_gratuitous_arp_as_an_announcement(operation: int) -> None:
    announcement = Ether(src=NODE) / ARP(op=operation, hwsrc=NODE, psrc=VIP4, pdst=VIP4)
    assert hear(bytes(announcement)) == Heard("announce", VIP4, 0, NODE)


def test_does_not_take_an_arp_request_for_an_answer() -> None:
    assert hear(bytes(Ether(src=NODE) / ARP(op=1, hwsrc=NODE, psrc=VIP4, pdst="10.77.2.1"))) is None


@pytest.mark.parametrize(
    ("solicited", "heard"),
    [(1, Heard("arp", VIP6, 0x2A, NODE)), (0, Heard("announce", VIP6, 0, NODE))],
)
def test_hears_neighbour_advertisements(solicited: int, heard: Heard) -> None:
    target = probe_sender(6, 0x2A) if solicited else "ff02::1"
    packet = Ether(src=NODE, dst=OWN) / IPv6(src=VIP6, dst=target) / ICMPv6ND_NA(tgt=VIP6, S=solicited, O=1)
    assert hear(bytes(packet)) == heard


@pytest.mark.parametrize("network", [IP(src=VIP4, dst="10.77.2.2"), IPv6(src=VIP6, dst="fd77::2:2")])
def test_hears_the_echo_services_answer(network: IP | IPv6) -> None:
    answer = UDP(sport=ECHO_PORT, dport=PROBE_PORT) / Raw(probe_payload(0, 12345) + b"node2")
    assert hear(bytes(Ether(src=NODE, dst=OWN) / network / answer)) == Heard(
        "udp", network.src, 12345, "node2"
    )


@pytest.mark.parametrize("length", [0, 10, 14, 20, 41])
def test_a_frame_cut_short_says_nothing(length: int) -> None:
    whole = bytes(Ether(src=NODE, dst=OWN) / ARP(op=2, hwsrc=NODE, psrc=VIP4, hwdst=OWN, pdst="10.77.255.1"))
    assert hear(whole[:length]) is None


def _recomputed(frame: bytes) -> bytes:
    """The same frame with every checksum left for scapy to compute."""
    packet = Ether(frame)
    for layer in (IP, UDP):
        if layer in packet:
            del packet[layer].chksum
    if ICMPv6ND_NS in packet:
        del packet[ICMPv6ND_NS].cksum
    return bytes(packet)
