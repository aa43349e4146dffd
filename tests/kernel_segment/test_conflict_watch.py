"""Foreign announcements on a real cable are heard, and nothing else wakes the watch."""

from __future__ import annotations

import asyncio
import struct

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

from tests.kernel_segment.listener import foreign_announcements, listener
from tests.kernel_segment.segment import (
    INTERFACE,
    OUR_MAC,
    THEIR_MAC,
    VIP4,
    VIP6,
    Segment,
    links_here,
    run_loop_inside,
    run_without_raw_sockets,
    until_so,
)
from vipkeeper.kernel.announcement_frames import announcements
from vipkeeper.kernel.conflict_watch import REPORT_INTERVAL_S
from vipkeeper.kernel.segment_sender import SegmentSender
from vipkeeper.model.vips import VipAddress

pytestmark = pytest.mark.root

OURS = bytes.fromhex(OUR_MAC.replace(":", ""))
THEIRS = bytes.fromhex(THEIR_MAC.replace(":", ""))
ETHERNET = Ether(src=THEIR_MAC, dst="ff:ff:ff:ff:ff:ff")
ALL_NODES = Ether(src=THEIR_MAC, dst="33:33:00:00:00:01")


async def serve_sockets() -> None:
    """The loop looks once which sockets have something to say, and once more lets them say it."""
    for _ in range(2):
        await asyncio.sleep(0)


FOREIGN = {
    "arp-request": (VIP4, announcements(VIP4, THEIRS)[0]),
    "arp-reply": (VIP4, announcements(VIP4, THEIRS)[1]),
    "arp-question-of-an-owner": (
        VIP4,
        bytes(ETHERNET / ARP(op=1, hwsrc=THEIR_MAC, psrc=VIP4.address, pdst="10.9.0.77")),
    ),
    "advertisement": (VIP6, announcements(VIP6, THEIRS)[0]),
    "advertisement-without-override-or-option": (
        VIP6,
        bytes(ALL_NODES / IPv6(src="fe80::2", dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=VIP6.address, O=0)),
    ),
}


@pytest.mark.parametrize("form", FOREIGN)
def test_a_foreign_announcement_is_heard_with_who_sent_it(segment: Segment, form: str) -> None:
    vip, frame = FOREIGN[form]

    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for([VIP4, VIP6])
            theirs.send(frame)
            await ear.hears(vip)
            assert ear.watch.frames_read == 1

    run_loop_inside(segment.ours, main)


def tagged(frame: bytes, vlan: int) -> bytes:
    return frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:]


def silent_frames() -> dict[str, bytes]:
    arp = ETHERNET / ARP(op=1, hwsrc=THEIR_MAC, psrc=VIP4.address, pdst=VIP4.address)
    to_all = IPv6(src="fe80::2", dst="ff02::1", hlim=255)
    return {
        "arp-probe": bytes(ETHERNET / ARP(op=1, hwsrc=THEIR_MAC, psrc="0.0.0.0", pdst=VIP4.address)),  # noqa: S104 - RFC 5227
        "arp-question-for-the-vip": bytes(
            ETHERNET / ARP(op=1, hwsrc=THEIR_MAC, psrc="10.9.0.2", pdst=VIP4.address)
        ),
        "solicitation": bytes(ALL_NODES / to_all / ICMPv6ND_NS(tgt=VIP6.address)),
        "advertisement-of-another": bytes(ALL_NODES / to_all / ICMPv6ND_NA(tgt="fd09::1:9")),
        "our-own-frame-come-back": announcements(VIP4, OURS)[0],
        "on-a-vlan": tagged(bytes(arp), 10),
        "cut-short": bytes(arp)[:30],
    }


@pytest.mark.parametrize("form", silent_frames())
def test_what_is_no_foreign_announcement_does_not_even_wake_the_watch(segment: Segment, form: str) -> None:
    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for([VIP4, VIP6])
            theirs.send(silent_frames()[form])
            for vip in (VIP4, VIP6):
                theirs.send(foreign_announcements(vip)[0])
            await ear.hears(VIP4, VIP6)
            assert ear.watch.frames_read == 2

    run_loop_inside(segment.ours, main)


