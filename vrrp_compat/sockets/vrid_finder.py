"""Listens on an interface for the VRIDs that others use there.

Rules of this file: it only listens, so it can run before anything of ours is on the wire, and beside it; what
this host sends does not count as somebody else's.
"""

from __future__ import annotations

import asyncio
import contextlib

from vrrp_compat.sockets.wire_tap import WireTap
from vrrp_compat.wire.inspection import inspect_packet
from vrrp_compat.wire.ip_packets import carries_vrrp, read_ip
from vrrp_compat.wire.link_layers import ETHERNET, ip_bytes
from vrrp_compat.wire.vrid_census import VridCensus, VridUse

# A master advertises once a second by default: this is three chances of one to be heard, and a bit.
LISTEN_S = 3.2


async def find_vrids(
    interface: str, *, listen_s: float = LISTEN_S, until: asyncio.Event | None = None
) -> tuple[VridUse, ...]:
    """Every virtual router heard within that time, or until the event is set.

    A master with a longer interval than `listen_s`, and one that talks by unicast to others, is not heard.
    Raises MissingPrivilege, ConfigError (no such interface), KernelRefused.
    """
    census = VridCensus()
    tap = WireTap(interface)
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(tap.fileno(), _count, tap, census)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for((until or asyncio.Event()).wait(), listen_s)
        _count(tap, census)
    finally:
        loop.remove_reader(tap.fileno())
        tap.close()
    return census.uses()


def _count(tap: WireTap, census: VridCensus) -> None:
    for each in tap.frames():
        carried = ip_bytes(ETHERNET, each.frame)
        packet = None if carried is None else read_ip(carried)
        if packet is not None and carries_vrrp(packet):
            census.hear(inspect_packet(packet))
