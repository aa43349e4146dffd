"""Capture files of every kind that is understood, and what is said of those that are not."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, UDP, fragment

from tests.vrrp_wire.capture_files import TIME_NS, block, on_ethernet, pcap, pcapng, section
from tests.vrrp_wire.worked_packets import ALL, V2_AH, V2_NONE, V3_IPV4, V3_IPV6
from vrrp_compat.wire.captures import Frame, MalformedCapture, Readable, read_capture
from vrrp_compat.wire.inspection import inspect_packet
from vrrp_compat.wire.ip_packets import IpPacket, carries_vrrp, read_ip
from vrrp_compat.wire.link_layers import ip_bytes

PACKETS = list(ALL.values())
SLL = struct.pack("!HHH8sH", 0, 1, 6, bytes(8), 0x0800)
SLL2 = struct.pack("!HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, bytes(8))


def frames_of(file: bytes) -> list[Frame]:
    return list(read_capture(io.BytesIO(file)))


def complaint_of(file: bytes) -> str:
    with pytest.raises(MalformedCapture) as raised:
        frames_of(file)
    assert f"at byte {raised.value.offset}" in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap(order: str, nanoseconds: bool) -> None:
    frames = frames_of(pcap(PACKETS, order=order, nanoseconds=nanoseconds))
    assert [frame.data for frame in frames] == PACKETS
    assert {frame.time_ns for frame in frames} == {TIME_NS if nanoseconds else TIME_NS // 1000 * 1000}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("resolution", "tick_ns"), [(None, 1000), (6, 1000), (9, 1), (0x80 | 30, 1)])
def test_pcapng(order: str, resolution: int | None, tick_ns: int) -> None:
    frames = frames_of(pcapng(PACKETS, order=order, resolution=resolution))
    assert [frame.data for frame in frames] == PACKETS
    for frame in frames:
        assert frame.time_ns is not None
        assert abs(frame.time_ns - TIME_NS) <= tick_ns


def test_pcapng_with_a_second_section_of_the_other_byte_order() -> None:
    frames = frames_of(pcapng([V2_NONE], order="<") + pcapng([V3_IPV4], order=">", link_type=1))
    assert [(frame.link_type, frame.data) for frame in frames] == [(101, V2_NONE), (1, V3_IPV4)]


def test_pcapng_with_a_packet_that_says_nothing_but_its_length() -> None:
    described = block(1, struct.pack("<HHI", 101, 0, 24))
    (frame,) = frames_of(section() + described + block(3, struct.pack("<I", len(V2_NONE)) + V2_NONE[:24]))
    assert frame == Frame(101, V2_NONE[:24], len(V2_NONE) - 24, None)


def test_a_pipe_is_followed() -> None:
    """A packet is there as soon as its last byte is."""
    file = pcap([V2_NONE, V3_IPV4])

    class Pipe:
        at = 0

        def read(self, size: int, /) -> bytes:
            self.at += size
            return file[self.at - size : self.at]

    pipe: Readable = Pipe()
    frames: Iterator[Frame] = read_capture(pipe)
    assert next(frames).data == V2_NONE
    assert isinstance(pipe, Pipe)
    assert pipe.at == 24 + 16 + len(V2_NONE)


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (1, on_ethernet(V2_NONE)),
        (1, on_ethernet(V2_NONE, 0x8100)),
        (1, on_ethernet(V2_NONE, 0x88A8, 0x8100)),
        (1, on_ethernet(V2_NONE) + bytes(6)),  # padded to the least length of a frame
        (113, SLL + V2_NONE),
        (113, SLL[:14] + struct.pack("!HHH", 0x8100, 7, 0x0800) + V2_NONE),
        (276, SLL2 + V2_NONE),
        (101, V2_NONE),
        (12, V2_NONE),
        (228, V2_NONE),
        (0, struct.pack("<I", 2) + V2_NONE),
        (0, struct.pack(">I", 2) + V2_NONE),
        (108, struct.pack(">I", 2) + V2_NONE),
    ],
)
def test_link_types(link_type: int, frame: bytes) -> None:
    (captured,) = frames_of(pcap([frame], link_type=link_type))
    found = ip_bytes(captured.link_type, captured.data)
    assert found is not None
    expected = read_ip(V2_NONE)
    assert expected is not None
    assert read_ip(found) == expected
    assert carries_vrrp(expected)


def test_ipv6_on_every_link() -> None:
    links = {1: on_ethernet(V3_IPV6), 0: struct.pack("<I", 30) + V3_IPV6, 229: V3_IPV6}
    assert {ip_bytes(link, frame) for link, frame in links.items()} == {V3_IPV6}


@pytest.mark.parametrize(
    "frame",
    [b"", bytes(13), on_ethernet(V2_NONE)[:14], on_ethernet(b"\0" * 28)[:12] + b"\x08\x06" + bytes(28)],
)
def test_other_frames_are_nothing(frame: bytes) -> None:
    assert ip_bytes(1, frame) is None


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        (b"", "it ends where a file header should begin"),
        (b"GIF89a....", "neither a pcap nor a pcapng file"),
        (pcap([])[:20], "at byte 4: it ends within a file header, 4 bytes short"),
        (pcap([], link_type=127), "at byte 20: link type 127 is not one that is understood"),
        (pcap([V2_NONE])[:30], "at byte 24: it ends within a packet header, 10 bytes short"),
        (pcap([V2_NONE])[:60], "at byte 40: it ends within a packet, 20 bytes short"),
        (pcap([]) + struct.pack("<IIII", 0, 0, 1 << 31, 1 << 31), "a packet of 2147483648 bytes"),
        (section()[:8] + b"abcd" + section()[12:], "at byte 8: no byte order that exists"),
        (struct.pack("<III", 0x0A0D0D0A, 16, 0x1A2B3C4D), "a section header of 16 bytes"),
        (section() + struct.pack("<II", 6, 8), "at byte 32: a block of 8 bytes"),
        (section() + struct.pack("<II", 6, 13), "a block of 13 bytes"),
        (section() + struct.pack("<II", 6, 0xFFFFFFFC), "a block of 4294967280 bytes"),
        (section() + block(6, bytes(20)), "a packet of an interface that is not described"),
        (section() + block(3, bytes(20)), "a packet of an interface that is not described"),
        (section() + block(1, bytes(4)), "a block of type 1 is too short for what it is"),
        (section() + block(1, bytes(8)) + block(6, struct.pack("<IIIII", 0, 0, 0, 99, 99)), "is too short"),
        (section() + block(6, b"")[:-4] + bytes(4), "a block of 12 bytes says 0 at its end"),
    ],
)
def test_a_malformed_file_says_where_and_what(file: bytes, complaint: str) -> None:
    assert complaint in complaint_of(file)


def test_more_interfaces_than_a_packet_can_name() -> None:
    """Each is kept, so their number needs an end."""
    described = block(1, struct.pack("<HHI", 101, 0, 0))
    assert frames_of(section() + described * 0x10000) == []
    assert "more interfaces than a packet can name" in complaint_of(section() + described * 0x10001)


def test_hostile_lengths_reserve_no_memory() -> None:
    """A file of 40 bytes that promises 4 GB is refused before anything is read."""

    class Counting(io.BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.most = max(self.most, size or 0)
            return super().read(size)

    file = Counting(pcap([]) + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0xFFFFFFFF))
    with pytest.raises(MalformedCapture):
        list(read_capture(file))
    assert file.most < 100


def reason_of(packet: bytes, *, cut: bool = False) -> str | None:
    found = read_ip(packet)
    assert found is not None
    assert carries_vrrp(found)
    return inspect_packet(found, cut=cut).reason


def test_a_packet_that_the_capture_cut_is_named() -> None:
    assert reason_of(V2_NONE[:32], cut=True) == "incomplete"
    assert reason_of(V2_NONE[:32]) == "length"


def test_fragments_are_named_and_not_guessed_at() -> None:
    parts = fragment(IP(V2_NONE[:2] + bytes(2) + V2_NONE[4:]), fragsize=8)  # type: ignore[no-untyped-call] # scapy has no types
    assert len(parts) > 1
    assert {reason_of(bytes(part)) for part in parts} == {"fragment"}


def test_a_fragment_of_ipv6_is_named() -> None:
    cut = bytes([112, 0, 0, 1, 0, 0, 0, 1]) + V3_IPV6[40:56]
    packet = V3_IPV6[:4] + struct.pack("!HB", len(cut), 44) + V3_IPV6[7:40] + cut
    assert reason_of(packet) == "fragment"


def test_options_of_ipv4_are_skipped() -> None:
    header = bytes([0x46]) + V2_NONE[1:2] + struct.pack("!H", len(V2_NONE) + 4) + V2_NONE[4:20]
    assert reason_of(header + b"\x94\x04\0\0" + V2_NONE[20:]) is None  # router alert


def test_extension_headers_of_ipv6_are_skipped() -> None:
    packet = V3_IPV6[:4] + struct.pack("!HB", 48, 0) + V3_IPV6[7:40] + bytes([112, 0, 5, 2, 0, 0, 1, 0])
    assert reason_of(packet + V3_IPV6[40:]) is None


def test_what_is_no_vrrp() -> None:
    others = [bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP()), V2_AH[:16] + b"\x0a\0\0\1\x06" + V2_AH[21:]]
    assert [carries_vrrp(packet) for packet in map(read_ip, others) if packet] == [False, False]


@pytest.mark.parametrize(
    "packet", [b"", b"\x45", V2_NONE[:19], b"\x44" + V2_NONE[1:], b"\x4f" + V2_NONE[1:], V3_IPV6[:39]]
)
def test_what_is_no_ip(packet: bytes) -> None:
    found: IpPacket | None = read_ip(packet)
    assert found is None
