"""vipkeeper as one more router on the segment: what the others do among themselves, and what they do not.

Every pair is tried both ways round, because electing and yielding are different code. Beyond what the peers
do: after SIGKILL of an agent its host is silent before another one answers, and so it is while an agent is
frozen; after a partition clients find the survivor; rejected packets change nothing. With a keepalived in the
agent's place all tests pass but those of these four (the one of the partition fails now and then): that is
their control.
"""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from tests.interop import scenarios
from tests.interop.noise import Noise
from tests.interop.segment import PATIENCE_S, VIP4, VIP6, Segment
from tests.peers.virtual_router import VirtualRouter, wait_until_master
from vipkeeper.lab import faults
from vipkeeper.lab.observer import now_ns
from vipkeeper.lab.verdicts import IN_FLIGHT_NS

pytestmark = [pytest.mark.root, pytest.mark.long, pytest.mark.timeout(180)]

# Short enough for a quick test, long enough for two busy processors.
SHORT = VirtualRouter((VIP4,), interval_ms=200)
SHORT_IPV6 = replace(SHORT, addresses=(VIP6,))
SECONDS = VirtualRouter((VIP4,), version=2, interval_ms=1000)
PASS = replace(SECONDS, auth="pass", key="secret12")
AH = replace(SECONDS, auth="ah", key="s3cretAH")
UNICAST = replace(SHORT, unicast_peers=("others",))

WITH_KEEPALIVED = [("vipkeeper", "keepalived"), ("keepalived", "vipkeeper")]
WITH_FRR = [("vipkeeper", "frr"), ("frr", "vipkeeper")]
ALONE = [("vipkeeper", "vipkeeper")]

Kinds = tuple[str, str]


def live(segment: Segment, kinds: Kinds, described: VirtualRouter) -> None:
    """The whole life of a pair; an agent that dies leaves nothing that answers, and any other does."""
    with segment.routers(kinds, described) as (higher, lower):
        died_ns = scenarios.live(segment, higher, lower)
        assert scenarios.both_answer(segment, died_ns) == (higher.kind != "vipkeeper")


