"""Whatever comes in, a value or the one documented error comes out."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.vrrp_wire.capture_files import pcap, pcapng, section
from tests.vrrp_wire.crafted import V2, V3, V3_IPV6, V3_UNICAST
from tests.vrrp_wire.generated import damaged
from tests.vrrp_wire.worked_packets import ALL, KEY, PASSWORD
from vipkeeper.model.errors import MalformedInput
from vrrp_compat.wire.advertisement import GROUP_IPV4, GROUP_IPV6, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.captures import Frame, MalformedCapture, read_capture
from vrrp_compat.wire.discards import Discard
from vrrp_compat.wire.expectation import AddressPolicy, Expectation
from vrrp_compat.wire.inspection import inspect_packet
from vrrp_compat.wire.ip_packets import read_ip
from vrrp_compat.wire.ipv4_datagram import read_ipv4
from vrrp_compat.wire.link_layers import LINK_NAMES, ip_bytes
from vrrp_compat.wire.loose_packet import inspect_loose
from vrrp_compat.wire.message import peek_vrid
from vrrp_compat.wire.receiving import Accepted, receive

PCAPNG = bytes.fromhex("0a0d0d0a")
RECEIVERS = [
    replace(expected, address_policy=policy, without_addresses=policy is AddressPolicy.LOG)
    for expected in (
        V2,
        replace(V2, authentication=PASSWORD),
        replace(V2, authentication=KEY),
        V3,
        V3_UNICAST,
        V3_IPV6,
        replace(V3_IPV6, group=None),
        replace(V3_IPV6, version=2),
    )
    for policy in AddressPolicy
]
IPV4_ADDRESSES = st.just(GROUP_IPV4) | st.binary(min_size=4, max_size=4)
IPV6_ADDRESSES = st.just(GROUP_IPV6) | st.binary(min_size=16, max_size=16)
PAYLOADS = st.binary(max_size=80) | st.sampled_from(
    [packet[at:] for packet in ALL.values() for at in (20, 40)]
).flatmap(damaged)
DATAGRAMS = (IPV4_ADDRESSES | IPV6_ADDRESSES).flatmap(
    lambda destination: st.builds(
        Datagram,
        source=st.binary(min_size=len(destination), max_size=len(destination)),
        destination=st.just(destination),
        ttl=st.sampled_from([255, 64]),
        protocol=st.sampled_from([112, 51, 6]),
        payload=PAYLOADS,
        header=st.binary(max_size=24),
    )
)
PACKETS = st.binary(max_size=100) | st.sampled_from(list(ALL.values())).flatmap(damaged)
KEYS = st.none() | st.just(b"s3cretAH")


@given(datagram=DATAGRAMS, expected=st.sampled_from(RECEIVERS))
def test_a_receiver(datagram: Datagram, expected: Expectation) -> None:
    vrid = peek_vrid(datagram.payload)
    result = receive(datagram, replace(expected, vrid=vrid or 1), AhSequence())
    assert isinstance(result, Accepted | Discard)


@given(packet=PACKETS)
def test_a_raw_socket(packet: bytes) -> None:
    assert isinstance(read_ipv4(packet), Datagram | None)


@given(packet=PACKETS, key=KEYS, cut=st.booleans())
def test_a_captured_packet(packet: bytes, key: bytes | None, cut: bool) -> None:
    found = read_ip(packet)
    if found is not None:
        inspected = inspect_packet(found, key, cut=cut)
        assert (inspected.verdict == "accept") == (inspected.reason is None)


@given(data=PACKETS | st.sampled_from([packet[20:] for packet in ALL.values()]).flatmap(damaged), key=KEYS)
def test_a_pasted_packet(data: bytes, key: bytes | None) -> None:
    try:
        inspect_loose(data, key)
    except MalformedInput as error:
        assert str(len(data)) in str(error)  # noqa: PT017 - either outcome is right


@given(link_type=st.sampled_from(sorted(LINK_NAMES)), frame=st.binary(max_size=60))
def test_a_frame(link_type: int, frame: bytes) -> None:
    assert isinstance(ip_bytes(link_type, frame), bytes | None)


MAKERS: list[Callable[[list[bytes]], bytes]] = [
    *(partial(pcap, order=order, nanoseconds=nano) for order in "<>" for nano in (False, True)),
    *(partial(pcapng, order=order) for order in "<>"),
]
FILES = [make(list(ALL.values())) for make in MAKERS]


@given(data=st.sampled_from(FILES).flatmap(damaged) | st.binary(max_size=200))
def test_a_capture(data: bytes) -> None:
    try:
        for frame in read_capture(io.BytesIO(data)):
            ip_bytes(frame.link_type, frame.data)
    except MalformedCapture as error:
        assert 0 <= error.offset <= len(data)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("make", MAKERS)
def test_a_capture_cut_anywhere(make: Callable[[list[bytes]], bytes]) -> None:
    """What was whole is read. Between two packets is an end; any other end is told."""
    packets = list(ALL.values())
    ends = {len(make(packets[:n])) for n in range(len(packets) + 1)}
    if make([])[:4] == PCAPNG:
        ends |= {len(section()), len(section()) + 20}  # before and behind the only interface
    file = make(packets)
    whole = list(read_capture(io.BytesIO(file)))
    for length in range(len(file)):
        frames, told = read_all(file[:length])
        assert frames == whole[: len(frames)]
        assert told == (length not in ends)


def read_all(file: bytes) -> tuple[list[Frame], bool]:
    """The frames, and whether there was a complaint."""
    frames: list[Frame] = []
    try:
        frames.extend(read_capture(io.BytesIO(file)))
    except MalformedCapture:
        return frames, True
    return frames, False
