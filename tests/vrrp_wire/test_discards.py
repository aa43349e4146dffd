"""Every reason to discard a datagram, each by one that is right in all else; and which reason comes first."""

from __future__ import annotations

import ipaddress

import pytest
from msgspec.structs import replace

from tests.vrrp_wire.crafted import (
    V2,
    V3,
    V3_IPV6,
    V3_UNICAST,
    V3_UNICAST_IPV6,
    VRID,
    advertisement,
    ipv4,
    ipv6,
    outcome,
    patched,
    with_message,
)
from tests.vrrp_wire.worked_packets import KEY, NODE1, NODE1_IPV6, NODE2, PASSWORD, VIP, VIPS_IPV6
from vrrp_compat.wire.advertisement import GROUP_IPV4, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.authentication import with_password
from vrrp_compat.wire.authentication_header import AH_BYTES
from vrrp_compat.wire.checksum import ChecksumRule, checksum
from vrrp_compat.wire.discards import Discard, DiscardReason
from vrrp_compat.wire.expectation import AddressPolicy, Expectation
from vrrp_compat.wire.receiving import Accepted, Note, receive

OTHER_VIP = ipaddress.IPv4Address("10.77.0.101").packed
OTHER_GROUP = ipaddress.IPv4Address("224.0.0.99").packed
GLOBAL_IPV6 = ipaddress.IPv6Address("fd77::1").packed
V2_AH = replace(V2, authentication=KEY)
V2_PASS = replace(V2, authentication=PASSWORD)
V2_STRICT = replace(V2, address_policy=AddressPolicy.DROP)

GOOD_V2 = ipv4(advertisement(V2))
GOOD_V3 = ipv4(advertisement(V3))
GOOD_V6 = ipv6(advertisement(V3_IPV6))
GOOD_AH = ipv4(advertisement(V2), authentication=KEY)
UNICAST_V6 = ipv6(advertisement(V3_IPV6), destination=GLOBAL_IPV6, ttl=64)
GOOD_UNICAST = ipv4(advertisement(V3), destination=NODE2, ttl=64)


def resized(datagram: Datagram, by: int) -> Datagram:
    """Longer or shorter, and the checksum right for that."""
    message = datagram.payload[:by] if by < 0 else datagram.payload + bytes(by)
    return with_message(datagram, message)


def renamed(datagram: Datagram, source: bytes) -> Datagram:
    """From somebody else, by his own word: header, pseudo header and check value fit."""
    header = datagram.header[:12] + source + datagram.header[16:]
    return replace(datagram, source=source, header=header)


def broken(datagram: Datagram, at: int) -> Datagram:
    """One bit flipped, and nothing made right again."""
    payload = bytearray(datagram.payload)
    payload[at] ^= 1
    return replace(datagram, payload=bytes(payload))