@pytest.mark.parametrize("described", [SHORT, SHORT_IPV6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("kinds", [*WITH_KEEPALIVED, *WITH_FRR, *ALONE], ids="-".join)
def test_version_3(segment: Segment, kinds: Kinds, described: VirtualRouter) -> None:
    live(segment, kinds, described)


@pytest.mark.parametrize("kinds", [*WITH_KEEPALIVED, *WITH_FRR], ids="-".join)
def test_version_2(segment: Segment, kinds: Kinds) -> None:
    live(segment, kinds, SECONDS)


@pytest.mark.parametrize("described", [PASS, AH], ids=["pass", "ah"])
@pytest.mark.parametrize("kinds", WITH_KEEPALIVED, ids="-".join)
def test_right_key(segment: Segment, kinds: Kinds, described: VirtualRouter) -> None:
    live(segment, kinds, described)


@pytest.mark.parametrize("described", [PASS, AH], ids=["pass", "ah"])
def test_wrong_key(segment: Segment, described: VirtualRouter) -> None:
    """Neither hears the other, as between two keepaliveds: wrong keys are found by their reason, not here."""
    kinds = ("vipkeeper", "keepalived")
    with segment.routers(kinds, described, others=replace(described, key="other")) as (ours, theirs):
        start_ns = now_ns()
        ours.start()
        theirs.start()
        wait_until_master(ours)
        wait_until_master(theirs)
        for router in (ours, theirs):
            segment.adverts.wait_for(since_ns=start_ns, host=router.host.name)
        assert ours.is_master()


@pytest.mark.parametrize("described", [UNICAST, replace(AH, unicast_peers=("others",))], ids=["v3", "ah"])
@pytest.mark.parametrize("kinds", WITH_KEEPALIVED, ids="-".join)
def test_unicast(segment: Segment, kinds: Kinds, described: VirtualRouter) -> None:
    start_ns = now_ns()
    live(segment, kinds, described)
    heard = segment.adverts.heard(since_ns=start_ns)
    assert heard
    assert not [advert for advert in heard if advert.is_multicast]


@pytest.mark.parametrize("kinds", WITH_KEEPALIVED, ids="-".join)
def test_unicast_over_ipv6(segment: Segment, kinds: Kinds) -> None:
    live(segment, kinds, replace(UNICAST, addresses=(VIP6,)))


@pytest.mark.parametrize("described", [SHORT, SHORT_IPV6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("kinds", [*WITH_KEEPALIVED, *WITH_FRR], ids="-".join)
def test_virtual_mac(segment: Segment, kinds: Kinds, described: VirtualRouter) -> None:
    start_ns = now_ns()
    live(segment, kinds, replace(described, vmac=True))
    # One MAC for both: a client never has to learn anything.
    assert {advert.source_mac for advert in segment.adverts.heard(since_ns=start_ns)} == {described.mac}


@pytest.mark.parametrize("interval_ms", [1000, 100, 10])
@pytest.mark.parametrize("kinds", WITH_KEEPALIVED, ids="-".join)
def test_intervals(segment: Segment, kinds: Kinds, interval_ms: int) -> None:
    """Both agree who is master. How soon, a busy machine does not tell at 10 ms."""
    with segment.routers(kinds, replace(SHORT, interval_ms=interval_ms)) as (higher, lower):
        higher.start()
        lower.start()
        scenarios.serves(segment, higher)
        start_ns = now_ns()
        higher.stop()
        segment.adverts.wait_for(since_ns=start_ns, host=higher.host.name, priority=0)
        scenarios.serves(segment, lower)
        higher.start()
        scenarios.serves(segment, higher)
        adverts = segment.adverts.heard(host=higher.host.name)
        told_ms = int.from_bytes(adverts[-1].message[4:6]) * 10
        assert told_ms == interval_ms


def test_the_interval_is_learned_from_the_master(segment: Segment) -> None:
    """Version 3: a backup told 50 ms waits for a master that says 400 ms."""
    kinds = ("keepalived", "vipkeeper")
    slow, quick = replace(SHORT, interval_ms=400), replace(SHORT, interval_ms=50)
    with segment.routers(kinds, slow, others=quick) as (master, backup):
        scenarios.elect(segment, master, backup)
        start_ns = now_ns()
        time.sleep(2)
        assert not segment.adverts.heard(since_ns=start_ns, host=backup.host.name)
        assert master.is_master()


def test_three_makers(segment: Segment) -> None:
    with segment.routers(("keepalived", "vipkeeper", "frr"), SHORT) as routers:
        for router in routers:
            router.start()
        scenarios.serves(segment, routers[0])
        routers[0].stop()
        scenarios.serves(segment, routers[1])
        routers[1].stop()
        scenarios.serves(segment, routers[2])
        routers[1].start()
        scenarios.serves(segment, routers[1])
        scenarios.wait_until_backup(routers[2])


@pytest.mark.parametrize("kinds", WITH_KEEPALIVED, ids="-".join)
def test_without_preemption_the_master_stays(segment: Segment, kinds: Kinds) -> None:
    with segment.routers(kinds, replace(SHORT, preempt=False)) as (higher, lower):
        lower.start()
        scenarios.serves(segment, lower)
        higher.start()
        time.sleep(3 * higher.described.master_down_s)
        assert (higher.is_master(), lower.is_master()) == (False, True)


def test_preemption_waits_for_its_delay(segment: Segment) -> None:
    described = replace(SHORT, preempt_delay_s=2)
    with segment.routers(("vipkeeper", "keepalived"), described) as (higher, lower):
        lower.start()
        scenarios.serves(segment, lower)
        start_ns = now_ns()
        higher.start()
        taken = segment.adverts.wait_for(since_ns=start_ns, host=higher.host.name)
        assert (taken.received_ns - start_ns) / 1e9 >= described.preempt_delay_s
        scenarios.serves(segment, higher)
        scenarios.wait_until_backup(lower)


def test_equal_priorities_are_decided_by_the_address(segment: Segment) -> None:
    """The second host has the higher one."""
    with segment.routers(("vipkeeper", "keepalived"), SHORT, priorities=(100, 100)) as (smaller, greater):
        with faults.partition_from_peers(segment.network, smaller.host):
            for router in (smaller, greater):
                router.start()
                wait_until_master(router)
        scenarios.wait_until_backup(smaller)
        assert greater.is_master()


@pytest.mark.parametrize("kinds", [("vipkeeper", "keepalived"), *ALONE], ids="-".join)
def test_after_a_partition_clients_find_the_survivor(segment: Segment, kinds: Kinds) -> None:
    """keepalived as the survivor may say nothing and leave its clients with the other one for 53 s."""
    with segment.routers(kinds, SHORT) as (survivor, other):
        scenarios.elect(segment, survivor, other)
        with faults.partition_from_peers(segment.network, survivor.host):
            wait_until_master(other)
            # The latest announcement is the other one's, and clients follow it.
            segment.served_by(VIP4, other)
        healed_ns = now_ns()
        scenarios.wait_until_backup(other)
        segment.served_by(VIP4, survivor)
        time.sleep(2 * IN_FLIGHT_NS / 1e9)
        outage = segment.outage(VIP4, healed_ns)
        assert survivor.is_master()
        # Linux heeds no announcement within a second of the last one it took; keepalived's clients wait for
        # their own doubts, 3.5 s at best.
        assert outage.seconds < 2.5


def test_a_backup_that_yields_after_a_partition(segment: Segment) -> None:
    with segment.routers(("keepalived", "vipkeeper"), SHORT) as (survivor, other):
        scenarios.elect(segment, survivor, other)
        with faults.partition_from_peers(segment.network, survivor.host):
            wait_until_master(other)
        scenarios.wait_until_backup(other)
        assert survivor.is_master()


def test_a_cut_cable(segment: Segment) -> None:
    """Without carrier the agent gives its VIPs up; with it back it has to hear who is master first."""
    with segment.routers(("vipkeeper", "keepalived"), SHORT) as (higher, lower):
        scenarios.elect(segment, higher, lower)
        with faults.cut_link(segment.network, higher.host):
            scenarios.serves(segment, lower)
            scenarios.wait_until_backup(higher)
        scenarios.serves(segment, higher)
        scenarios.wait_until_backup(lower)


def test_a_frozen_agent_does_not_answer_beside_its_successor(segment: Segment) -> None:
    with segment.routers(("vipkeeper", "keepalived"), SHORT) as (higher, lower):
        scenarios.elect(segment, higher, lower)
        frozen_ns = now_ns()
        higher.freeze()
        segment.answered_by(VIP4, lower)
        assert not scenarios.both_answer(segment, frozen_ns)
        higher.thaw()
        scenarios.serves(segment, higher)
        scenarios.wait_until_backup(lower)


def test_rejected_packets_do_not_silence_a_master(segment: Segment) -> None:
    with segment.routers(("vipkeeper",), SHORT) as (master,):
        master.start()
        wait_until_master(master)
        with Noise(segment.network, SHORT, every_s=0.03):
            start_ns = now_ns()
            time.sleep(3)
            said = len(segment.adverts.heard(since_ns=start_ns, host=master.host.name))
        assert said >= 8  # of fifteen, on a busy machine
        assert master.is_master()


def test_rejected_packets_do_not_hold_a_backup_back(segment: Segment) -> None:
    with segment.routers(("keepalived", "vipkeeper"), SHORT) as (master, backup):
        scenarios.elect(segment, master, backup)
        with Noise(segment.network, SHORT, every_s=0.03):
            master.kill()
            wait_until_master(backup, timeout_s=PATIENCE_S)


def test_an_agent_restarted_under_ah_is_heard(segment: Segment) -> None:
    """Its counter goes on where it was: keepalived takes lower numbers for a replay."""
    with segment.routers(("vipkeeper", "keepalived"), AH) as (higher, lower):
        scenarios.elect(segment, higher, lower)
        higher.kill()
        scenarios.serves(segment, lower)
        start_ns = now_ns()
        higher.start()
        scenarios.serves(segment, higher)
        scenarios.wait_until_backup(lower)
        first = segment.adverts.wait_for(since_ns=start_ns, host=higher.host.name)
        yielded = segment.adverts.heard(since_ns=first.received_ns, host=lower.host.name)
        assert not yielded, "it was not believed at once"
