"""The observer in a real lab, with addresses moved by hand: does it see what was done, and nothing else?"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from scapy.layers.l2 import ARP, Ether

from vipkeeper.lab import faults
from vipkeeper.lab.etcd_servers import CLIENT_PORT
from vipkeeper.lab.lab import Lab, make_lab
from vipkeeper.lab.network import Host, vip_ipv4, vip_ipv6
from vipkeeper.lab.observer import Observer, now_ns, run_observer
from vipkeeper.lab.probe_frames import ECHO_PORT, probe_payload
from vipkeeper.lab.run_command import CommandFailed
from vipkeeper.lab.verdicts import RETURN_NS, double_answers, longest_outage, outages, strays

pytestmark = [pytest.mark.root, pytest.mark.etcd]

VIPS = (vip_ipv4(0), vip_ipv6(0))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with make_lab(hosts=3) as made:
        yield made


@pytest.fixture
def observer(lab: Lab) -> Iterator[Observer]:
    with run_observer(lab.network, VIPS, lab.directory) as running:
        yield running


@contextlib.contextmanager
def holding(host: Host) -> Iterator[None]:
    add(host)
    try:
        yield
    finally:
        with contextlib.suppress(CommandFailed):
            remove(host)


def add(host: Host) -> None:
    host.namespace.configure(*(f"addr add {vip} dev eth0 nodad noprefixroute" for vip in VIPS))


def remove(host: Host) -> None:
    host.namespace.configure(
        *(f"addr del {vip}/{128 if ':' in vip else 32} dev eth0" for vip in VIPS),
    )


def announce(host: Host) -> None:
    """What an agent would do after it added the addresses."""
    frame = Ether(src=host.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=host.mac, psrc=VIPS[0], hwdst="00:00:00:00:00:00", pdst=VIPS[0]
    )
    with host.namespace.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind(("eth0", 0))
        raw.send(bytes(frame))


def reaches(host: Host, address: str) -> bool:
    """Does the echo service at that address answer a datagram from this host?"""
    with host.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        for _ in range(4):
            asking.sendto(probe_payload(0, 0), (address, ECHO_PORT))
            with contextlib.suppress(TimeoutError):
                return bool(asking.recv(100))
    return False


def reaches_store(host: Host, lab: Lab) -> bool:
    with host.namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as asking:
        asking.settimeout(2)
        try:
            asking.connect((lab.etcd.members[0].server.ipv4, CLIENT_PORT))
        except TimeoutError:
            return False
        return True


def wait_for(observer: Observer, host: Host) -> None:
    for vip in VIPS:
        observer.wait_until_answered(vip, by=host.name)


def test_one_address_on_two_hosts_is_double_answers(lab: Lab, observer: Observer) -> None:
    """The negative control of every fault test: this verdict has to go red when there are two owners."""
    first, second, _ = lab.network.hosts
    with holding(first):
        wait_for(observer, first)
        time.sleep(0.2)
        assert double_answers(observer.recording()).count == 0
        with holding(second):
            time.sleep(0.5)
        verdict = double_answers(observer.recording())
    by_kind = {(proof.vip, proof.who, proof.kind) for proof in verdict.proofs}
    for vip in VIPS:
        for kind in ("arp", "udp"):
            assert {(vip, first.name, kind), (vip, second.name, kind)} <= by_kind
    assert verdict.count > 100


def test_hosts_that_share_a_mac_are_told_apart_by_their_cable(lab: Lab) -> None:
    first, second, _ = lab.network.hosts
    shared, kinds = "00:00:5e:00:01:33", ("arp",)
    with run_observer(lab.network, VIPS[:1], lab.directory, kinds=kinds, by_cable=True) as observer:
        for host in (first, second):
            host.namespace.configure(
                f"link add link eth0 name shared address {shared} type macvlan mode private",
                f"addr add {VIPS[0]} dev shared",
                "link set shared up",
            )
            host.namespace.run("sysctl", "--quiet", "net.ipv4.conf.eth0.arp_ignore=1")
            observer.wait_until_answered(VIPS[0], by=host.name)
        time.sleep(0.5)
        verdict = double_answers(observer.recording())
        for host in (first, second):
            host.namespace.configure("link del shared")
            host.namespace.run("sysctl", "--quiet", "net.ipv4.conf.eth0.arp_ignore=0")
    assert {proof.who for proof in verdict.proofs} == {first.name, second.name}


def test_two_owners_for_20_ms_are_caught(lab: Lab, observer: Observer) -> None:
    first, second, _ = lab.network.hosts
    with holding(first):
        wait_for(observer, first)
        line = f"addr add {VIPS[0]} dev eth0 noprefixroute"
        undo = f"addr del {VIPS[0]}/32 dev eth0"
        second.namespace.run("sh", "-c", f"ip {line}; sleep 0.02; ip {undo}")
        time.sleep(0.3)
        assert double_answers(observer.recording()).count > 0


def test_moves_without_overlap_are_no_double_answers(lab: Lab, observer: Observer) -> None:
    for host in lab.network.hosts * 2:
        with holding(host):
            wait_for(observer, host)
            time.sleep(RETURN_NS / 1e9 / 2)  # two others in between: back after more than RETURN_NS
    verdict = double_answers(observer.recording())
    assert verdict.count == 0, verdict.proofs[:5]


def test_a_gap_of_300_ms_is_measured(lab: Lab, observer: Observer) -> None:
    host = lab.network.hosts[0]
    with holding(host):
        wait_for(observer, host)
        announce(host)
        time.sleep(0.5)
        removing_ns = now_ns()
        remove(host)
        removed_ns = now_ns()
        time.sleep(0.3)
        adding_ns = now_ns()
        add(host)
        added_ns = now_ns()
        time.sleep(0.8)
        recording = observer.recording()
    shortest_s, longest_s = (adding_ns - removed_ns) / 1e9, (added_ns - removing_ns) / 1e9
    for kind in ("arp", "udp", "client"):
        outage = longest_outage(recording, VIPS[0], from_ns=removing_ns, kinds=(kind,))
        # A round may be late when this machine stalls; the observer tells by how much.
        slack_s = 0.03 + outage.stalled_ns / 1e9
        assert shortest_s - slack_s <= outage.seconds <= longest_s + slack_s, kind


def test_the_client_is_lost_until_somebody_announces(lab: Lab, observer: Observer) -> None:
    """The observer's probing must not tell the client where the VIP went: announcing is the agent's job."""
    first, second, _ = lab.network.hosts
    with holding(first):
        wait_for(observer, first)
        time.sleep(0.3)
    moved_ns = now_ns()
    with holding(second):
        wait_for(observer, second)
        time.sleep(0.5)
        announced_ns = now_ns()
        announce(second)
        time.sleep(0.8)
        recording = observer.recording()
    outage = longest_outage(recording, VIPS[0], from_ns=moved_ns)
    assert outage.end_ns is not None
    assert outage.start_ns < announced_ns <= outage.end_ns


def test_an_announcement_of_a_node_that_does_not_serve_is_a_stray(lab: Lab, observer: Observer) -> None:
    first, second, _ = lab.network.hosts
    with holding(first):
        wait_for(observer, first)
        time.sleep(0.2)
        assert strays(observer.recording(), VIPS[0]) == []
        announce(second)
        announce(first)
        time.sleep(0.5)
        assert second.name in {stray.who for stray in strays(observer.recording(), VIPS[0])}


def test_cut_link_silences_a_host_and_heals(lab: Lab, observer: Observer) -> None:
    host = lab.network.hosts[0]
    with holding(host):
        wait_for(observer, host)
        with faults.cut_link(lab.network, host):
            observer.wait_until_silent(VIPS[0])
            assert "NO-CARRIER" in host.namespace.run("ip", "link", "show", "eth0")
            assert lab.etcd.read("/vipkeeper/")[0] >= 1
        observer.wait_until_answered(VIPS[0], by=host.name)


def test_partition_from_the_store_leaves_the_lan_alone(lab: Lab, observer: Observer) -> None:
    host = lab.network.hosts[0]
    with holding(host):
        wait_for(observer, host)
        started_ns = now_ns()
        with faults.partition_from_store(host):
            assert not reaches_store(host, lab)
        assert reaches_store(host, lab)
        time.sleep(0.5)
        assert longest_outage(observer.recording(), VIPS[0], from_ns=started_ns).lost == 0


def test_partition_from_peers_leaves_clients_and_store_alone(lab: Lab, observer: Observer) -> None:
    host, peer, _ = lab.network.hosts
    with holding(host):
        wait_for(observer, host)
        started_ns = now_ns()
        with faults.partition_from_peers(lab.network, host):
            assert not reaches(host, peer.ipv4)
            assert not reaches(peer, host.ipv4)
            assert reaches_store(host, lab)
        assert reaches(host, peer.ipv4)
        time.sleep(0.5)
        assert longest_outage(observer.recording(), VIPS[0], from_ns=started_ns).lost == 0


def test_random_loss_loses_some_and_not_all(lab: Lab, observer: Observer) -> None:
    host = lab.network.hosts[0]
    with holding(host):
        wait_for(observer, host)
        time.sleep(0.3)
        started_ns = now_ns()
        with faults.random_loss(host, 30):
            time.sleep(2)
            stopped_ns = now_ns()
        time.sleep(0.5)
        recording = observer.recording()
    lost = sum(
        outage.lost
        for outage in outages(recording, VIPS[0], from_ns=started_ns, to_ns=stopped_ns, kinds=("udp",))
    )
    asked = sum(started_ns <= each.sent_ns <= stopped_ns for each in recording.rounds.values())
    # A probe and its answer both have to pass: 49 %.
    assert 0.4 < lost / asked < 0.62
