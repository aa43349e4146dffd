"""Where this node can be asked for promises: the configured address, or the one that the store sees.

Rules of this file: nothing is sent; a managed VIP is never the answer, because it moves.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Collection, Iterable

from vipkeeper.config.peer_address import DEFAULT_PORT, PeerAddress

# In all: a resolver that does not answer must not hold up the first lease.
_RESOLVE_WITHIN_S = 0.5
_ANY_PORT = 9  # a route does not depend on it


async def find_own_address(
    store_hosts: Iterable[str], vips: Collection[str], port: int = DEFAULT_PORT
) -> PeerAddress | None:
    """The address that this host uses towards the store; None when that is loopback or not known."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_RESOLVE_WITHIN_S):
            for host in store_hosts:
                for address in await _resolve(host):
                    own = _address_towards(address)
                    if own is not None and own not in vips and not _is_loopback(own):
                        return PeerAddress(own, port)
    return None


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


async def _resolve(host: str) -> list[tuple[int, tuple[object, ...]]]:
    kind = socket.SOCK_DGRAM
    try:
        # An address need not be looked up: the first lease would wait 5 ms for the thread that does so.
        found = socket.getaddrinfo(host, _ANY_PORT, type=kind, flags=socket.AI_NUMERICHOST)
    except OSError:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, _ANY_PORT, type=kind)
        except OSError:
            return []
    return [(family, sockaddr) for family, _, _, _, sockaddr in found]


def _address_towards(address: tuple[int, tuple[object, ...]]) -> str | None:
    """The source address that the kernel would use; connecting a datagram socket sends nothing."""
    family, sockaddr = address
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(sockaddr)
            return str(probe.getsockname()[0])
        except OSError:
            return None
