"""What a captured packet says, and what any receiver must make of it, whatever its configuration.

Rules of this file: the field names and texts are what `vipkeeper vrrp decode -o json` prints, and a contract;
a verdict comes from the steps of `receiving.py`; what cannot be known is None and discards nothing.
"""

from __future__ import annotations

import msgspec

from vrrp_compat.wire.advertisement import FULL_TTL, PROTOCOL_AH, PROTOCOL_VRRP, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.authentication import (
    AUTH_BYTES,
    KINDS,
    NO_AUTHENTICATION,
    Authentication,
    AuthKind,
    with_key,
    with_password,
)
from vrrp_compat.wire.authentication_header import is_intact, read_ah
from vrrp_compat.wire.checksum import ChecksumRule, fitting_rule, is_multicast, is_right
from vrrp_compat.wire.discards import Discard, DiscardReason
from vrrp_compat.wire.expectation import Expectation
from vrrp_compat.wire.ip_packets import IpPacket, address_text
from vrrp_compat.wire.message import FIRST_BYTE, HEADER_BYTES, message_bytes, read_advertisement
from vrrp_compat.wire.receiving import (
    judge_content,
    judge_envelope,
    judge_form,
    judge_header,
    judge_kind,
    judge_secret,
    judge_spi,
    message_of,
)

ACCEPT, DISCARD = "accept", "discard"


class InspectedAh(msgspec.Struct, frozen=True):
    """The authentication header. `spi` is the sender's address as a number; `icv_ok` needs the key."""

    spi: int
    sequence: int
    icv_ok: bool | None


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """One packet, in the order in which it is printed. None: the packet has no such thing."""

    version: int | None = None
    type: int | None = None
    vrid: int | None = None
    priority: int | None = None
    addresses: tuple[str, ...] | None = None
    auth_type: str | None = None
    auth_data: str | None = None
    interval_cs: int | None = None
    checksum_ok: bool | None = None
    checksum_rule: str | None = None
    ah: InspectedAh | None = None
    source: str | None = None
    destination: str | None = None
    ttl: int | None = None
    verdict: str
    reason: str | None


class _Looked(msgspec.Struct, frozen=True):
    """A message, and what it travelled in: a datagram without addresses stands for nothing at all."""

    datagram: Datagram
    message: bytes
    address_bytes: int
    key: bytes | None
    whole: bool = True

    @property
    def bare(self) -> bool:
        return not self.datagram.source

    @property
    def version(self) -> int | None:
        """None if there is too little to say."""
        return self.message[0] >> 4 if len(self.message) >= HEADER_BYTES else None


def inspect_packet(packet: IpPacket, key: bytes | None = None, *, cut: bool = False) -> Inspected:
    """`cut`: the capture left out the end of the frame. With a key, password and check value are judged."""
    datagram = packet.datagram
    found = b"" if packet.fragment else message_of(datagram)
    message = b"" if isinstance(found, Discard) else found
    looked = _Looked(datagram, message, len(datagram.source), key, whole=not packet.missing)
    if packet.fragment:
        return _inspected(looked, Discard(DiscardReason.FRAGMENT))
    if packet.missing:
        return _inspected(looked, Discard(DiscardReason.INCOMPLETE if cut else DiscardReason.LENGTH))
    return _inspected(looked, found if isinstance(found, Discard) else _judge(looked))


def inspect_message(message: bytes, key: bytes | None = None) -> Inspected | None:
    """A VRRP message that travels in nothing; None if its length and first byte leave open what it is."""
    if len(message) < HEADER_BYTES or message[0] not in FIRST_BYTE.values():
        return None
    version, count = message[0] >> 4, message[3]
    sizes = [size for size in (4, 16)[: version - 1] if len(message) == message_bytes(version, count, size)]
    if not sizes:
        return None
    nowhere = Datagram(source=b"", destination=b"", ttl=FULL_TTL, protocol=PROTOCOL_VRRP, payload=message)
    looked = _Looked(nowhere, message, sizes[0], key)
    return _inspected(looked, _judge(looked))


