"""What is said of a packet without knowing anybody's configuration."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.vrrp_wire.capture_files import on_ethernet
from tests.vrrp_wire.crafted import V2, V3, V3_IPV6, advertisement, ipv4, ipv6, patched
from tests.vrrp_wire.generated import damaged
from tests.vrrp_wire.worked_packets import ALL, V2_AH, V2_AH_UNICAST, V2_NONE, V2_PASS, V3_IPV4
from vipkeeper.model.errors import MalformedInput
from vrrp_compat.wire.advertisement import Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.checksum import ChecksumRule, is_multicast
from vrrp_compat.wire.expectation import Expectation
from vrrp_compat.wire.inspection import Inspected, InspectedAh, inspect_packet
from vrrp_compat.wire.ip_packets import IpPacket, carries_vrrp, read_ip
from vrrp_compat.wire.loose_packet import inspect_loose
from vrrp_compat.wire.message import message_bytes
from vrrp_compat.wire.receiving import Accepted, receive

SPI = 0x0A4D0001


def inspected(packet: bytes | Datagram, key: bytes | None = None) -> Inspected:
    found = IpPacket(packet) if isinstance(packet, Datagram) else read_ip(packet)
    assert found is not None
    return inspect_packet(found, key)


def test_the_field_names_are_a_contract() -> None:
    names = "version type vrid priority addresses auth_type auth_data interval_cs checksum_ok checksum_rule"
    assert list(msgspec.json.decode(msgspec.json.encode(inspected(V2_NONE)))) == [
        *names.split(),
        *("ah", "source", "destination", "ttl", "verdict", "reason"),
    ]


def test_all_of_one_packet() -> None:
    assert inspected(V2_PASS) == Inspected(
        version=2,
        type=1,
        vrid=0x5F,
        priority=100,
        addresses=("10.77.0.100",),
        auth_type="pass",
        auth_data="secret12",
        interval_cs=100,
        checksum_ok=True,
        checksum_rule="v2",
        ah=None,
        source="10.77.0.1",
        destination="224.0.0.18",
        ttl=255,
        verdict="accept",
        reason=None,
    )


@pytest.mark.parametrize(
    ("packet", "key", "icv_ok", "reason"),
    [
        (V2_AH, None, None, None),
        (V2_AH, b"s3cretAH", True, None),
        (V2_AH, b"s3cretAH and more", True, None),
        (V2_AH, b"wrong", False, "ah-icv"),
        (V2_AH_UNICAST, b"uniAHkey", True, None),
        (V2_AH_UNICAST, b"s3cretAH", False, "ah-icv"),
    ],
)
def test_ah(packet: bytes, key: bytes | None, icv_ok: bool | None, reason: str | None) -> None:
    found = inspected(packet, key)
    assert (found.auth_type, found.auth_data, found.reason) == ("ah", None, reason)
    assert found.ah == InspectedAh(SPI, 1, icv_ok)


def test_a_forged_sender_shows_without_the_key() -> None:
    forged = V2_AH[:15] + b"\x63" + V2_AH[16:]
    assert inspected(forged).reason == "ah-spi"


@pytest.mark.parametrize(("key", "reason"), [(None, None), (b"secret12", None), (b"secret", "auth-password")])
def test_pass(key: bytes | None, reason: str | None) -> None:
    assert inspected(V2_PASS, key).reason == reason


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"secret12", "secret12"),
        (b"abc\0\0\0\0\0", "abc"),
        ("pässé".encode().ljust(8, b"\0"), "pässé"),
        (b"a\0b\0\0\0\0\0", "0x6100620000000000"),
        (b"\x1b[31m\0\0\0", "0x1b5b33316d000000"),
        (b"\xff" * 8, "0xffffffffffffffff"),
        (bytes(8), None),
    ],
)
def test_a_password_is_shown_as_it_was_typed(data: bytes, text: str | None) -> None:
    assert inspected(V2_PASS[:-8] + data).auth_data == text


@pytest.mark.parametrize("kind", [3, 255])
def test_an_unknown_authentication_is_named_by_its_number(kind: int) -> None:
    found = inspected(patched(ipv4(advertisement(V2)), 4, kind))
    assert (found.auth_type, found.reason) == (str(kind), "auth-type")


def test_another_version_says_little() -> None:
    found = inspected(patched(ipv4(advertisement(V3)), 0, 0x41))
    assert (found.version, found.vrid, found.addresses, found.checksum_ok) == (4, 51, None, None)
    assert found.reason == "version"


def test_version_2_over_ipv6_is_discarded() -> None:
    found = inspected(patched(ipv6(advertisement(V3_IPV6)), 0, 0x21))
    assert (found.reason, found.checksum_rule) == ("version", "ipv6")


@pytest.mark.parametrize("rule", [ChecksumRule.PSEUDO_HEADER, ChecksumRule.MESSAGE_ONLY])
def test_the_rule_of_the_checksum(rule: ChecksumRule) -> None:
    found = inspected(ipv4(advertisement(V3), rule=rule))
    assert (found.checksum_ok, found.checksum_rule, found.verdict) == (True, rule.value, "accept")


def test_a_wrong_checksum() -> None:
    found = inspected(V2_NONE[:-1] + b"\1")
    assert (found.checksum_ok, found.checksum_rule, found.reason) == (False, None, "checksum")


@pytest.mark.parametrize("name", ALL)
def test_pasted_in_every_form(name: str) -> None:
    whole = inspected(ALL[name])
    assert inspect_loose(ALL[name]) == whole
    assert inspect_loose(on_ethernet(ALL[name])) == whole
    assert inspect_loose(on_ethernet(ALL[name], 0x8100)) == whole
    assert inspect_loose(on_ethernet(ALL[name]) + bytes(20)) == whole


@pytest.mark.parametrize(
    ("packet", "checksum_ok"),
    [(V2_NONE, True), (V2_PASS, True), (V3_IPV4, None)],
)
def test_a_bare_message(packet: bytes, checksum_ok: bool | None) -> None:
    """Without its addresses a version 3 message's checksum says nothing."""
    found = inspect_loose(packet[20:])
    whole = inspected(packet)
    assert (found.source, found.destination, found.ttl) == (None, None, None)
    assert (found.checksum_ok, found.verdict) == (checksum_ok, "accept")
    assert (found.vrid, found.addresses, found.auth_data) == (whole.vrid, whole.addresses, whole.auth_data)