CASES: list[tuple[str, Datagram, Expectation]] = [
    ("protocol", replace(GOOD_V2, protocol=17), V2),
    ("ah-next-header", broken(GOOD_AH, 0), V2_AH),
    ("length", replace(GOOD_V2, payload=b""), V2),
    ("length", replace(GOOD_AH, payload=GOOD_AH.payload[: AH_BYTES - 1]), V2_AH),
    ("length", replace(GOOD_AH, payload=GOOD_AH.payload[: AH_BYTES + 7]), V2_AH),
    ("length", resized(GOOD_V2, -8), V2),
    ("length", resized(GOOD_V2, 1), V2),
    ("length", resized(GOOD_V2, 28), V2),  # keepalived's auth_hmac
    ("length", resized(GOOD_V3, -1), V3),
    ("length", resized(GOOD_V6, 4), V3_IPV6),
    ("length", patched(GOOD_V2, 3, 2), V2),
    ("length", patched(GOOD_V6, 3, 255), V3_IPV6),
    ("vrid", patched(GOOD_V2, 1, VRID + 1), V2),
    ("vrid", patched(GOOD_V3, 1, 0), V3),
    ("destination", ipv4(advertisement(V2), destination=OTHER_GROUP), V2),
    ("destination", ipv4(advertisement(V2), destination=NODE2), V2),
    ("destination", ipv4(advertisement(V3)), V3_UNICAST),
    ("destination", GOOD_V6, V3_UNICAST_IPV6),
    ("destination", with_message(UNICAST_V6, GOOD_V3.payload), V3_UNICAST),  # would do for IPv4
    ("ttl", ipv4(advertisement(V2), ttl=254), V2),
    ("ttl", ipv4(advertisement(V3), ttl=1), V3),
    ("ttl", ipv6(advertisement(V3_IPV6), ttl=64), V3_IPV6),
    ("ttl", ipv4(advertisement(V3), destination=NODE2, ttl=253), replace(V3_UNICAST, least_ttl=254)),
    ("version", patched(GOOD_V2, 0, 0x41), V2),
    ("version", patched(GOOD_V2, 0, 0x11), V2),
    ("version", GOOD_V2, V3),
    ("version", GOOD_V3, V2),
    ("version", patched(GOOD_V6, 0, 0x21), V3_IPV6),
    ("version", patched(GOOD_V6, 0, 0x21), replace(V3_IPV6, version=2)),
    ("type", patched(GOOD_V2, 0, 0x22), V2),
    ("type", patched(GOOD_V3, 0, 0x30), V3),
    ("no-addresses", ipv4(advertisement(V2, addresses=())), V2),
    ("no-addresses", ipv4(advertisement(V3, addresses=())), V3),
    ("no-addresses", ipv4(advertisement(V3, addresses=())), replace(V3, without_addresses=True)),
    ("checksum", broken(GOOD_V2, 6), V2),
    ("checksum", broken(GOOD_V2, 19), V2),
    ("checksum", broken(GOOD_V3, 2), V3),
    ("checksum", broken(GOOD_V6, 39), V3_IPV6),
    ("checksum", renamed(GOOD_V3, NODE2), V3),
    (
        "checksum",
        ipv4(advertisement(V3), rule=ChecksumRule.MESSAGE_ONLY),
        replace(V3, checksums=frozenset({ChecksumRule.PSEUDO_HEADER})),
    ),
    (
        "checksum",
        ipv4(advertisement(V3), destination=NODE2, rule=ChecksumRule.OLD_UNICAST),
        replace(V3_UNICAST, checksums=frozenset({ChecksumRule.PSEUDO_HEADER, ChecksumRule.MESSAGE_ONLY})),
    ),
    ("auth-type", ipv4(advertisement(V2), authentication=PASSWORD), V2),
    ("auth-type", GOOD_V2, V2_PASS),
    ("auth-type", GOOD_V2, V2_AH),
    ("auth-type", GOOD_AH, V2),
    ("auth-type", patched(GOOD_V2, 4, 3), V2),
    ("auth-type", patched(GOOD_V2, 4, 2), V2_AH),  # says AH and has none
    ("auth-type", with_message(GOOD_AH, GOOD_V2.payload, KEY), V2_AH),  # has AH and says none
    ("auth-type", with_message(replace(GOOD_V3, protocol=51), GOOD_V3.payload, KEY), V3),
    ("auth-password", ipv4(advertisement(V2), authentication=with_password(b"secret1")), V2_PASS),
    ("ah-spi", broken(GOOD_AH, 7), V2_AH),
    ("ah-icv", broken(GOOD_AH, 12), V2_AH),
    ("ah-icv", broken(GOOD_AH, 11), V2_AH),
    ("ah-icv", replace(GOOD_AH, header=b""), V2_AH),
    ("ah-replay", ipv4(advertisement(V2), authentication=KEY, sequence=5), V2_AH),
    ("interval-zero", patched(GOOD_V2, 5, 0), V2),
    ("interval-zero", patched(GOOD_V3, 5, 0), V3),
    ("interval", ipv4(advertisement(V2, interval_cs=200)), V2),
    ("addresses", ipv4(advertisement(V2, addresses=(OTHER_VIP,))), V2_STRICT),
    ("addresses", ipv4(advertisement(V2, addresses=(VIP, VIP))), V2_STRICT),
    ("source", GOOD_V2, replace(V2, sources=frozenset({NODE2}))),
    ("source", GOOD_V6, replace(V3_IPV6, sources=frozenset({GLOBAL_IPV6}))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "datagram", "expected"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)]
)
def test_discarded(reason: str, datagram: Datagram, expected: Expectation) -> None:
    sequence = AhSequence(5 if reason == "ah-replay" else 0)
    assert outcome(datagram, expected, sequence) == reason


def test_every_reason_has_a_case() -> None:
    only_in_captures = {DiscardReason.FRAGMENT.value, DiscardReason.INCOMPLETE.value}
    assert {case[0] for case in CASES} == {reason.value for reason in DiscardReason} - only_in_captures


@pytest.mark.parametrize("reason", DiscardReason)
def test_every_reason_says_who_acts(reason: DiscardReason) -> None:
    assert any(who in reason.explained for who in ("operator", "whoever"))