def _judge(looked: _Looked) -> Discard | None:
    """As a receiver that is configured like the sender."""
    datagram, message = looked.datagram, looked.message
    if looked.version is None:
        return Discard(DiscardReason.LENGTH)
    advertisement = read_advertisement(message, looked.address_bytes)
    multicast = not looked.bare and is_multicast(datagram.destination)
    expected = Expectation(
        version=looked.version if looked.version in FIRST_BYTE else 3,
        vrid=advertisement.vrid,
        addresses=advertisement.addresses,
        group=datagram.destination if multicast else None,
        address_bytes=looked.address_bytes,
        interval_cs=advertisement.interval_cs,
    )
    refusal = judge_form(message, expected)
    if refusal is None and not looked.bare:
        refusal = judge_envelope(datagram, expected)
    refusal = refusal or judge_header(message, expected)
    if refusal is not None:
        return refusal
    if _checksum(looked)[0] is False:
        return Discard(DiscardReason.CHECKSUM)
    return _judge_authentication(looked) or judge_content(datagram, advertisement, expected)


def _judge_authentication(looked: _Looked) -> Discard | None:
    kind = KINDS.get(looked.message[4]) if looked.version == 2 else AuthKind.NONE
    if kind is None:
        return Discard(DiscardReason.AUTH_TYPE)
    if not looked.bare:
        refusal = judge_kind(looked.datagram, looked.message, kind)
        if refusal is None and kind is AuthKind.AH:
            refusal = judge_spi(looked.datagram, read_ah(looked.datagram.payload))
        if refusal is not None:
            return refusal
    elif kind is AuthKind.AH:
        return None
    return judge_secret(looked.datagram, looked.message, _authentication(kind, looked.key), AhSequence())


def _authentication(kind: AuthKind, key: bytes | None) -> Authentication:
    """What to judge by; without a key nothing."""
    if key is None or kind is AuthKind.NONE:
        return NO_AUTHENTICATION
    return with_password(key) if kind is AuthKind.PASS else with_key(key)


def _checksum(looked: _Looked) -> tuple[bool | None, ChecksumRule | None]:
    """Whether it is right, and by which rule; None where that cannot be known."""
    datagram, version = looked.datagram, looked.version
    if version not in FIRST_BYTE or not looked.whole:
        return None, None
    if not looked.bare:
        rule = fitting_rule(looked.message, datagram.source, datagram.destination)
        return rule is not None, rule
    # Rules without a pseudo header are left. If such a version 3 message does not fit, it may have one.
    alone = ChecksumRule.V2 if version == 2 else ChecksumRule.MESSAGE_ONLY
    fits = looked.address_bytes == 4 and is_right(looked.message, alone)
    return (fits or (False if version == 2 else None)), (alone if fits else None)


def _inspected(looked: _Looked, refusal: Discard | None) -> Inspected:
    datagram, message, version = looked.datagram, looked.message, looked.version
    checksum_ok, rule = _checksum(looked)
    said = None if version is None else read_advertisement(message, looked.address_bytes)
    understood = said if version in FIRST_BYTE else None
    is_v2 = version == 2
    return Inspected(
        version=version,
        type=None if version is None else message[0] & 0xF,
        vrid=None if said is None else said.vrid,
        priority=None if said is None else said.priority,
        addresses=None if understood is None else tuple(map(address_text, understood.addresses)),
        auth_type=_kind_text(message[4]) if is_v2 else None,
        auth_data=_data_text(looked) if is_v2 else None,
        interval_cs=None if understood is None else understood.interval_cs,
        checksum_ok=checksum_ok,
        checksum_rule=None if rule is None else rule.value,
        ah=_inspected_ah(looked),
        source=None if looked.bare else address_text(datagram.source),
        destination=None if looked.bare else address_text(datagram.destination),
        ttl=None if looked.bare else datagram.ttl,
        verdict=ACCEPT if refusal is None else DISCARD,
        reason=None if refusal is None else refusal.reason.value,
    )


def _kind_text(number: int) -> str:
    return KINDS[number].value if number in KINDS else str(number)


def _data_text(looked: _Looked) -> str | None:
    """A password as it is typed; what nobody can have typed as 0x and digits; None if there is none."""
    begin = HEADER_BYTES + looked.message[3] * looked.address_bytes
    data = looked.message[begin : begin + AUTH_BYTES]
    if len(data) < AUTH_BYTES or not any(data):
        return None
    text = data.rstrip(b"\0").decode("utf-8", errors="replace")
    return text if text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text else f"0x{data.hex()}"


def _inspected_ah(looked: _Looked) -> InspectedAh | None:
    datagram = looked.datagram
    if datagram.protocol != PROTOCOL_AH or not looked.message:
        return None
    ah = read_ah(datagram.payload)
    judged = looked.key is not None and looked.whole
    icv_ok = is_intact(with_key(looked.key or b"").key, datagram.header, datagram.payload) if judged else None
    return InspectedAh(ah.spi, ah.sequence, icv_ok)
