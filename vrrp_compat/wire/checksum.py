"""The checksum of a VRRP message, and the rules of what it covers.

Rules of this file: RFC 5798 was read in two ways, so version 3 over IPv4 has more than one rule in use; what
a message fits is found out for each message alone, because keepalived, which remembers a rule, refuses the
right one ever after.
"""

from __future__ import annotations

import enum
from collections.abc import Set

from vrrp_compat.wire.advertisement import GROUP_IPV4, PROTOCOL_VRRP

CHECKSUM_AT = 6
_IPV6_BYTES = 16


class ChecksumRule(enum.Enum):
    """What is summed. The texts are a contract."""

    V2 = "v2"  # RFC 3768 5.3.8: the message, its authentication bytes included
    PSEUDO_HEADER = "pseudo-header"  # keepalived, FRR: and the addresses of the IPv4 header
    MESSAGE_ONLY = "message-only"  # RFC 9568 5.2.8, Cisco: IPv4 without them
    OLD_UNICAST = "old-unicast"  # keepalived up to 1.3.6: the group stood for the unicast destination
    IPV6 = "ipv6"  # RFC 8200 8.1


# What a receiver takes unless its operator says otherwise.
ANY_RULE = frozenset(ChecksumRule)


def checksum(message: bytes | bytearray, rule: ChecksumRule, source: bytes, destination: bytes) -> int:
    """The checksum of a message whose checksum field is 0."""
    # RFC 1071's folded sum, but for multiples of 0xffff: there it is 0xffff and never 0.
    folded = (_sum(message) + _beside(rule, len(message), source, destination)) % 0xFFFF or 0xFFFF
    return 0xFFFF ^ folded


def fitting_rule(
    message: bytes, source: bytes, destination: bytes, allowed: Set[ChecksumRule] = ANY_RULE
) -> ChecksumRule | None:
    """The first allowed rule by which the message's checksum is right."""
    total = _sum(message)
    for rule in possible_rules(message[0] >> 4, destination):
        fits = (total + _beside(rule, len(message), source, destination)) % 0xFFFF == 0
        # Looking into a set of enumerators costs as much as the sum.
        if fits and (allowed is ANY_RULE or rule in allowed):
            return rule
    return None


def is_right(message: bytes, rule: ChecksumRule) -> bool:
    """Of a message whose addresses are not known, by a rule that needs none."""
    return (_sum(message) + _beside(rule, len(message), b"", b"")) % 0xFFFF == 0


def possible_rules(version: int, destination: bytes) -> tuple[ChecksumRule, ...]:
    """The rules that a message of that version to that address can follow, the usual one first."""
    if len(destination) == _IPV6_BYTES:
        return _FOR_IPV6
    if version == 2:
        return _FOR_V2
    return _FOR_MULTICAST if is_multicast(destination) else _FOR_UNICAST


def is_multicast(address: bytes) -> bool:
    """Of a packed address of either family."""
    return address[0] == 0xFF if len(address) == _IPV6_BYTES else address[0] >> 4 == 0xE


_FOR_V2 = (ChecksumRule.V2,)
_FOR_IPV6 = (ChecksumRule.IPV6,)
_FOR_MULTICAST = (ChecksumRule.PSEUDO_HEADER, ChecksumRule.MESSAGE_ONLY)
_FOR_UNICAST = (*_FOR_MULTICAST, ChecksumRule.OLD_UNICAST)


def _beside(rule: ChecksumRule, length: int, source: bytes, destination: bytes) -> int:
    """What the pseudo header adds to the sum."""
    if rule is ChecksumRule.V2 or rule is ChecksumRule.MESSAGE_ONLY:
        return 0
    to = GROUP_IPV4 if rule is ChecksumRule.OLD_UNICAST else destination
    return int.from_bytes(source + to, "big") + PROTOCOL_VRRP + length


def _sum(data: bytes | bytearray) -> int:
    """A number that is the sum of the 16-bit words, modulo 0xffff: 2**16 is 1 there.

    Ten times as fast as adding words. An odd byte at the end is the upper half of a word (RFC 1071).
    """
    number = int.from_bytes(data, "big")
    return number << 8 if len(data) & 1 else number