ACCEPTED: dict[str, tuple[Datagram, Expectation]] = {
    "v2": (GOOD_V2, V2),
    "v3": (GOOD_V3, V3),
    "v6": (GOOD_V6, V3_IPV6),
    "ah": (GOOD_AH, V2_AH),
    "unicast, TTL as it comes": (GOOD_UNICAST, V3_UNICAST),
    "unicast, least TTL": (GOOD_UNICAST, replace(V3_UNICAST, least_ttl=64)),
    "unicast IPv6": (UNICAST_V6, V3_UNICAST_IPV6),
    "own group": (ipv4(advertisement(V3), destination=OTHER_GROUP), replace(V3, group=OTHER_GROUP)),
    "reserved bits": (patched(GOOD_V3, 4, 0xF0), V3),
    "type 0 with data": (patched(GOOD_V2, 19, 1), V2),
    "v3 interval of its own": (ipv4(advertisement(V3, interval_cs=1)), V3),
    "v2 without addresses": (ipv4(advertisement(V2, addresses=())), replace(V2, without_addresses=True)),
    "owner with other addresses": (
        ipv4(advertisement(V2, priority=255, addresses=(OTHER_VIP,))),
        V2_STRICT,
    ),
    "a peer": (GOOD_V2, replace(V2, sources=frozenset({NODE1, NODE2}))),
    "IPv6 peer": (GOOD_V6, replace(V3_IPV6, sources=frozenset({NODE1_IPV6}))),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(case: str) -> None:
    assert outcome(*ACCEPTED[case]) == "accept"


@pytest.mark.parametrize(
    ("rule", "expected", "destination"),
    [
        (ChecksumRule.PSEUDO_HEADER, V3, GROUP_IPV4),
        (ChecksumRule.MESSAGE_ONLY, V3, GROUP_IPV4),
        (ChecksumRule.PSEUDO_HEADER, V3_UNICAST, NODE2),
        (ChecksumRule.MESSAGE_ONLY, V3_UNICAST, NODE2),
        (ChecksumRule.OLD_UNICAST, V3_UNICAST, NODE2),
    ],
)
def test_the_rule_of_each_message_is_found_out(
    rule: ChecksumRule, expected: Expectation, destination: bytes
) -> None:
    result = receive(ipv4(advertisement(V3), destination=destination, rule=rule), expected, AhSequence())
    assert isinstance(result, Accepted)
    assert result.checksum_rule is rule


def test_old_unicast_is_no_rule_for_a_group() -> None:
    sent = ipv4(advertisement(V3), destination=OTHER_GROUP)
    message = bytearray(sent.payload)
    message[6:8] = bytes(2)
    old = checksum(message, ChecksumRule.OLD_UNICAST, sent.source, sent.destination)
    message[6:8] = old.to_bytes(2, "big")
    assert outcome(replace(sent, payload=bytes(message)), replace(V3, group=OTHER_GROUP)) == "checksum"


def test_other_addresses_are_noted() -> None:
    sent = advertisement(V2, addresses=(OTHER_VIP,))
    result = receive(ipv4(sent), V2, AhSequence())
    assert result == Accepted(sent, ChecksumRule.V2, (Note.ADDRESSES_DIFFER,))


def test_the_order_of_addresses_says_nothing() -> None:
    both = replace(V2_STRICT, addresses=(VIP, OTHER_VIP))
    result = receive(ipv4(advertisement(V2, addresses=(OTHER_VIP, VIP))), both, AhSequence())
    assert isinstance(result, Accepted)
    assert result.notes == ()


def test_a_first_address_that_is_not_link_local_is_noted() -> None:
    expected = replace(V3_IPV6, addresses=(GLOBAL_IPV6,))
    result = receive(ipv6(advertisement(expected)), expected, AhSequence())
    assert isinstance(result, Accepted)
    assert result.notes == (Note.FIRST_NOT_LINK_LOCAL,)
    assert V3_IPV6.addresses == VIPS_IPV6


STRANGE = advertisement(V2, interval_cs=300, addresses=(OTHER_VIP,))
GUESSED = with_password(b"wrong")
# Each is wrong in two ways; the first is the one that is told.
BOTH: dict[tuple[str, str], Datagram] = {
    ("length", "ttl"): replace(resized(GOOD_V2, 4), ttl=64),
    ("vrid", "ttl"): replace(patched(GOOD_V2, 1, VRID + 1), ttl=64),
    ("destination", "ttl"): ipv4(STRANGE, destination=NODE2, ttl=64),
    ("ttl", "version"): replace(patched(GOOD_V2, 0, 0x31), payload=GOOD_V3.payload, ttl=64),
    ("version", "type"): patched(GOOD_V2, 0, 0x43),
    ("type", "checksum"): replace(GOOD_V2, payload=b"\x23" + GOOD_V2.payload[1:]),
    ("checksum", "auth-password"): broken(ipv4(STRANGE, authentication=GUESSED), 6),
    ("auth-password", "interval"): ipv4(STRANGE, authentication=GUESSED),
    ("interval", "addresses"): ipv4(STRANGE, authentication=PASSWORD),
    ("addresses", "source"): ipv4(replace(STRANGE, interval_cs=100), authentication=PASSWORD),
}


@pytest.mark.parametrize("reasons", BOTH, ids=" before ".join)
def test_the_first_reason_is_the_one_that_is_told(reasons: tuple[str, str]) -> None:
    expected = replace(V2_STRICT, authentication=PASSWORD, sources=frozenset({NODE2}))
    assert outcome(BOTH[reasons], expected) == reasons[0]


def test_the_detail_has_both_values() -> None:
    result = receive(ipv4(advertisement(V2, interval_cs=200)), V2, AhSequence())
    assert result == Discard(DiscardReason.INTERVAL, "every 2 s, 1 s here")
