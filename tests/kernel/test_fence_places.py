"""The fence sits wherever Linux would answer for a VIP, which is on any interface, whichever has it."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from tests.kernel_segment.segment import INTERFACE, THEIR_MAC, Segment, run_inside
from vipkeeper.agent.clocks import boot_s
from vipkeeper.changes.change_kinds import AddAddresses, SetDeadlines
from vipkeeper.desired.wanted_host import lifetime
from vipkeeper.kernel.netlink_host import NetlinkHost
from vipkeeper.lab.namespaces import make_namespace, new_lab_name
from vipkeeper.lab.probe_frames import ETH_ARP, hear, who_has_frame
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import CLOSED_S
from vipkeeper.model.vips import VipAddress

pytestmark = pytest.mark.root

ADDRESS = "10.9.1.1"
LONG_S = 600.0

# Where the VIP is -> how that interface comes to be. The neighbour asks on eth0.
PLACES = {
    "eth0": (),
    "eth1": ("link add eth1 type veth peer name far1", "link set far1 up", "link set eth1 up"),
    "silent0": (
        "link add silent0 type veth peer name far0",
        "link set far0 up",
        "link set silent0 arp off up",
    ),
    "bridge0": (
        "link add bridge0 type bridge",
        "link set bridge0 type bridge mcast_snooping 0",
        f"link set {INTERFACE} master bridge0",
        "link set bridge0 up",
    ),
    "macvlan0": (
        f"link add link {INTERFACE} name macvlan0 type macvlan mode private",
        "link set macvlan0 up",
    ),
}


@pytest.mark.parametrize("kind", [FenceKind.BPF, FenceKind.NFTABLES])
@pytest.mark.parametrize("place", PLACES)
def test_nobody_answers_for_a_closed_vip(segment: Segment, place: str, kind: FenceKind) -> None:
    vip = VipAddress(ADDRESS, 32, place)
    if PLACES[place]:
        segment.ours.configure(*PLACES[place])

    def serve() -> NetlinkHost:
        host = NetlinkHost(boot_s)
        host.choose_fence((kind,))
        deadline_s = boot_s() + LONG_S
        host.apply(SetDeadlines({ADDRESS: deadline_s}))
        assert host.apply(AddAddresses({vip: lifetime(deadline_s, kind)})).refused == {}
        return host

    host = run_inside(segment.ours, serve)
    assert is_answered(segment, patience_s=20.0)
    host.apply(SetDeadlines({ADDRESS: CLOSED_S}))
    assert not is_answered(segment, patience_s=0.3)
    host.close(keep=False)
    # The address has stayed: it was the fence that was silent.
    assert is_answered(segment, patience_s=20.0)


def test_a_frame_that_only_passes_a_bridge_is_not_touched(segment: Segment) -> None:
    """Somebody behind our bridge has the VIP now, and our own lease of it is over."""
    segment.ours.configure(
        *PLACES["bridge0"],
        "link add port0 type veth peer name guest0",
        "link set port0 master bridge0 up",
    )
    with make_namespace(new_lab_name(), "guest") as guest:
        segment.ours.configure(f"link set guest0 netns {guest.name}")
        guest.configure(f"address add {ADDRESS}/16 dev guest0", "link set guest0 up")

        def lapse() -> NetlinkHost:
            host = NetlinkHost(boot_s)
            host.choose_fence((FenceKind.BPF,))
            host.apply(SetDeadlines({ADDRESS: CLOSED_S}))
            return host

        host = run_inside(segment.ours, lapse)
        assert is_answered(segment, patience_s=20.0)
        host.close(keep=False)


def is_answered(segment: Segment, *, patience_s: float) -> bool:
    """Whether anybody answers an ARP request for ADDRESS; asked again and again for `patience_s`."""
    asker = segment.theirs.socket(socket.AF_PACKET, socket.SOCK_RAW)
    ends_s = time.monotonic() + patience_s
    try:
        asker.bind((INTERFACE, ETH_ARP))
        asker.settimeout(0.05)
        while time.monotonic() < ends_s:
            asker.send(who_has_frame(ADDRESS, 0, THEIR_MAC))
            with contextlib.suppress(TimeoutError):
                said = hear(asker.recv(2048))
                if said is not None and (said.kind, said.address) == ("arp", ADDRESS):
                    return True
        return False
    finally:
        asker.close()
