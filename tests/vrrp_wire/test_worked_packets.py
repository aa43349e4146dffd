"""Bytes that keepalived sent: read as what they were, and written again without a difference."""

from __future__ import annotations

import pytest

from tests.vrrp_wire.worked_packets import (
    ADVERTISEMENTS,
    ALL,
    KEY,
    NODE1_IPV6,
    PASSWORD,
    UNICAST_KEY,
    V2_AH,
    V2_AH_UNICAST,
    V2_PASS,
    V3_IPV6,
)
from vrrp_compat.wire.advertisement import GROUP_IPV6, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.authentication import NO_AUTHENTICATION, Authentication, with_key, with_password
from vrrp_compat.wire.checksum import ChecksumRule, is_multicast
from vrrp_compat.wire.discards import Discard, DiscardReason
from vrrp_compat.wire.expectation import Expectation
from vrrp_compat.wire.ip_packets import read_ip
from vrrp_compat.wire.ipv4_datagram import read_ipv4, write_ipv4
from vrrp_compat.wire.message import peek_vrid, write_message
from vrrp_compat.wire.receiving import Accepted, receive

SECRETS = {"v2-pass": PASSWORD, "v2-ah": KEY, "v2-ah-unicast": UNICAST_KEY}
RULES = {
    "v3-ipv4": ChecksumRule.PSEUDO_HEADER,
    "v3-unicast": ChecksumRule.PSEUDO_HEADER,
    "v3-ipv6": ChecksumRule.IPV6,
}
IPV4 = [name for name in ALL if name != "v3-ipv6"]


def datagram_of(name: str) -> Datagram:
    packet = read_ip(ALL[name])
    assert packet is not None
    assert (packet.missing, packet.fragment) == (0, False)
    return packet.datagram


def expectation_of(name: str) -> Expectation:
    sent, datagram = ADVERTISEMENTS[name], datagram_of(name)
    return Expectation(
        version=sent.version,
        vrid=sent.vrid,
        addresses=sent.addresses,
        group=datagram.destination if is_multicast(datagram.destination) else None,
        address_bytes=len(datagram.source),
        interval_cs=sent.interval_cs,
        authentication=SECRETS.get(name, NO_AUTHENTICATION),
    )


@pytest.mark.parametrize("name", ALL)
def test_read(name: str) -> None:
    accepted = receive(datagram_of(name), expectation_of(name), AhSequence())
    assert accepted == Accepted(ADVERTISEMENTS[name], RULES.get(name, ChecksumRule.V2))


@pytest.mark.parametrize("name", IPV4)
def test_a_raw_socket_gives_the_same(name: str) -> None:
    assert read_ipv4(ALL[name]) == datagram_of(name)


@pytest.mark.parametrize("name", IPV4)
def test_written(name: str) -> None:
    datagram = datagram_of(name)
    written = write_ipv4(
        ADVERTISEMENTS[name],
        datagram.source,
        datagram.destination,
        identification=1,
        authentication=SECRETS.get(name, NO_AUTHENTICATION),
        sequence=1,
    )
    assert written.hex() == ALL[name].hex()


def test_written_for_an_ipv6_socket() -> None:
    written = write_message(ADVERTISEMENTS["v3-ipv6"], NODE1_IPV6, GROUP_IPV6)
    assert written.hex() == V3_IPV6[40:].hex()


@pytest.mark.parametrize("name", ALL)
def test_the_vrid_at_a_glance(name: str) -> None:
    assert peek_vrid(datagram_of(name).payload) == ADVERTISEMENTS[name].vrid


def test_too_short_for_a_vrid() -> None:
    assert [peek_vrid(bytes(n)) for n in range(3)] == [None, None, 0]
    assert [peek_vrid(V2_AH[20 : 20 + n]) for n in (25, 26)] == [None, 0x79]


@pytest.mark.parametrize(
    ("packet", "wrong", "reason"),
    [
        (V2_PASS, with_password(b"secret13"), DiscardReason.AUTH_PASSWORD),
        (V2_PASS, with_password(b"secret1"), DiscardReason.AUTH_PASSWORD),
        (V2_PASS, KEY, DiscardReason.AUTH_TYPE),
        (V2_PASS, NO_AUTHENTICATION, DiscardReason.AUTH_TYPE),
        (V2_AH, with_key(b"s3cretAh"), DiscardReason.AH_ICV),
        (V2_AH, PASSWORD, DiscardReason.AUTH_TYPE),
        (V2_AH_UNICAST, KEY, DiscardReason.AH_ICV),
    ],
)
def test_another_secret(packet: bytes, wrong: Authentication, reason: DiscardReason) -> None:
    (name,) = (name for name, each in ALL.items() if each == packet)
    expected = expectation_of(name)
    result = receive(
        datagram_of(name),
        Expectation(
            version=expected.version,
            vrid=expected.vrid,
            addresses=expected.addresses,
            group=expected.group,
            authentication=wrong,
        ),
        AhSequence(),
    )
    assert isinstance(result, Discard)
    assert result.reason is reason


def test_a_secret_is_cut_and_padded_like_keepalived_does() -> None:
    assert with_password(b"secret12 and more") == PASSWORD
    assert with_key(b"short").key == b"short\0\0\0"


def test_no_text_shows_a_secret() -> None:
    wrong = receive(datagram_of("v2-pass"), expectation_of("v2-ah"), AhSequence())
    shown = f"{KEY!r} {PASSWORD} {expectation_of('v2-pass')!r} {wrong}"
    assert "secret12" not in shown
    assert "s3cretAH" not in shown
