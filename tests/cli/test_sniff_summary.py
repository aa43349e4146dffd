"""What `sniff` concludes from frames: a VIP that moves is no conflict, and two owners are."""

from __future__ import annotations

from scapy.layers.inet import IP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vrrp import VRRPv3
from scapy.packet import Packet

from vipkeeper.cli.sniff_summary import Summariser, Summary, lines
from vipkeeper.cli.sniffed_frames import Heard, Reader, line

VIP, VIP6 = "192.0.2.100", "2001:db8::100"
ONE, OTHER, ASKER = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:09"
ONE_IP, OTHER_IP, ASKER_IP = "192.0.2.1", "192.0.2.2", "192.0.2.9"
TIME = "2026-01-01T00:00:00.000000Z"


def read(frame: Packet, *vips: str) -> Heard | None:
    return Reader(vips).read(bytes(frame), time=TIME, own=False)


def advert(source: str, mac: str, *, priority: int = 100, vip: str = VIP, vrid: int = 51) -> Packet:
    message = VRRPv3(vrid=vrid, priority=priority, adv=100, addrlist=[vip])
    return (
        Ether(src=mac, dst="01:00:5e:00:00:12")
        / IP(src=source, dst="224.0.0.18", ttl=255, proto=112)
        / message
    )


def announcement(mac: str, vip: str = VIP) -> Packet:
    return Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=mac, psrc=vip, pdst=vip)


def reply(mac: str) -> Packet:
    return Ether(src=mac, dst=ASKER) / ARP(op=2, hwsrc=mac, psrc=VIP, hwdst=ASKER, pdst=ASKER_IP)


def summary(*timed: tuple[float, Packet], vips: tuple[str, ...] = ()) -> Summary:
    """Of frames, each with the second at which it came."""
    reader, summariser = Reader(vips), Summariser()
    for at_s, frame in timed:
        heard = reader.read(bytes(frame), time=TIME, own=False)
        if heard is not None:
            summariser.add(heard, int(at_s * 1e9))
    return summariser.summary()


def conflicts(*timed: tuple[float, Packet], vips: tuple[str, ...] = ()) -> list[str]:
    return [conflict.kind for conflict in summary(*timed, vips=vips).conflicts]


def test_an_advertisement_is_shown_with_all_it_says() -> None:
    heard = read(advert(ONE_IP, ONE))
    assert heard is not None
    shown = heard.shown
    assert (shown.kind, shown.sender_mac, shown.sender) == ("vrrp", ONE, ONE_IP)
    assert (shown.version, shown.vrid, shown.priority, shown.interval_cs) == (3, 51, 100, 100)
    assert (shown.vips, shown.verdict, shown.reason) == ((VIP,), "accept", None)
    assert line(shown) == (
        f"00:00:00.000000  vrrp          {ONE}  192.0.2.1        v3 VRID 51  priority 100  every 1 s  {VIP}"
    )


def test_a_broken_one_is_shown_with_the_reason() -> None:
    frame = advert(ONE_IP, ONE)
    frame[VRRPv3].chksum = 1
    heard = read(frame)
    assert heard is not None
    assert (heard.shown.verdict, heard.shown.reason) == ("discard", "checksum")
    assert line(heard.shown).endswith("DISCARD checksum")
    assert summary((0, frame)).discarded == {"checksum": 1}


def test_only_the_vips_that_were_asked_for_are_shown() -> None:
    assert read(advert(ONE_IP, ONE), VIP) is not None
    assert read(advert(ONE_IP, ONE), "192.0.2.200") is None
    assert read(announcement(ONE), VIP) is not None
    assert read(announcement(ONE), "192.0.2.200") is None


def test_without_a_list_those_are_watched_that_somebody_advertises() -> None:
    reader = Reader()
    spoken = bytes(announcement(ONE))
    assert reader.read(spoken, time=TIME, own=False) is None
    reader.read(bytes(advert(ONE_IP, ONE)), time=TIME, own=False)
    assert reader.read(spoken, time=TIME, own=False) is not None


def test_every_kind_of_arp() -> None:
    everybody, nobody = "ff:ff:ff:ff:ff:ff", ".".join("0000")
    request = Ether(src=ASKER, dst=everybody) / ARP(op=1, hwsrc=ASKER, psrc=ASKER_IP, pdst=VIP)
    probe = Ether(src=ASKER, dst=everybody) / ARP(op=1, hwsrc=ASKER, psrc=nobody, pdst=VIP)
    # In the VIP's name: whoever hears it learns where the VIP is.
    in_its_name = Ether(src=ONE, dst=everybody) / ARP(op=1, hwsrc=ONE, psrc=VIP, pdst=ASKER_IP)
    frames = (request, probe, in_its_name, reply(ONE), announcement(ONE))
    seen = [heard.shown for frame in frames if (heard := read(frame, VIP))]
    assert [(each.kind, each.at_mac) for each in seen] == [
        ("arp-request", None),
        ("arp-probe", None),
        ("arp-request", ONE),
        ("arp-reply", ONE),
        ("arp-announce", ONE),
    ]
    assert {each.vips for each in seen} == {(VIP,)}


