"""What one accepted advertisement costs, and what 4000 a second take of a core."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.bench.figures import Figures, spread
from tests.vrrp_wire.worked_packets import ADVERTISEMENTS, ALL, KEY, PASSWORD
from vrrp_compat.wire.advertisement import GROUP_IPV4, GROUP_IPV6
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.expectation import Expectation
from vrrp_compat.wire.ip_packets import read_ip
from vrrp_compat.wire.ipv4_datagram import read_ipv4
from vrrp_compat.wire.message import peek_vrid
from vrrp_compat.wire.receiving import Accepted, receive

pytestmark = pytest.mark.bench

COUNT = 5000
ROUNDS = 7
A_SECOND = 4000
US_PER_ADVERT = 10.0
SHARE_PERCENT = 25.0

SECRETS = {"v2-pass": PASSWORD, "v2-ah": KEY}


def expectation_of(name: str) -> Expectation:
    sent = ADVERTISEMENTS[name]
    plain = Expectation(
        version=sent.version, vrid=sent.vrid, addresses=sent.addresses, interval_cs=sent.interval_cs
    )
    if name == "v3-ipv6":
        return replace(plain, group=GROUP_IPV6, address_bytes=16)
    assert plain.group == GROUP_IPV4
    return replace(plain, authentication=SECRETS[name]) if name in SECRETS else plain


def accept_once(name: str) -> Callable[[], None]:
    """From what a socket gives to an accepted advertisement, the virtual router found by its VRID."""
    expectations = {ADVERTISEMENTS[name].vrid: expectation_of(name)}
    captured = read_ip(ALL[name])
    assert captured is not None

    def accept() -> None:
        # An IPv6 socket gives no header; its datagram is there at once.
        datagram = captured.datagram if name == "v3-ipv6" else read_ipv4(ALL[name])
        assert datagram is not None
        vrid = peek_vrid(datagram.payload)
        assert vrid is not None
        assert isinstance(receive(datagram, expectations[vrid], AhSequence()), Accepted)

    return accept


def processor_us(function: Callable[[], None]) -> float:
    """Of this process alone, so that a busy machine counts less."""
    begin_ns = time.process_time_ns()
    for _ in range(COUNT):
        function()
    return (time.process_time_ns() - begin_ns) / 1000 / COUNT


@pytest.mark.parametrize("name", ["v2-none", "v2-pass", "v2-ah", "v3-ipv4", "v3-ipv6"])
def test_an_accepted_advertisement(figures: Figures, name: str) -> None:
    accept = accept_once(name)
    rounds_us = sorted(processor_us(accept) for _ in range(ROUNDS))
    median_us = rounds_us[ROUNDS // 2]
    figures.add(
        f"VRRP {name}: one advertisement, socket's bytes to accepted",
        median_us,
        "us",
        # A check value alone takes 2 to 5 us.
        target=None if name == "v2-ah" else US_PER_ADVERT,
        detail=spread(rounds_us),
    )
    figures.add(
        f"VRRP {name}: {A_SECOND} a second, share of a core",
        median_us * A_SECOND / 1e6 * 100,
        "%",
        target=SHARE_PERCENT,
    )
