"""Real keepalived on a segment: every advertisement is accepted with the right key and no other."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.peers.keepalived import stop_planned
from tests.vrrp_wire.capture_files import pcap
from tests.vrrp_wire.crafted import outcome
from vipkeeper.lab.interruption import uninterrupted
from vipkeeper.lab.namespaces import new_lab_name
from vipkeeper.lab.network import Network, make_network
from vipkeeper.lab.processes import LabProcess
from vrrp_compat.wire.advertisement import GROUP_IPV4, PRIORITY_LEAVING, PROTOCOL_AH, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.authentication import with_key
from vrrp_compat.wire.authentication_header import AH_BYTES
from vrrp_compat.wire.expectation import AddressPolicy, Expectation
from vrrp_compat.wire.ip_packets import carries_vrrp, read_ip
from vrrp_compat.wire.link_layers import ETHERNET, ip_bytes
from vrrp_compat.wire.message import peek_vrid
from vrrp_compat.wire.receiving import Accepted, receive

pytestmark = pytest.mark.root

SECRET = "s3cretAH"  # noqa: S105 - of this test alone
PATIENCE_S = 60.0
EVERY_PACKET = 3  # ETH_P_ALL
AH_VRID, PASS_VRID, NONE_VRID, V3_VRID, V3_IPV6_VRID, UNICAST_AH_VRID = VRIDS = range(61, 67)

INSTANCE = """
vrrp_instance vr{vrid} {{
    state BACKUP
    interface eth0
    virtual_router_id {vrid}
    priority 100
    {more}
    virtual_ipaddress {{
        {vip}
    }}
}}
"""
AUTHENTICATION = "advert_int 1\n    authentication {{\n auth_type {kind}\n auth_pass {secret}\n }}"


def config(network: Network) -> str:
    host, observer = network.hosts[0], network.observer
    ah = AUTHENTICATION.format(kind="AH", secret=SECRET)
    unicast = f"unicast_src_ip {host.ipv4}\n    unicast_peer {{\n {observer.ipv4}\n }}"
    more = {
        AH_VRID: ah,
        PASS_VRID: AUTHENTICATION.format(kind="PASS", secret=SECRET),
        NONE_VRID: "advert_int 1",
        V3_VRID: "version 3\n    advert_int 0.5",
        V3_IPV6_VRID: "version 3\n    advert_int 0.5",
        UNICAST_AH_VRID: f"{ah}\n    {unicast}",
    }
    vips = {vrid: f"10.77.4.{vrid}/32" for vrid in VRIDS} | {V3_IPV6_VRID: "fe80::77:65/64\n fd77::4:65/128"}
    return "".join(INSTANCE.format(vrid=vrid, more=more[vrid], vip=vips[vrid]) for vrid in VRIDS)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Three advertisements of each virtual router, and the last one of each when keepalived is stopped."""
    directory = tmp_path_factory.mktemp("keepalived")
    with (
        make_network(new_lab_name(), hosts=1, store_servers=0) as network,
        capturing(network) as segment,
        running(network, directory) as keepalived,
    ):
        segment.listen_until(lambda seen: min(Counter(map(vrid_of, seen))[vrid] for vrid in VRIDS) >= 3)
        stop_planned(keepalived)
        segment.listen_until(lambda seen: {vrid_of(one) for one in seen if is_last(one)} == set(VRIDS))
        return segment.frames


class Segment:
    """What an interface of the observer hears of VRRP, other frames left in."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.frames: list[bytes] = []

    def listen_until(self, enough: Callable[[list[Datagram]], bool]) -> None:
        """Fails when it is not enough for too long."""
        end_s = time.monotonic() + PATIENCE_S
        while not enough(adverts(self.frames)):
            assert time.monotonic() < end_s, Counter(map(vrid_of, adverts(self.frames)))
            with contextlib.suppress(TimeoutError):
                self.frames.append(self._listener.recv(65536))


def adverts(frames: list[bytes]) -> list[Datagram]:
    packets = (read_ip(found) for frame in frames if (found := ip_bytes(ETHERNET, frame)))
    return [packet.datagram for packet in packets if packet is not None and carries_vrrp(packet)]


def vrid_of(datagram: Datagram) -> int | None:
    return peek_vrid(datagram.payload)


def is_last(datagram: Datagram) -> bool:
    """Priority 0."""
    return datagram.payload[AH_BYTES + 2 if datagram.protocol == PROTOCOL_AH else 2] == PRIORITY_LEAVING


@contextlib.contextmanager
def capturing(network: Network) -> Iterator[Segment]:
    with network.observer.namespace.socket(
        socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PACKET)
    ) as listener:
        listener.bind(("eth0", EVERY_PACKET))
        listener.settimeout(1.0)
        yield Segment(listener)


@contextlib.contextmanager
def running(network: Network, directory: Path) -> Iterator[LabProcess]:
    (directory / "keepalived.conf").write_text(config(network))
    keepalived = LabProcess(
        "keepalived",
        (
            *("keepalived", "--dont-fork", "--log-console", "--vrrp"),
            *("--use-file", str(directory / "keepalived.conf")),
            *("--pid", str(directory / "pid"), "--vrrp_pid", str(directory / "vrrp.pid")),
        ),
        log=directory / "log",
        namespace=network.hosts[0].namespace,
    )
    keepalived.start()
    try:
        yield keepalived
    finally:
        with uninterrupted():
            keepalived.stop(patience_s=10)


def decoded(frames: list[bytes], directory: Path, *words: str) -> list[dict[str, object]]:
    path = directory / "seen.pcap"
    path.write_bytes(pcap(frames, link_type=ETHERNET))
    done = run("vrrp", "decode", str(path), "-o", "json", *words)
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("words", [("--auth-key", SECRET), ()])
def test_decode_accepts_all(frames: list[bytes], tmp_path: Path, words: tuple[str, ...]) -> None:
    shown = decoded(frames, tmp_path, *words)
    assert {packet["vrid"] for packet in shown} == set(VRIDS)
    assert [packet for packet in shown if packet["verdict"] != "accept"] == []


def test_decode_discards_by_the_wrong_key(frames: list[bytes], tmp_path: Path) -> None:
    shown = decoded(frames, tmp_path, "--auth-key", "wrong")
    reasons = {(packet["vrid"], packet["reason"]) for packet in shown}
    assert reasons == {
        (AH_VRID, "ah-icv"),
        (UNICAST_AH_VRID, "ah-icv"),
        (PASS_VRID, "auth-password"),
        (NONE_VRID, None),
        (V3_VRID, None),
        (V3_IPV6_VRID, None),
    }


@pytest.mark.parametrize("vrid", [AH_VRID, UNICAST_AH_VRID])
def test_a_router_takes_each_number_once(frames: list[bytes], vrid: int) -> None:
    mine = [datagram for datagram in adverts(frames) if vrid_of(datagram) == vrid]
    expected = Expectation(
        version=2,
        vrid=vrid,
        addresses=(bytes([10, 77, 4, vrid]),),
        group=None if vrid == UNICAST_AH_VRID else GROUP_IPV4,
        authentication=with_key(SECRET.encode()),
        address_policy=AddressPolicy.DROP,
    )
    sequence = AhSequence()
    assert all(isinstance(receive(one, expected, sequence), Accepted) for one in mine)
    assert {outcome(one, expected, sequence) for one in mine} == {"ah-replay"}