def test_every_kind_of_neighbour_discovery() -> None:
    ethernet = Ether(src=ONE, dst="33:33:00:00:00:01")
    ask = ethernet / IPv6(src="2001:db8::9", dst="ff02::1", hlim=255) / ICMPv6ND_NS(tgt=VIP6)
    from_vip = (
        ethernet
        / IPv6(src=VIP6, dst="ff02::1", hlim=255)
        / ICMPv6ND_NS(tgt="2001:db8::9")
        / ICMPv6NDOptSrcLLAddr(lladdr=ONE)
    )
    answer = (
        ethernet
        / IPv6(src=VIP6, dst="2001:db8::9", hlim=255)
        / ICMPv6ND_NA(tgt=VIP6, S=1)
        / ICMPv6NDOptDstLLAddr(lladdr=OTHER)
    )
    announce = ethernet / IPv6(src=VIP6, dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=VIP6, S=0)
    forwarded = ethernet / IPv6(src=VIP6, dst="ff02::1", hlim=64) / ICMPv6ND_NA(tgt=VIP6, S=0)
    seen = [
        heard.shown for frame in (ask, from_vip, answer, announce, forwarded) if (heard := read(frame, VIP6))
    ]
    assert [(each.kind, each.at_mac, each.reason) for each in seen] == [
        ("ns", None, None),
        ("ns", ONE, None),
        ("na", OTHER, None),
        ("na-announce", ONE, None),
        ("na-announce", None, "ttl"),
    ]


def test_a_vip_that_moves_is_no_conflict() -> None:
    moved = [(0.0, announcement(ONE)), (0.5, announcement(ONE)), (0.6, announcement(OTHER))]
    later = [(10.0, announcement(ONE)), (10.1, announcement(OTHER))]
    assert conflicts(*moved, vips=(VIP,)) == []
    assert conflicts(*moved, (1.7, announcement(ONE)), *later[:1], vips=(VIP,)) == []


def test_a_claim_before_and_after_another_one_is_a_conflict() -> None:
    timed = [(0.0, announcement(ONE)), (0.3, announcement(OTHER)), (0.6, announcement(ONE))]
    assert conflicts(*timed, vips=(VIP,)) == ["two-macs"]
    (conflict,) = summary(*timed, vips=(VIP,)).conflicts
    assert conflict.text == f"{VIP} is claimed by {ONE} and {OTHER} at the same time"


def test_two_answers_to_one_question_are_a_conflict() -> None:
    assert conflicts((0, reply(ONE)), (0.01, reply(OTHER)), vips=(VIP,)) == ["two-macs"]
    assert conflicts((0, reply(ONE)), (2, reply(OTHER)), vips=(VIP,)) == []


def test_a_failover_and_an_election_are_no_conflict() -> None:
    one, other = advert(ONE_IP, ONE), advert(OTHER_IP, OTHER)
    leaving = advert(ONE_IP, ONE, priority=0)
    assert conflicts((0, one), (1, one), (4.6, other), (5.6, other)) == []
    assert conflicts((0, one), (0.5, leaving), (1.1, other), (2.1, other)) == []
    # It comes back, and preempts.
    assert conflicts((0, one), (3.6, other), (4.6, other), (7, one), (8, one)) == []
    # Both at once, and one yields.
    assert conflicts((0, one), (0.1, other), (1, one), (2, one), (3, one)) == []


def test_many_failovers_are_no_conflict() -> None:
    one, other = advert(ONE_IP, ONE), advert(OTHER_IP, OTHER)
    # Each dies, the other one takes over when three adverts are missing, and is preempted.
    deaths = [(turn * 10 + at_s, frame) for turn in range(4) for at_s, frame in ((0, one), (3.6, other))]
    assert conflicts(*deaths) == []
    # It leaves, and comes back sooner than an advert of it was due.
    leaving = advert(ONE_IP, ONE, priority=0)
    restarts = [
        (turn * 2 + at_s, frame)
        for turn in range(4)
        for at_s, frame in ((0, one), (0.1, leaving), (0.7, other))
    ]
    assert conflicts(*restarts) == []


def test_two_masters_are_a_conflict() -> None:
    one, other = advert(ONE_IP, ONE), advert(OTHER_IP, OTHER)
    timed = [(number + offset, frame) for number in range(3) for offset, frame in ((0, one), (0.5, other))]
    (conflict,) = summary(*timed).conflicts
    assert conflict.text == f"VRID 51 (IPv4) has two masters at once: {ONE_IP} and {OTHER_IP}"


def test_one_vrid_for_two_groups_is_a_conflict_with_a_way_out() -> None:
    told = summary((0, advert(ONE_IP, ONE)), (5, advert(OTHER_IP, OTHER, vip="192.0.2.200")))
    assert [conflict.kind for conflict in told.conflicts] == ["shared-vrid"]
    assert told.free_vrid == 1
    assert lines(told, 5)[-1] == "VRID 1 is free on this wire"


def test_the_summary_names_routers_and_claims() -> None:
    told = summary((0, advert(ONE_IP, ONE)), (0.1, announcement(ONE)), (1, advert(ONE_IP, ONE, priority=0)))
    (router,) = told.routers
    assert (router.priority, router.adverts, router.left) == (100, 2, True)
    assert lines(told, 1.5) == [
        "--- 3 frames in 1.5 s",
        f"VRID 51 IPv4 version 3: {ONE_IP} ({ONE}), priority 100, every 1 s, 2 adverts, left, for {VIP}",
        f"{VIP}: last at {ONE}; claims: 1 of {ONE}",
        "no conflict seen",
    ]
