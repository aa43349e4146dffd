"""What is written is read again as the same, over all that the formats can hold; the rest is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.vrrp_wire.generated import HOSTS_IPV4, HOSTS_IPV6, TO_IPV4, TO_IPV6, advertisements
from tests.vrrp_wire.worked_packets import KEY, NODE1, NODE1_IPV6, PASSWORD, VIP, VIPS_IPV6
from vrrp_compat.wire.advertisement import GROUP_IPV4, GROUP_IPV6, Advertisement, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.authentication import NO_AUTHENTICATION, Authentication, with_key, with_password
from vrrp_compat.wire.checksum import ChecksumRule, checksum, is_multicast, is_right, possible_rules
from vrrp_compat.wire.expectation import Expectation
from vrrp_compat.wire.ipv4_datagram import read_ipv4, write_ipv4
from vrrp_compat.wire.message import write_message
from vrrp_compat.wire.receiving import Accepted, receive

SECRETS = st.binary(max_size=12)
AUTHENTICATIONS = st.just(NO_AUTHENTICATION) | SECRETS.map(with_password) | SECRETS.map(with_key)
GOOD_V2 = Advertisement(2, 1, 100, 100, (VIP,))
GOOD_V3 = Advertisement(3, 1, 100, 100, (VIP,))


def received(
    sent: Advertisement, datagram: Datagram | None, authentication: Authentication = NO_AUTHENTICATION
) -> Advertisement:
    assert datagram is not None
    expected = Expectation(
        version=sent.version,
        vrid=sent.vrid,
        addresses=sent.addresses,
        group=datagram.destination if is_multicast(datagram.destination) else None,
        address_bytes=len(datagram.source),
        interval_cs=sent.interval_cs,
        authentication=authentication,
    )
    result = receive(datagram, expected, AhSequence())
    assert isinstance(result, Accepted), result
    return result.advertisement


@given(
    sent=advertisements(2, 4),
    source=HOSTS_IPV4,
    destination=TO_IPV4,
    authentication=AUTHENTICATIONS,
    sequence=st.integers(1, 2**32 - 1),
)
def test_version_2(
    sent: Advertisement,
    source: bytes,
    destination: bytes,
    authentication: Authentication,
    sequence: int,
) -> None:
    packet = write_ipv4(
        sent,
        source,
        destination,
        identification=0x1234,
        authentication=authentication,
        sequence=sequence,
    )
    assert received(sent, read_ipv4(packet), authentication) == sent
    assert packet[:2] == b"\x45\xc0"
    assert packet[4:8] == bytes.fromhex("12340000")
    assert is_right(packet[:20], ChecksumRule.MESSAGE_ONLY)
    assert int.from_bytes(packet[2:4], "big") == len(packet)


@given(sent=advertisements(3, 4), source=HOSTS_IPV4, destination=TO_IPV4, data=st.data())
def test_version_3_ipv4_by_each_rule(
    sent: Advertisement, source: bytes, destination: bytes, data: st.DataObject
) -> None:
    rule = data.draw(st.sampled_from(possible_rules(3, destination)))
    packet = write_ipv4(sent, source, destination, identification=1, ttl=64 + 191, rule=rule)
    assert received(sent, read_ipv4(packet)) == sent


@given(sent=advertisements(3, 16), source=HOSTS_IPV6, destination=TO_IPV6)
def test_version_3_ipv6(sent: Advertisement, source: bytes, destination: bytes) -> None:
    message = write_message(sent, source, destination)
    datagram = Datagram(source=source, destination=destination, ttl=255, protocol=112, payload=message)
    assert received(sent, datagram) == sent


def added_up(data: bytes) -> int:
    """RFC 1071 as it is told: add words, carry around, complement."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@given(data=st.binary(min_size=1, max_size=200).filter(any))
def test_the_checksum_is_that_of_the_rfc(data: bytes) -> None:
    assert checksum(data, ChecksumRule.MESSAGE_ONLY, b"", b"") == added_up(data)


@pytest.mark.parametrize("data", [b"\xff\xff", b"\xff\xff\xff\xff", b"\x80\x00\x7f\xff"])
def test_a_sum_of_ones_gives_zero(data: bytes) -> None:
    assert checksum(data, ChecksumRule.MESSAGE_ONLY, b"", b"") == added_up(data) == 0


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (replace(GOOD_V2, version=4), "no VRRP version 4"),
        (replace(GOOD_V2, vrid=0), "VRID 0"),
        (replace(GOOD_V2, vrid=256), "VRID 256"),
        (replace(GOOD_V2, priority=256), "priority 256"),
        (replace(GOOD_V2, priority=-1), "priority -1"),
        (replace(GOOD_V2, interval_cs=150), "interval of 150 cs"),
        (replace(GOOD_V2, interval_cs=25600), "interval of 25600 cs"),
        (replace(GOOD_V3, interval_cs=0), "interval of 0 cs"),
        (replace(GOOD_V3, interval_cs=4096), "interval of 4096 cs"),
        (replace(GOOD_V3, addresses=(VIP,) * 256), "256 addresses"),
        (replace(GOOD_V3, addresses=VIPS_IPV6), "not every address has 4 bytes"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(wrong: Advertisement, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        write_message(wrong, NODE1, GROUP_IPV4)


def test_version_2_is_for_ipv4_alone() -> None:
    with pytest.raises(ValueError, match="IPv4 alone"):
        write_message(replace(GOOD_V2, addresses=VIPS_IPV6), NODE1_IPV6, GROUP_IPV6)


@pytest.mark.parametrize("secret", [PASSWORD, KEY])
def test_version_3_has_no_authentication(secret: Authentication) -> None:
    with pytest.raises(ValueError, match="no authentication"):
        write_message(GOOD_V3, NODE1, GROUP_IPV4, authentication=secret)


@pytest.mark.parametrize("rule", [ChecksumRule.V2, ChecksumRule.OLD_UNICAST, ChecksumRule.IPV6])
def test_a_rule_of_another_message_is_refused(rule: ChecksumRule) -> None:
    with pytest.raises(ValueError, match=f"the checksum {rule.value}"):
        write_message(GOOD_V3, NODE1, GROUP_IPV4, rule=rule)


@pytest.mark.parametrize("identification", [0, 0x10000])
def test_the_identification_is_never_left_to_the_kernel(identification: int) -> None:
    with pytest.raises(ValueError, match="identification"):
        write_ipv4(GOOD_V2, NODE1, GROUP_IPV4, identification=identification)


def test_ah_needs_a_number() -> None:
    with pytest.raises(ValueError, match="sequence number 0"):
        write_ipv4(GOOD_V2, NODE1, GROUP_IPV4, identification=1, authentication=KEY)
