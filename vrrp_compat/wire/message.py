"""The VRRP message of versions 2 and 3: what an advertisement looks like as bytes.

    version(4) type(4) | VRID | priority | count
    2: auth type | interval, s        3: 0(4) interval(12), cs
    checksum
    count addresses of 4 or 16 bytes
    2: 8 bytes of authentication data, whatever the type

Rules of this file: writing refuses what the format cannot hold (ValueError); reading only cuts, judging is
done in `receiving.py`.
"""

from __future__ import annotations

import functools
import struct

from vrrp_compat.wire.advertisement import Advertisement
from vrrp_compat.wire.authentication import AUTH_BYTES, NO_AUTHENTICATION, Authentication
from vrrp_compat.wire.checksum import CHECKSUM_AT, ChecksumRule, checksum, possible_rules

HEADER_BYTES = 8
ADVERTISEMENT = 1  # the only type there is
FIRST_BYTE = {2: 2 << 4 | ADVERTISEMENT, 3: 3 << 4 | ADVERTISEMENT}
LONGEST_INTERVAL_CS = {2: 25500, 3: 4095}
MOST_ADDRESSES = 255

_HEADER = struct.Struct("!BBBBHH")
_CHECKSUM = struct.Struct("!H")
_AH_NEXT_HEADER = 112  # as first byte it would be version 7 of VRRP
_AH_BYTES = 24


def peek_vrid(payload: bytes) -> int | None:
    """Whose payload this is, with or without AH; None if it is too short to say. Nothing is checked."""
    at = _AH_BYTES + 1 if payload[:1] == b"p" else 1
    return payload[at] if len(payload) > at else None


def message_bytes(version: int, count: int, address_bytes: int) -> int:
    """How long a message with `count` addresses is."""
    return HEADER_BYTES + count * address_bytes + (AUTH_BYTES if version == 2 else 0)


def read_advertisement(message: bytes, address_bytes: int) -> Advertisement:
    """What a message says, of at least HEADER_BYTES; addresses as far as they are there."""
    version = message[0] >> 4
    end = HEADER_BYTES + message[3] * address_bytes
    if end > len(message):
        end = len(message) - address_bytes + 1
    addresses = tuple([message[at : at + address_bytes] for at in range(HEADER_BYTES, end, address_bytes)])
    interval_cs = message[5] * 100 if version == 2 else (message[4] & 0xF) << 8 | message[5]
    return Advertisement(version, message[1], message[2], interval_cs, addresses)


def is_link_local(address: bytes) -> bool:
    """Of a packed IPv6 address: fe80::/10."""
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80


def write_message(
    advertisement: Advertisement,
    source: bytes,
    destination: bytes,
    *,
    authentication: Authentication = NO_AUTHENTICATION,
    rule: ChecksumRule | None = None,
) -> bytes:
    """The message from and to these addresses. `rule` is by default the usual one (keepalived's and FRR's).

    For an IPv6 socket this is all there is to send. With several unicast peers each needs its own: the
    destination is in the checksum. Raises ValueError for what the format cannot hold.
    """
    return _written(advertisement, source, destination, authentication, rule)


@functools.lru_cache(maxsize=1024)  # a master says the same for years: 15 us to make, 1 us to find
def _written(
    advertisement: Advertisement,
    source: bytes,
    destination: bytes,
    authentication: Authentication,
    rule: ChecksumRule | None,
) -> bytes:
    _refuse_impossible(advertisement, len(source), authentication)
    possible = possible_rules(advertisement.version, destination)
    if rule is None:
        rule = possible[0]
    elif rule not in possible:
        raise ValueError(f"no version {advertisement.version} message there has the checksum {rule.value}")
    message = bytearray(_HEADER.pack(*_header(advertisement, authentication), 0))
    message += b"".join(advertisement.addresses)
    if advertisement.version == 2:
        message += authentication.data()
    _CHECKSUM.pack_into(message, CHECKSUM_AT, checksum(message, rule, source, destination))
    return bytes(message)


def _header(advertisement: Advertisement, authentication: Authentication) -> tuple[int, int, int, int, int]:
    interval = advertisement.interval_cs
    if advertisement.version == 2:
        interval = authentication.kind.wire_type << 8 | interval // 100
    return (
        FIRST_BYTE[advertisement.version],
        advertisement.vrid,
        advertisement.priority,
        len(advertisement.addresses),
        interval,
    )


def _refuse_impossible(
    advertisement: Advertisement, address_bytes: int, authentication: Authentication
) -> None:
    version, interval_cs = advertisement.version, advertisement.interval_cs
    if version not in FIRST_BYTE:
        raise ValueError(f"there is no VRRP version {version} to write")
    whole_seconds = version == 3 or interval_cs % 100 == 0
    for possible, wrong in (
        (version == 3 or address_bytes == 4, "version 2 is for IPv4 alone"),
        (version == 2 or authentication == NO_AUTHENTICATION, "version 3 has no authentication"),
        (1 <= advertisement.vrid <= 255, f"VRID {advertisement.vrid} is not within 1-255"),
        (0 <= advertisement.priority <= 255, f"priority {advertisement.priority} is not within 0-255"),
        (
            whole_seconds and 0 < interval_cs <= LONGEST_INTERVAL_CS[version],
            f"version {version} cannot say an interval of {interval_cs} cs",
        ),
        (
            len(advertisement.addresses) <= MOST_ADDRESSES,
            f"{len(advertisement.addresses)} addresses are more than {MOST_ADDRESSES}",
        ),
        (
            all(len(address) == address_bytes for address in advertisement.addresses),
            f"not every address has {address_bytes} bytes",
        ),
    ):
        if not possible:
            raise ValueError(wrong)
