"""From a datagram to an advertisement, or to the reason why it is none for us.

Rules of this file: any bytes give a value; what costs little is looked at first, and what an operator would
be misled by is looked at late: authentication before the interval, so that a stranger's settings are not
reported as a neighbour's mistake; the address list near the end. The steps stand alone, because a capture is
judged by the same ones (`inspection.py`).
"""

from __future__ import annotations

import enum

import msgspec

from vrrp_compat.wire.advertisement import (
    FULL_TTL,
    PRIORITY_OWNER,
    PROTOCOL_AH,
    PROTOCOL_VRRP,
    Advertisement,
    Datagram,
)
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.authentication import AUTH_BYTES, KINDS, Authentication, AuthKind
from vrrp_compat.wire.authentication_header import AH_BYTES, AuthenticationHeader, is_intact, read_ah
from vrrp_compat.wire.checksum import ChecksumRule, fitting_rule, is_multicast
from vrrp_compat.wire.discards import Discard, DiscardReason
from vrrp_compat.wire.expectation import AddressPolicy, Expectation
from vrrp_compat.wire.message import (
    ADVERTISEMENT,
    FIRST_BYTE,
    HEADER_BYTES,
    is_link_local,
    message_bytes,
    read_advertisement,
)


class Note(enum.Enum):
    """What an operator should know of an advertisement that was accepted. The texts are a contract."""

    ADDRESSES_DIFFER = "addresses-differ"
    FIRST_NOT_LINK_LOCAL = "first-not-link-local"  # RFC 9568 5.2.9; keepalived warns, FRR never sends one


class Accepted(msgspec.Struct, frozen=True):
    """An advertisement that counts."""

    advertisement: Advertisement
    checksum_rule: ChecksumRule
    notes: tuple[Note, ...] = ()


def receive(datagram: Datagram, expected: Expectation, sequence: AhSequence) -> Accepted | Discard:
    """What one virtual router makes of a datagram. Only a good check value moves `sequence`."""
    message = message_of(datagram)
    if isinstance(message, Discard):
        return message
    refusal = (
        judge_form(message, expected) or judge_envelope(datagram, expected) or judge_header(message, expected)
    )
    if refusal is not None:
        return refusal
    rule = fitting_rule(message, datagram.source, datagram.destination, expected.checksums)
    if rule is None:
        return Discard(DiscardReason.CHECKSUM)
    authentication = expected.authentication
    refusal = judge_kind(datagram, message, authentication.kind) or judge_secret(
        datagram, message, authentication, sequence
    )
    if refusal is not None:
        return refusal
    advertisement = read_advertisement(message, expected.address_bytes)
    return judge_content(datagram, advertisement, expected) or Accepted(
        advertisement, rule, _notes(advertisement, expected)
    )


def message_of(datagram: Datagram) -> bytes | Discard:
    """The VRRP message, behind the AH if there is one."""
    if datagram.protocol == PROTOCOL_VRRP:
        return datagram.payload
    if datagram.protocol != PROTOCOL_AH:
        return Discard(DiscardReason.PROTOCOL, f"protocol {datagram.protocol}")
    if len(datagram.payload) < AH_BYTES:
        return Discard(DiscardReason.LENGTH, f"{len(datagram.payload)} bytes of AH")
    if datagram.payload[0] != PROTOCOL_VRRP:
        return Discard(DiscardReason.AH_NEXT_HEADER, f"protocol {datagram.payload[0]}")
    return datagram.payload[AH_BYTES:]


def judge_form(message: bytes, expected: Expectation) -> Discard | None:
    """Whether it is this virtual router's, and whole: by its own version, so that another one is named."""
    if len(message) < HEADER_BYTES:
        return Discard(DiscardReason.LENGTH, f"{len(message)} bytes")
    if message[1] != expected.vrid:
        return Discard(DiscardReason.VRID, f"VRID {message[1]}, {expected.vrid} here")
    version, count = message[0] >> 4, message[3]
    if version in FIRST_BYTE and (version == 3 or expected.address_bytes == 4):
        length = message_bytes(version, count, expected.address_bytes)
        if len(message) != length:
            return Discard(
                DiscardReason.LENGTH, f"{len(message)} bytes; {length} with an address count of {count}"
            )
    return None


