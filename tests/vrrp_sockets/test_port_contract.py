"""What every port does, the one in memory and the real one in a real kernel."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine

import pytest

from tests.vrrp_sockets.datagrams import GROUP, PATIENCE_S, Router, routers, until_so
from tests.vrrp_sockets.segment_benches import INTERFACE, SegmentBench, own_address, packed
from vrrp_compat.sockets.segment_port import PortSettings, PortUnavailable, SendFailed
from vrrp_compat.wire.advertisement import PROTOCOL_AH, PROTOCOL_VRRP, Datagram

BURST = 255
OTHER_GROUP = {4: packed("224.0.0.99"), 6: packed("ff02::99")}

Body = Callable[[SegmentBench, int], Coroutine[object, object, None]]


def in_both_versions(test: Body) -> Callable[[SegmentBench, int], None]:
    """Run the body on an event loop, for IPv4 and for IPv6."""

    @pytest.mark.parametrize("ip_version", [4, 6], ids=["ipv4", "ipv6"])
    @functools.wraps(test)
    def run(bench: SegmentBench, ip_version: int) -> None:
        asyncio.run(asyncio.wait_for(test(bench, ip_version), 2 * PATIENCE_S))

    return run


async def last_word(sender: Router, *receivers: Router) -> None:
    """Whatever was sent before has been heard, if it is heard at all."""
    last = sender.send(b"the last")
    await until_so(lambda: all(last in one.heard for one in receivers))
    for one in receivers:
        one.heard.remove(last)


@in_both_versions
async def test_the_group_hears_it_as_it_was_sent(bench: SegmentBench, ip_version: int) -> None:
    with routers(bench, ip_version, "a", "b", "c") as (a, b, c):
        sent = a.send(
            b"\x31\x01\x64\x01\x00\x64\xde\xad"
        )  # a checksum that is wrong is the receiver's affair
        await last_word(a, b, c)
        assert b.heard == c.heard == [sent]
        assert b.places == {INTERFACE}


@in_both_versions
async def test_a_sender_does_not_hear_itself(bench: SegmentBench, ip_version: int) -> None:
    with routers(bench, ip_version, "a", "b") as (a, b):
        a.send()
        await last_word(b, a)
        assert a.heard == []


@in_both_versions
async def test_a_peer_alone_hears_what_is_for_it(bench: SegmentBench, ip_version: int) -> None:
    with routers(bench, ip_version, "a", "b", "c") as (a, b, c):
        sent = a.send(to=own_address("b", ip_version))
        await until_so(lambda: b.heard == [sent])
        await last_word(a, c)
        assert c.heard == []


@in_both_versions
async def test_without_an_address_nothing_unicast_is_heard(bench: SegmentBench, ip_version: int) -> None:
    with routers(bench, ip_version, "a", "b") as (a, b):
        b.settings = PortSettings(ip_version, INTERFACE, groups=frozenset({GROUP[ip_version]}))
        b.reopen()
        a.send(to=own_address("b", ip_version))
        await last_word(a, b)
        assert b.heard == []


@in_both_versions
async def test_another_group_is_not_heard_unless_asked_for(bench: SegmentBench, ip_version: int) -> None:
    both = frozenset({GROUP[ip_version], OTHER_GROUP[ip_version]})
    with routers(bench, ip_version, "a", "b", "c") as (a, b, c):
        c.settings = PortSettings(ip_version, INTERFACE, groups=both)
        c.reopen()
        sent = a.send(to=OTHER_GROUP[ip_version])
        await last_word(a, b, c)
        assert b.heard == []
        assert c.heard == [sent]


@in_both_versions
async def test_another_protocol_is_not_heard(bench: SegmentBench, ip_version: int) -> None:
    with routers(bench, ip_version, "a", "b", "c") as (a, b, c):
        c.settings = PortSettings(ip_version, INTERFACE, addresses=c.settings.addresses)
        c.reopen()
        b.send(to=own_address("c", ip_version))  # no group: nothing but this is heard
        await until_so(lambda: len(c.heard) == 1)
        if ip_version == 4:
            a.send(protocol=PROTOCOL_AH)
        await last_word(a, b)
        assert b.heard == []
        assert len(c.heard) == 1


def test_ah_is_heard_beside_vrrp_where_it_is_spoken(bench: SegmentBench) -> None:
    async def body() -> None:
        with routers(bench, 4, "a", "b", protocols=frozenset({PROTOCOL_VRRP, PROTOCOL_AH})) as (a, b):
            sent = [a.send(b"\x70" + bytes(31), protocol=PROTOCOL_AH), a.send(b"plain")]
            await until_so(lambda: len(b.heard) == len(sent))
            assert sorted(b.heard, key=lambda one: one.protocol) == sent

    asyncio.run(body())


@in_both_versions
async def test_who_is_too_far_away_is_told_by_the_ttl(bench: SegmentBench, ip_version: int) -> None:
    with routers(bench, ip_version, "a", "b") as (a, b):
        a.send(ttl=254)
        a.send(ttl=1, to=own_address("b", ip_version))
        await last_word(a, b)
        assert [one.ttl for one in b.heard] == [254, 1]


@in_both_versions
async def test_all_that_waits_is_handed_on_before_time_goes_on(bench: SegmentBench, ip_version: int) -> None:
    """`drain` alone hands on, in the order of sending, without the loop having its turn."""
    with routers(bench, ip_version, "a", "b") as (a, b):
        sent = [a.send(number.to_bytes(2)) for number in range(BURST)]
        given = 0
        gives_up_s = time.monotonic() + PATIENCE_S
        while given < BURST and time.monotonic() < gives_up_s:
            given += b.port.drain()
        assert given == BURST
        assert b.heard == sent
        assert b.port.drain() == 0


@in_both_versions
async def test_what_nobody_drains_the_loop_hands_on(bench: SegmentBench, ip_version: int) -> None:
    with routers(bench, ip_version, "a", "b") as (a, b):
        sent = [a.send(number.to_bytes(2)) for number in range(BURST)]
        await until_so(lambda: len(b.heard) == BURST)
        assert b.heard == sent


@in_both_versions
async def test_an_interface_that_is_down_sends_nothing_and_says_so(
    bench: SegmentBench, ip_version: int
) -> None:
    with routers(bench, ip_version, "a", "b") as (a, b):
        bench.set_interface("a", up=False)
        failed = a.port.send(a.message())
        assert isinstance(failed, SendFailed)
        assert failed.reason
        assert failed.errno
        b.send()
        bench.set_interface("a", up=True)
        assert not a.port.is_stale()
        # The same ports go on.
        await until_so(lambda: a.port.send(a.message(b"again")) is None and bool(b.heard))
        assert b.heard[0].payload == b"again"
        heard_before = len(a.heard)
        await until_so(lambda: b.port.send(b.message(b"too")) is None and len(a.heard) > heard_before)


@in_both_versions
async def test_an_interface_that_was_made_anew_needs_a_new_port(bench: SegmentBench, ip_version: int) -> None:
    with routers(bench, ip_version, "a", "b", "c") as (a, b, c):
        assert not a.port.is_stale()
        bench.remove_interface("a")
        assert a.port.is_stale()
        assert isinstance(a.port.send(a.message()), SendFailed)
        assert a.port.drain() == 0
        missing = bench.ports("a").open(a.settings, lambda *_: None)
        assert missing == PortUnavailable("there is no interface eth0")
        bench.add_interface("a")
        assert a.port.is_stale(), "the name is back, and means another interface"
        b.send(b"not heard by the old port")
        await last_word(b, c)
        a.port.drain()
        assert a.heard == []
        a.reopen()
        assert not a.port.is_stale()
        await until_so(lambda: b.port.send(b.message(b"hello")) is None and bool(a.heard))
        assert {one.payload for one in a.heard} == {b"hello"}
        await last_word(a, b)


@in_both_versions
async def test_a_closed_port_hears_nothing(bench: SegmentBench, ip_version: int) -> None:
    with routers(bench, ip_version, "a", "b", "c") as (a, b, c):
        b.port.close()
        a.send()
        await last_word(a, c)
        assert b.heard == []
        assert b.port.drain() == 0


@in_both_versions
async def test_a_port_may_be_closed_by_what_it_says(bench: SegmentBench, ip_version: int) -> None:
    with routers(bench, ip_version, "a", "b", "c") as (a, b, c):
        heard: list[Datagram] = []

        def close_at_once(_: str, one: Datagram) -> None:
            heard.append(one)
            port.close()

        b.port.close()
        opened = bench.ports("b").open(b.settings, close_at_once)
        assert not isinstance(opened, PortUnavailable)
        port = opened
        a.send(b"one")
        a.send(b"two")
        await last_word(a, c)
        await until_so(lambda: bool(heard))
        port.drain()
        assert [one.payload for one in heard] == [b"one"]


@in_both_versions
async def test_both_ip_versions_live_side_by_side(bench: SegmentBench, ip_version: int) -> None:
    other = 10 - ip_version
    with routers(bench, ip_version, "a", "b") as (a, b), routers(bench, other, "a", "b") as (x, y):
        sent = a.send()
        sent_other = x.send()
        await last_word(a, b)
        await last_word(x, y)
        assert b.heard == [sent]
        assert y.heard == [sent_other]
