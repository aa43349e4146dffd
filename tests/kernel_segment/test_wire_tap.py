"""A tap wakes for VRRP, and for ARP and neighbour discovery if asked; never for other traffic."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vrrp import VRRPv3
from scapy.packet import Packet, Raw

from tests.kernel_segment.segment import INTERFACE, THEIR_MAC, Segment, run_inside, until
from vipkeeper.model.errors import ConfigError
from vrrp_compat.sockets.wire_tap import WireTap

pytestmark = pytest.mark.root

TO_GROUP, TO_GROUP6 = "01:00:5e:00:00:12", "33:33:00:00:00:12"
IN_GROUP = IP(src="10.9.0.2", dst="224.0.0.18", ttl=255, proto=112)
VRRP = IN_GROUP / VRRPv3(vrid=7, addrlist=["10.9.1.1"])
END = IN_GROUP / VRRPv3(vrid=8, addrlist=["10.9.1.1"])
VRRP6 = IPv6(src="fe80::2", dst="ff02::12", hlim=255, nh=112) / b"\x31\x07\x64\x00\x00\x64\x00\x00"
AH = IP(src="10.9.0.2", dst="224.0.0.18", ttl=255, proto=51) / Raw(bytes(24))
ASK = ARP(op=1, hwsrc=THEIR_MAC, psrc="10.9.0.2", pdst="10.9.1.1")
SOLICIT = IPv6(src="fe80::2", dst="ff02::1:ff01:1", hlim=255) / ICMPv6ND_NS(tgt="fd09::1:1")
ADVERTISE = IPv6(src="fe80::2", dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt="fd09::1:1")
# What it must not wake for: the same groups, other protocols.
DATAGRAM = IP(src="10.9.0.2", dst="224.0.0.18", ttl=255) / UDP(dport=9)
ECHO = IPv6(src="fe80::2", dst="ff02::1", hlim=255) / ICMPv6EchoRequest()


def framed(packet: Packet, to: str = TO_GROUP) -> Packet:
    return Ether(src=THEIR_MAC, dst=to) / packet


ROUTERS = [framed(VRRP), framed(VRRP6, TO_GROUP6), framed(AH)]
NEIGHBOURS = [
    framed(ASK, "ff:ff:ff:ff:ff:ff"),
    framed(SOLICIT, "33:33:ff:01:00:01"),
    framed(ADVERTISE, "33:33:00:00:00:01"),
]
OTHERS = [
    framed(DATAGRAM),
    framed(ECHO, "33:33:00:00:00:01"),
    # Of a VLAN on top of the interface: another wire.
    Ether(src=THEIR_MAC, dst=TO_GROUP) / Dot1Q(vlan=5) / VRRP,
    Ether(src=THEIR_MAC, dst=TO_GROUP, type=0x0800) / b"\x45",
]


def heard(segment: Segment, frames: list[Packet], *, neighbours: bool) -> list[bytes]:
    """What a tap gets of these frames, by its own order; a last advertisement marks their end."""
    sent, end = [bytes(frame) for frame in frames], bytes(framed(END))
    tap = run_inside(segment.ours, lambda: WireTap(INTERFACE, neighbours=neighbours))
    got: list[bytes] = []

    def ended() -> bool:
        got.extend(each.frame for each in tap.frames())
        return end in got

    try:
        with segment.their_sender() as sender:
            for frame in [*sent, end]:
                sender.send(frame)
        until(ended)
    finally:
        tap.close()
    # Their kernel speaks, too: only what was sent here counts.
    return [frame for frame in got if frame in sent]


def test_routers_alone(segment: Segment) -> None:
    assert heard(segment, [*NEIGHBOURS, *OTHERS, *ROUTERS], neighbours=False) == [*map(bytes, ROUTERS)]


def test_routers_and_neighbours(segment: Segment) -> None:
    wanted = [*ROUTERS, *NEIGHBOURS]
    assert heard(segment, [*OTHERS, *wanted], neighbours=True) == [*map(bytes, wanted)]


def test_what_this_host_sends_is_told_apart(segment: Segment) -> None:
    with segment.their_sender() as sender:
        tap = run_inside(segment.theirs, lambda: WireTap(INTERFACE, own=True))
        deaf = run_inside(segment.theirs, lambda: WireTap(INTERFACE))
        sender.send(bytes(ROUTERS[0]))
        # A packet socket has a frame before the call that sends it returns.
        assert [each.own for each in tap.frames()] == [True]
        assert deaf.frames() == []
        tap.close()
        deaf.close()


def test_an_interface_that_is_not_there(segment: Segment) -> None:
    with pytest.raises(ConfigError, match='this host has no interface "eth9"'):
        run_inside(segment.ours, lambda: WireTap("eth9"))
