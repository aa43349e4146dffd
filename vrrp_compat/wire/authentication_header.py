"""The IP authentication header (AH, RFC 2402) between IPv4 header and VRRP message, as keepalived speaks it.

    next header 112 | length 4 | 0, 0 | SPI: the source address | sequence | check value, 12 bytes

Rules of this file: the check value is what keepalived computes and not what RFC 2402 says: a multicast
packet's TTL is covered, a unicast packet's is not.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import struct

import msgspec

from vrrp_compat.wire.advertisement import PROTOCOL_VRRP
from vrrp_compat.wire.checksum import is_multicast

AH_BYTES = 24
ICV_BYTES = 12

_COVERED = struct.Struct("!BBHII")  # all but the check value
_AH = struct.Struct("!BBHII12s")
_LENGTH = AH_BYTES // 4 - 2  # RFC 2402 2.2
_IPV4_BYTES = 20  # without options

# OpenSSL in FIPS mode refuses MD5 to those who do not say that they know what it is worth.
_md5 = functools.partial(hashlib.md5, usedforsecurity=False)


@functools.lru_cache(maxsize=256)
def _keyed(key: bytes) -> hmac.HMAC:
    """The state after the key, to be copied: 2.2 us for a check value, and 5.5 us from the start."""
    return hmac.new(key, digestmod=_md5)


class AuthenticationHeader(msgspec.Struct, frozen=True):
    """One AH as received."""

    next_header: int
    spi: int
    sequence: int
    icv: bytes


def read_ah(payload: bytes) -> AuthenticationHeader:
    """Of at least AH_BYTES. Length and reserved bytes are not looked at, as nobody does."""
    next_header, _, _, spi, sequence, icv = _AH.unpack_from(payload)
    return AuthenticationHeader(next_header, spi, sequence, icv)


def protect(key: bytes, header: bytes, sequence: int, message: bytes) -> bytes:
    """AH and message, for the IPv4 header that the kernel will send: all of it has its final value."""
    spi = int.from_bytes(header[12:16], "big")
    covered = _COVERED.pack(PROTOCOL_VRRP, _LENGTH, 0, spi, sequence)
    return covered + _check_value(key, header, covered, message) + message


def is_intact(key: bytes, header: bytes, payload: bytes) -> bool:
    """Whether the sender knows the key. `payload` begins with the AH."""
    if len(header) < _IPV4_BYTES or len(payload) < AH_BYTES:
        return False
    covered, icv = payload[: _COVERED.size], payload[_COVERED.size : AH_BYTES]
    return hmac.compare_digest(_check_value(key, header, covered, payload[AH_BYTES:]), icv)


def _check_value(key: bytes, header: bytes, covered: bytes, message: bytes) -> bytes:
    ttl = header[8:9] if is_multicast(header[16:20]) else b"\0"
    # TOS, flags with offset, and header checksum count as 0; options as they came.
    still = b"".join((header[:1], b"\0", header[2:6], b"\0\0", ttl, header[9:10], b"\0\0", header[12:]))
    mac = _keyed(key).copy()
    mac.update(b"".join((still, covered, bytes(ICV_BYTES), message)))
    return mac.digest()[:ICV_BYTES]
