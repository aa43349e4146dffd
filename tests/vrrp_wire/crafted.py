"""Datagrams made for one test each: right in all but one thing."""

from __future__ import annotations

import struct

from msgspec.structs import replace

from tests.vrrp_wire.worked_packets import NODE1, NODE1_IPV6, VIP, VIPS_IPV6
from vrrp_compat.wire.advertisement import GROUP_IPV4, GROUP_IPV6, Advertisement, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.authentication import NO_AUTHENTICATION, Authentication
from vrrp_compat.wire.authentication_header import protect
from vrrp_compat.wire.checksum import CHECKSUM_AT, ChecksumRule, checksum, possible_rules
from vrrp_compat.wire.expectation import Expectation
from vrrp_compat.wire.ipv4_datagram import read_ipv4, write_ipv4
from vrrp_compat.wire.message import write_message
from vrrp_compat.wire.receiving import Accepted, receive

VRID = 51
V2 = Expectation(version=2, vrid=VRID, addresses=(VIP,))
V3 = Expectation(version=3, vrid=VRID, addresses=(VIP,))
V3_IPV6 = Expectation(version=3, vrid=VRID, addresses=VIPS_IPV6, group=GROUP_IPV6, address_bytes=16)
V3_UNICAST = replace(V3, group=None)
V3_UNICAST_IPV6 = replace(V3_IPV6, group=None)


def advertisement(expected: Expectation, **changes: object) -> Advertisement:
    """What a neighbour that agrees in everything says."""
    agreed = Advertisement(expected.version, expected.vrid, 100, expected.interval_cs, expected.addresses)
    return replace(agreed, **changes)


def ipv4(
    sent: Advertisement,
    *,
    destination: bytes = GROUP_IPV4,
    ttl: int = 255,
    authentication: Authentication = NO_AUTHENTICATION,
    sequence: int = 1,
    rule: ChecksumRule | None = None,
) -> Datagram:
    """What a raw socket receives of it."""
    packet = write_ipv4(
        sent,
        NODE1,
        destination,
        identification=7,
        ttl=ttl,
        authentication=authentication,
        sequence=sequence,
        rule=rule,
    )
    datagram = read_ipv4(packet)
    assert datagram is not None
    return datagram


def ipv6(sent: Advertisement, *, destination: bytes = GROUP_IPV6, ttl: int = 255) -> Datagram:
    """What an IPv6 socket receives of it."""
    return Datagram(
        source=NODE1_IPV6,
        destination=destination,
        ttl=ttl,
        protocol=112,
        payload=write_message(sent, NODE1_IPV6, destination),
    )


def with_message(
    datagram: Datagram, message: bytes | bytearray, key: Authentication | None = None
) -> Datagram:
    """Another message in the same envelope, its checksum right; behind a good AH if there is a key."""
    sealed = bytearray(message)
    sealed[CHECKSUM_AT : CHECKSUM_AT + 2] = bytes(2)
    rule = possible_rules(message[0] >> 4, datagram.destination)[0]
    right = checksum(sealed, rule, datagram.source, datagram.destination)
    struct.pack_into("!H", sealed, CHECKSUM_AT, right)
    payload = bytes(sealed) if key is None else protect(key.key, datagram.header, 1, bytes(sealed))
    return replace(datagram, payload=payload)


def patched(datagram: Datagram, at: int, value: int) -> Datagram:
    """One byte of the message changed, the checksum made right again."""
    message = bytearray(datagram.payload)
    message[at] = value
    return with_message(datagram, message)


def outcome(datagram: Datagram, expected: Expectation, sequence: AhSequence | None = None) -> str:
    """ "accept", or the text of the reason."""
    result = receive(datagram, expected, sequence or AhSequence())
    return "accept" if isinstance(result, Accepted) else result.reason.value