def judge_envelope(datagram: Datagram, expected: Expectation) -> Discard | None:
    """Where it went to, and how far it came from."""
    if expected.group is not None:
        if datagram.destination != expected.group:
            return Discard(DiscardReason.DESTINATION, "not to the group that is listened to here")
        return Discard(DiscardReason.TTL, f"TTL {datagram.ttl}") if datagram.ttl != FULL_TTL else None
    if len(datagram.destination) != expected.address_bytes or is_multicast(datagram.destination):
        return Discard(DiscardReason.DESTINATION, "not unicast of the family that is listened to here")
    if datagram.ttl < expected.least_ttl:
        return Discard(DiscardReason.TTL, f"TTL {datagram.ttl}, at least {expected.least_ttl} here")
    return None


def judge_header(message: bytes, expected: Expectation) -> Discard | None:
    """Version, type, count."""
    version = message[0] >> 4
    if version != expected.version:
        return Discard(DiscardReason.VERSION, f"version {version}, {expected.version} here")
    if version == 2 and expected.address_bytes != 4:
        return Discard(DiscardReason.VERSION, "version 2 over IPv6")
    if message[0] & 0xF != ADVERTISEMENT:
        return Discard(DiscardReason.TYPE, f"type {message[0] & 0xF}")
    if message[3] == 0 and not (version == 2 and expected.without_addresses):
        return Discard(DiscardReason.NO_ADDRESSES)
    return None


def judge_kind(datagram: Datagram, message: bytes, expected: AuthKind) -> Discard | None:
    """Whether it is authenticated in the way that is asked for."""
    behind_ah = datagram.protocol == PROTOCOL_AH
    found = KINDS.get(message[4]) if message[0] >> 4 == 2 else AuthKind.NONE
    if found is expected and behind_ah == (expected is AuthKind.AH):
        return None
    named = str(message[4]) if found is None else found.value
    where = "behind" if behind_ah else "without"
    return Discard(DiscardReason.AUTH_TYPE, f"{named} {where} AH, {expected.value} here")


def judge_secret(
    datagram: Datagram, message: bytes, expected: Authentication, sequence: AhSequence
) -> Discard | None:
    """Whether the sender of a whole message of the right kind knows the secret."""
    if expected.kind is AuthKind.PASS and not expected.is_password(message[-AUTH_BYTES:]):
        return Discard(DiscardReason.AUTH_PASSWORD)
    if expected.kind is not AuthKind.AH:
        return None
    ah = read_ah(datagram.payload)
    if (refusal := judge_spi(datagram, ah)) is not None:
        return refusal
    if not is_intact(expected.key, datagram.header, datagram.payload):
        return Discard(DiscardReason.AH_ICV)
    highest = sequence.highest
    if not sequence.accept(ah.sequence):
        return Discard(DiscardReason.AH_REPLAY, f"number {ah.sequence}, {highest} was seen")
    return None


def judge_spi(datagram: Datagram, ah: AuthenticationHeader) -> Discard | None:
    """keepalived puts the source address there, and looks for it."""
    if ah.spi == int.from_bytes(datagram.source, "big"):
        return None
    return Discard(DiscardReason.AH_SPI, f"SPI {ah.spi:#010x}")


def judge_content(datagram: Datagram, advertisement: Advertisement, expected: Expectation) -> Discard | None:
    """What it says, and who may say it."""
    interval_cs = advertisement.interval_cs
    if interval_cs == 0:
        return Discard(DiscardReason.INTERVAL_ZERO)
    if advertisement.version == 2 and interval_cs != expected.interval_cs:
        return Discard(
            DiscardReason.INTERVAL, f"every {interval_cs / 100:g} s, {expected.interval_cs / 100:g} s here"
        )
    if (
        expected.address_policy is AddressPolicy.DROP
        and advertisement.priority != PRIORITY_OWNER
        and _differ(advertisement, expected)
    ):
        return Discard(DiscardReason.ADDRESSES)
    if expected.sources and datagram.source not in expected.sources:
        return Discard(DiscardReason.SOURCE)
    return None


def _notes(advertisement: Advertisement, expected: Expectation) -> tuple[Note, ...]:
    notes = (Note.ADDRESSES_DIFFER,) if _differ(advertisement, expected) else ()
    if expected.address_bytes == 16 and not is_link_local(advertisement.addresses[0]):
        return (*notes, Note.FIRST_NOT_LINK_LOCAL)
    return notes


def _differ(advertisement: Advertisement, expected: Expectation) -> bool:
    """The order says nothing."""
    return advertisement.addresses != expected.addresses and sorted(advertisement.addresses) != sorted(
        expected.addresses
    )
