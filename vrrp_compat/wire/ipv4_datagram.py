"""Complete IPv4 datagrams for sockets with IP_HDRINCL, and what such sockets receive.

Rules of this file: every header byte is final here, because AH covers the header: the kernel would fill in an
identification of 0 afterwards.
"""

from __future__ import annotations

import struct

from vrrp_compat.wire.advertisement import FULL_TTL, PROTOCOL_AH, PROTOCOL_VRRP, Advertisement, Datagram
from vrrp_compat.wire.authentication import NO_AUTHENTICATION, Authentication, AuthKind
from vrrp_compat.wire.authentication_header import AH_BYTES, protect
from vrrp_compat.wire.checksum import ChecksumRule, checksum
from vrrp_compat.wire.message import write_message

IPV4_BYTES = 20
LONGEST_DATAGRAM = 0xFFFF

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_FIRST_BYTE = 0x45  # version 4, five words
_TOS = 0xC0  # internetwork control, as keepalived and FRR send it
_CHECKSUM = struct.Struct("!H")
_CHECKSUM_AT = 10


def write_ipv4(
    advertisement: Advertisement,
    source: bytes,
    destination: bytes,
    *,
    identification: int,
    ttl: int = FULL_TTL,
    authentication: Authentication = NO_AUTHENTICATION,
    sequence: int = 0,
    rule: ChecksumRule | None = None,
) -> bytes:
    """Header, AH if the authentication says so, and message.

    The copies of one advertisement to several peers share `identification` (1-65535) and, with AH, `sequence`
    (`AhSequence.next`). Raises ValueError for what the formats cannot hold.
    """
    if not 0 < identification <= 0xFFFF:
        raise ValueError(f"identification {identification} is not within 1-65535")
    message = write_message(advertisement, source, destination, authentication=authentication, rule=rule)
    with_ah = authentication.kind is AuthKind.AH
    length = IPV4_BYTES + (AH_BYTES if with_ah else 0) + len(message)
    protocol = PROTOCOL_AH if with_ah else PROTOCOL_VRRP
    header = bytearray(
        _IPV4.pack(_FIRST_BYTE, _TOS, length, identification, 0, ttl, protocol, 0, source, destination)
    )
    # The sum of a header has no pseudo header, like that of a message alone.
    _CHECKSUM.pack_into(header, _CHECKSUM_AT, checksum(header, ChecksumRule.MESSAGE_ONLY, b"", b""))
    if with_ah:
        if not 0 < sequence <= 0xFFFF_FFFF:
            raise ValueError(f"AH sequence number {sequence} is not within 1-4294967295")
        message = protect(authentication.key, bytes(header), sequence, message)
    return bytes(header) + message


def read_ipv4(packet: bytes) -> Datagram | None:
    """What a raw IPv4 socket received; None if it does not begin with an IPv4 header.

    What is beyond the header's total length is padding. A total length beyond the end is left to the reader
    of the payload: what is missing there is a wrong length.
    """
    if len(packet) < IPV4_BYTES or packet[0] >> 4 != 4:
        return None
    header_bytes = (packet[0] & 0xF) * 4
    total = packet[2] << 8 | packet[3]
    if not IPV4_BYTES <= header_bytes <= min(len(packet), total):
        return None
    return Datagram(
        source=packet[12:16],
        destination=packet[16:20],
        ttl=packet[8],
        protocol=packet[9],
        payload=packet[header_bytes:total],
        header=packet[:header_bytes],
    )