def test_a_bare_message_of_ipv6() -> None:
    found = inspect_loose(ALL["v3-ipv6"][40:])
    assert found.addresses == ("fe80::77:100", "fd77::100")


def test_a_bare_message_whose_checksum_is_wrong() -> None:
    assert inspect_loose(V2_NONE[20:-1] + b"\1").reason == "checksum"
    alone = ipv4(advertisement(V3), rule=ChecksumRule.MESSAGE_ONLY)
    assert inspect_loose(alone.payload).checksum_rule == "message-only"


def test_a_bare_message_behind_which_ah_was() -> None:
    assert inspect_loose(V2_AH[44:], b"wrong").verdict == "accept"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "the 0 bytes begin with no whole"),
        (V2_NONE[:19], "the 19 bytes begin with no whole"),
        (V2_NONE[20:-1], "are no VRRP message alone"),
        (V2_NONE[:9] + b"\x11" + V2_NONE[10:], "are an IP packet with protocol 17"),
    ],
)
def test_what_is_not_clear_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(MalformedInput, match=complaint):
        inspect_loose(data)


def as_configured_like(packet: IpPacket) -> Expectation | None:
    """A receiver that agrees with the packet in all that is a matter of configuration."""
    datagram, message = packet.datagram, packet.datagram.payload
    if len(message) < 8 or message[0] >> 4 not in (2, 3):
        return None
    size = len(datagram.source)
    interval_cs = message[5] * 100 if message[0] >> 4 == 2 else 100
    whole = len(message) == message_bytes(message[0] >> 4, message[3], size)
    addresses = tuple(message[8 + n * size : 8 + (n + 1) * size] for n in range(message[3])) if whole else ()
    return Expectation(
        version=message[0] >> 4,
        vrid=message[1],
        addresses=addresses,
        group=datagram.destination if is_multicast(datagram.destination) else None,
        address_bytes=size,
        interval_cs=interval_cs,
    )


UNAUTHENTICATED = [ALL[name] for name in ("v2-none", "v3-ipv4", "v3-unicast", "v3-ipv6")]


@example(data=ALL["v3-ipv6"][:7] + b"\0" + ALL["v3-ipv6"][8:40] + b"\x11" + ALL["v3-ipv6"][41:])
@given(data=st.sampled_from(UNAUTHENTICATED).flatmap(damaged))
def test_the_verdict_is_that_of_a_receiver(data: bytes) -> None:
    packet = read_ip(data)
    if packet is None or not carries_vrrp(packet) or packet.fragment or packet.missing:
        return
    expected = as_configured_like(packet)
    verdict = inspect_packet(packet)
    if expected is None:
        # RFC 9568, 7.1: the TTL is looked at first.
        assert verdict.reason in {"ttl", "length", "version", "ah-next-header"}
        return
    result = receive(packet.datagram, expected, AhSequence())
    reason = None if isinstance(result, Accepted) else result.reason.value
    assert verdict.reason in ({reason} if reason != "auth-type" else {"auth-type", None})