def test_a_claim_of_one_of_our_macs_is_not_foreign(segment: Segment) -> None:
    """A wireless bridge repeats our announcement in its own name."""
    repeated = [
        bytes(ETHERNET / ARP(op=2, hwsrc=OUR_MAC, psrc=VIP4.address, hwdst=OUR_MAC, pdst=VIP4.address)),
        bytes(
            ALL_NODES
            / IPv6(src=VIP6.address, dst="ff02::1", hlim=255)
            / ICMPv6ND_NA(tgt=VIP6.address)
            / ICMPv6NDOptDstLLAddr(lladdr=OUR_MAC)
        ),
    ]

    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for([VIP4, VIP6])
            for frame in repeated:
                theirs.send(frame)
            await until_so(lambda: ear.watch.frames_read == 2)
            assert ear.heard == []

    run_loop_inside(segment.ours, main)


def test_what_an_interface_above_ours_receives_is_not_heard_below(segment: Segment) -> None:
    """A VLAN's frames pass by its parent's sockets, as those of a macvlan do; it may be another segment."""
    above, above_mac = "above0", "02:00:00:00:00:0b"
    segment.ours.configure(
        f"link add link {INTERFACE} name {above} address {above_mac} type macvlan", f"link set {above} up"
    )
    vip_above = VipAddress(VIP4.address, 32, above)
    frame_for_above, frame_for_ours = (
        bytes(Ether(src=THEIR_MAC, dst=mac) / ARP(op=2, hwsrc=THEIR_MAC, psrc=VIP4.address, hwdst=mac))
        for mac in (above_mac, OUR_MAC)
    )

    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for([VIP4, vip_above])
            theirs.send(frame_for_above)
            theirs.send(frame_for_ours)
            await ear.hears(vip_above, VIP4)
            assert ear.watch.frames_read == 2

    run_loop_inside(segment.ours, main)


def test_what_we_send_ourselves_is_not_heard(segment: Segment) -> None:
    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            links = links_here()
            ear.listen_for([VIP4, VIP6], links)
            sender = SegmentSender()
            foreign_mac_from_our_side = [
                frame for vip in (VIP4, VIP6) for frame in announcements(vip, b"\x02" * 6)
            ]
            sender.send(links[INTERFACE], [*announcements(VIP4, OURS), *announcements(VIP6, OURS)])
            sender.send(links[INTERFACE], foreign_mac_from_our_side)
            sender.close()
            for vip in (VIP4, VIP6):
                theirs.send(foreign_announcements(vip)[0])
            await ear.hears(VIP4, VIP6)
            assert ear.watch.frames_read == 2

    run_loop_inside(segment.ours, main)


def test_a_storm_is_reported_once_a_second_for_each_vip(segment: Segment) -> None:
    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            loop = asyncio.get_running_loop()
            ear.listen_for([VIP4, VIP6])
            begun_s = loop.time()
            while loop.time() - begun_s < 2.5 * REPORT_INTERVAL_S:
                for vip in (VIP4, VIP6):
                    theirs.send(foreign_announcements(vip)[0])
                await asyncio.sleep(0.01)
            lasted_s = loop.time() - begun_s
            for vip in (VIP4, VIP6):
                reports = sum(heard == vip for heard, _ in ear.heard)
                assert 1 <= reports <= 1 + lasted_s / REPORT_INTERVAL_S
            assert ear.watch.frames_read > len(ear.heard)

    run_loop_inside(segment.ours, main)


