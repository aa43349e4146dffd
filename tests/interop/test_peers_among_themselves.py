"""keepalived and FRR without us: proves the lab, and shows what SIGKILL of them leaves behind.

The last part is the control of our own promise: after SIGKILL of keepalived, two hosts answer for one
address. A harness that did not see that could not say of us that it does not happen.
"""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from tests.interop import scenarios
from tests.interop.noise import Noise
from tests.interop.segment import VIP4, VIP6, Segment
from tests.peers.frr import vrrpd_conf
from tests.peers.keepalived import keepalived_conf
from tests.peers.virtual_router import CannotBeTold, VirtualRouter, wait_until_master
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

# Short enough for a quick test, long enough for two busy processors.
SHORT = VirtualRouter((VIP4,), interval_ms=200)
SECONDS = VirtualRouter((VIP4,), version=2, interval_ms=1000)

PAIRS = [("keepalived", "keepalived"), ("keepalived", "frr"), ("frr", "keepalived")]


@pytest.mark.parametrize("address", [VIP4, VIP6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_version_3(segment: Segment, kinds: tuple[str, str], address: str) -> None:
    with segment.routers(kinds, replace(SHORT, addresses=(address,))) as (higher, lower):
        died_ns = scenarios.live(segment, higher, lower)
        assert higher.holds(address)
        assert scenarios.both_answer(segment, died_ns)


@pytest.mark.parametrize(
    "described",
    [
        pytest.param(SECONDS, id="version2"),
        pytest.param(replace(SECONDS, auth="pass", key="secret12"), id="pass"),
        pytest.param(replace(SECONDS, auth="ah", key="s3cretAH"), id="ah"),
        pytest.param(replace(SHORT, unicast_peers=("others",)), id="unicast"),
        pytest.param(replace(SHORT, vmac=True), id="vmac"),
        pytest.param(replace(SHORT, vmac=True, addresses=(VIP6,)), id="vmac-ipv6"),
    ],
)
def test_forms_of_keepalived(segment: Segment, described: VirtualRouter) -> None:
    start_ns = now_ns()
    with segment.routers(("keepalived", "keepalived"), described) as (higher, lower):
        scenarios.elect(segment, higher, lower)
        scenarios.leave(segment, higher, lower)
        for advert in segment.adverts.heard(since_ns=start_ns, vrid=described.vrid):
            assert advert.version == described.version
            assert advert.authenticated == (described.auth == "ah")
            assert advert.is_multicast != bool(described.unicast_peers)
            assert (advert.source_mac == described.mac) == described.vmac
            assert (b"secret12" in advert.message) == (described.auth == "pass")


def test_keepalived_and_frr_in_version_2(segment: Segment) -> None:
    with segment.routers(("frr", "keepalived"), SECONDS) as (higher, lower):
        scenarios.elect(segment, higher, lower)
        scenarios.leave(segment, higher, lower)


@pytest.mark.parametrize("auth", ["pass", "ah"])
def test_a_wrong_key_makes_two_masters(segment: Segment, auth: str) -> None:
    described = replace(SECONDS, auth=auth, key="secret12")
    kinds = ("keepalived", "keepalived")
    with segment.routers(kinds, described, others=replace(described, key="other")) as (one, other):
        one.start()
        other.start()
        wait_until_master(one)
        wait_until_master(other)
        assert one.is_master()


def test_a_frozen_keepalived_goes_on_answering(segment: Segment) -> None:
    with segment.routers(("keepalived", "keepalived"), SHORT) as (higher, lower):
        scenarios.elect(segment, higher, lower)
        start_ns = now_ns()
        higher.freeze()
        segment.answered_by(VIP4, lower)
        assert scenarios.both_answer(segment, start_ns)
        higher.thaw()


def test_without_preemption_the_master_stays(segment: Segment) -> None:
    with segment.routers(("keepalived", "keepalived"), replace(SHORT, preempt=False)) as (higher, lower):
        lower.start()
        wait_until_master(lower)
        higher.start()
        time.sleep(3 * higher.described.master_down_s)
        assert (higher.is_master(), lower.is_master()) == (False, True)


def test_rejected_packets_silence_a_keepalived(segment: Segment) -> None:
    """The control of the same test with us: such a stream stops keepalived's own timer."""
    with segment.routers(("keepalived",), SHORT) as (master,):
        master.start()
        wait_until_master(master)
        with Noise(segment.network, SHORT, every_s=0.03):
            time.sleep(0.3)
            start_ns = now_ns()
            time.sleep(2)
            said = len(segment.adverts.heard(since_ns=start_ns, host=master.host.name))
        assert said < 5  # of ten


def test_what_they_cannot_do_is_said(segment: Segment) -> None:
    host = segment.network.hosts[0]
    with pytest.raises(CannotBeTold):
        vrrpd_conf(replace(SECONDS, auth="pass", key="x"))
    with pytest.raises(CannotBeTold):
        vrrpd_conf(replace(SHORT, unicast_peers=("10.77.1.2",)))
    with pytest.raises(CannotBeTold):
        keepalived_conf(host, replace(SHORT, auth="pass", key="x"))
