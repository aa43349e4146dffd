"""Which packet is the answer to a ping: a raw socket hears those of everybody."""

from __future__ import annotations

import pytest

from vipkeeper.health.checkers.ping_check import is_answer, request

ANSWER4, ANSWER6 = b"\x00", b"\x81"


@pytest.mark.parametrize(("ipv6", "first"), [(False, ANSWER4), (True, ANSWER6)])
def test_only_the_reply_to_that_request_counts(ipv6: bool, first: bytes) -> None:
    asked = request(77, 5, ipv6=ipv6)
    reply = first + asked[1:]
    assert is_answer(reply, 77, 5, ipv6=ipv6)
    assert is_answer(reply, None, 5, ipv6=ipv6)
    assert not is_answer(asked, 77, 5, ipv6=ipv6)
    assert not is_answer(reply, 78, 5, ipv6=ipv6)
    assert not is_answer(reply, 77, 6, ipv6=ipv6)
    assert not is_answer(reply[:-1], 77, 5, ipv6=ipv6)
    assert not is_answer(reply[:4], 77, 5, ipv6=ipv6)


def test_the_checksum_is_that_of_the_rfc() -> None:
    """All 16-bit words of a packet with its checksum, added up with carries, are all ones."""
    packet = request(0xBEEF, 0xFFFE, ipv6=False) + b"\0"  # of odd length
    total = sum(int.from_bytes(packet[at : at + 2], "big") for at in range(0, len(packet), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