def test_what_is_watched_can_change(segment: Segment) -> None:
    other = VipAddress("10.9.1.77", 32, INTERFACE)

    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for([VIP4])
            theirs.send(foreign_announcements(VIP4)[0])
            await ear.hears(VIP4)
            ear.listen_for([other])
            theirs.send(foreign_announcements(VIP4)[0])
            theirs.send(foreign_announcements(other)[0])
            await ear.hears(other)
            ear.listen_for([])
            theirs.send(foreign_announcements(other)[0])
            ear.listen_for([VIP6])
            theirs.send(foreign_announcements(VIP6)[0])
            await ear.hears(VIP6)
            assert ear.watch.frames_read == 3

    run_loop_inside(segment.ours, main)


def test_another_mac_of_ours_is_ours_after_the_next_look(segment: Segment) -> None:
    changed = "02:00:00:00:00:0a"

    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for([VIP4])
            segment.ours.configure(f"link set {INTERFACE} address {changed}")
            ear.listen_for([VIP4])
            theirs.send(announcements(VIP4, bytes.fromhex(changed.replace(":", "")))[0])
            theirs.send(foreign_announcements(VIP4)[0])
            await ear.hears(VIP4)
            assert ear.watch.frames_read == 1

    run_loop_inside(segment.ours, main)


def test_an_interface_that_goes_down_is_heard_again_when_it_is_up(segment: Segment) -> None:
    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for([VIP4, VIP6])
            segment.ours.configure(f"link set {INTERFACE} down")
            await serve_sockets()
            segment.ours.configure(f"link set {INTERFACE} up")
            await until_so(lambda: links_here()[INTERFACE].up)
            for vip in (VIP4, VIP6):
                theirs.send(foreign_announcements(vip)[0])
            await ear.hears(VIP4, VIP6)

    run_loop_inside(segment.ours, main)


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "between-two-looks"])
def test_an_interface_deleted_while_watched_is_dropped_and_its_successor_is_heard(
    segment: Segment, noticed: bool
) -> None:
    async def main() -> None:
        with listener() as ear:
            before = links_here()
            ear.listen_for([VIP4], before)
            segment.ours.configure(f"link del {INTERFACE}")
            await serve_sockets()
            ear.listen_for([VIP4, VIP6], before)  # news of the deletion has not come yet
            if noticed:
                ear.listen_for([VIP4, VIP6])
            segment.ours.configure(
                f"link add {INTERFACE} type veth peer name {INTERFACE} address {THEIR_MAC} "
                f"netns {segment.theirs.name}",
                f"link set {INTERFACE} up",
            )
            segment.theirs.configure(f"link set {INTERFACE} up")
            await until_so(lambda: links_here()[INTERFACE].up)
            ear.listen_for([VIP4, VIP6])
            with segment.their_sender() as theirs:
                for vip in (VIP4, VIP6):
                    theirs.send(foreign_announcements(vip)[0])
                await ear.hears(VIP4, VIP6)

    run_loop_inside(segment.ours, main)


def test_without_the_capability_the_operator_is_told() -> None:
    said = run_without_raw_sockets(
        "import asyncio\n"
        "from vipkeeper.kernel.conflict_watch import ConflictWatch\n"
        "from vipkeeper.model.errors import MissingPrivilege\n"
        "from vipkeeper.model.host import Link\n"
        "from vipkeeper.model.vips import VipAddress\n"
        "async def main():\n"
        "    link = Link('eth0', 2, bytes(6), up=True, resolves=True, port=False)\n"
        "    ConflictWatch(print).watch({'eth0': link}, [VipAddress('10.9.1.1', 32, 'eth0')])\n"
        "try:\n    asyncio.run(main())\n"
        "except MissingPrivilege as missing:\n    print(missing)\n"
    )
    assert "CAP_NET_RAW" in said
    assert "AmbientCapabilities" in said


def test_nothing_is_heard_after_close(segment: Segment) -> None:
    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for([VIP4])
            ear.watch.close()
            theirs.send(foreign_announcements(VIP4)[0])
            ear.listen_for([VIP4])
            theirs.send(foreign_announcements(VIP4)[0])
            await ear.hears(VIP4)
            assert ear.watch.frames_read == 1

    run_loop_inside(segment.ours, main)
