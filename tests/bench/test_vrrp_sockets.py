"""What a VRRP datagram costs this process on its way in and out: one veth, one raw socket for all routers."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.bench.figures import Figures
from tests.kernel_segment.segment import INTERFACE, Segment, make_segment
from tests.vrrp_sockets.datagrams import GROUP, datagram
from vipkeeper.lab.namespaces import Namespace
from vrrp_compat.sockets.raw_ports import RawPorts
from vrrp_compat.sockets.segment_port import PortSettings, PortUnavailable, SegmentPort
from vrrp_compat.wire.advertisement import Datagram

pytestmark = [pytest.mark.root, pytest.mark.bench]

ROUNDS = 40
BURST = 255  # one advertisement of each possible router
PER_SECOND = 4000
SOURCE = {4: ipaddress.ip_address("10.9.0.2").packed, 6: ipaddress.ip_address("fe80::2").packed}
# Version 3, VRID 1, one address.
MESSAGE = {version: struct.pack("!BBBBHH", 0x31, 1, 100, 1, 100, 0) + SOURCE[version] for version in (4, 6)}


@contextmanager
def port(
    namespace: Namespace, ip_version: int, receive: Callable[[str, Datagram], None]
) -> Iterator[SegmentPort]:
    settings = PortSettings(ip_version, INTERFACE, groups=frozenset({GROUP[ip_version]}))
    opened = RawPorts(namespace.socket).open(settings, receive)
    assert not isinstance(opened, PortUnavailable)
    yield opened
    opened.close()


@pytest.mark.parametrize("ip_version", [4, 6], ids=["ipv4", "ipv6"])
def test_cost_of_a_datagram(figures: Figures, ip_version: int) -> None:
    with make_segment() as segment:
        sent_us, drained_us, woken_us = asyncio.run(_measure(segment, ip_version))
    name = f"VRRP over IPv{ip_version}: "
    share = drained_us * PER_SECOND / 1e4
    figures.add(
        f"{name}receive a datagram of a burst",
        drained_us,
        "us CPU",
        target=25.0,
        detail=f"{PER_SECOND} a second: {share:.1f} % of a core",
    )
    share = woken_us * PER_SECOND / 1e4
    figures.add(
        f"{name}receive one that comes alone",
        woken_us,
        "us CPU",
        target=60.0,
        detail=f"with the event loop's turn; {PER_SECOND} a second: {share:.1f} % of a core",
    )
    figures.add(
        f"{name}send a datagram",
        sent_us,
        "us CPU",
        target=60.0,
        detail="to a socket that is there, over a veth",
    )


async def _measure(segment: Segment, ip_version: int) -> tuple[float, float, float]:
    """Microseconds for one sent, one of many received, and one received alone; the best round of each."""
    heard = 0

    def count(_: str, __: Datagram) -> None:
        nonlocal heard
        heard += 1

    message = datagram(MESSAGE[ip_version], source=SOURCE[ip_version], destination=GROUP[ip_version])
    sent, drained, woken = [], [], []
    with (
        port(segment.ours, ip_version, count) as receiver,
        port(segment.theirs, ip_version, lambda *_: None) as sender,
    ):
        for _ in range(ROUNDS):
            before_s = time.thread_time()
            for _ in range(BURST):
                assert sender.send(message) is None
            between_s = time.thread_time()
            given = receiver.drain()
            while given < BURST:  # a busy kernel delivers a little later
                given += receiver.drain()
            after_s = time.thread_time()
            sent.append((between_s - before_s) / BURST)
            drained.append((after_s - between_s) / BURST)
        for _ in range(ROUNDS):
            alone_s = 0.0
            for _ in range(BURST):
                assert sender.send(message) is None
                target = heard + 1
                before_s = time.thread_time()
                while heard < target:  # noqa: ASYNC110 - the loop's turn is what is measured
                    await asyncio.sleep(0)
                alone_s += time.thread_time() - before_s
            woken.append(alone_s / BURST)
    return min(sent) * 1e6, min(drained) * 1e6, min(woken) * 1e6
