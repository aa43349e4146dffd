"""Addresses of peers that are given by name.

Rules of this file: a name that cannot be resolved keeps its last address, and is asked again; nothing is sent
later because a resolver is slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable

from vipkeeper.agent.logs import log

# At the start nothing can be sent without an address; later nobody waits.
_FIRST_WITHIN_S = 2.0
_UNKNOWN_AGAIN_S = 5.0
_KNOWN_AGAIN_S = 60.0


Peer = tuple[str, int]  # name or address, and the IP version that is spoken


class PeerNames:
    """`changed` is called when a name got another address."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._complained: set[str] = set()
        self._listed_anew = asyncio.Event()
        self.listed: tuple[Peer, ...] = ()
        self.known: dict[Peer, bytes] = {}

    async def know(self, listed: Iterable[Peer]) -> None:
        """Resolve these, within a bound."""
        self.listed = tuple(listed)
        try:
            async with asyncio.timeout(_FIRST_WITHIN_S):
                await self._resolve_all()
        except TimeoutError:
            log(logging.WARNING, "peer-names", "the resolver does not answer; asking again")
        self._listed_anew.set()

    def knows(self, listed: Iterable[Peer]) -> bool:
        """Whether nothing of this has to be asked for."""
        return all(peer in self.known or _is_address(peer[0]) for peer in listed)

    async def keep_current(self) -> None:
        """Ask again, for ever; often while something is not known."""
        while True:
            missing = any(peer not in self.known for peer in self._names())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_UNKNOWN_AGAIN_S if missing else _KNOWN_AGAIN_S):
                    await self._listed_anew.wait()
            if self._listed_anew.is_set():
                self._listed_anew.clear()
            elif await self._resolve_all():
                self._changed()

    def _names(self) -> list[Peer]:
        return [peer for peer in dict.fromkeys(self.listed) if not _is_address(peer[0])]

    async def _resolve_all(self) -> bool:
        before = dict(self.known)
        for peer in self._names():
            name, version = peer
            address = await _resolve(name, version)
            if address is not None:
                self.known[peer] = address
                self._complained.discard(name)
            elif name not in self._complained:
                self._complained.add(name)
                message = f"{name} has no IPv{version} address; correct unicast_peers, or the resolver"
                log(logging.WARNING, "peer-names", message)
        return self.known != before


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


async def _resolve(name: str, version: int) -> bytes | None:
    """The first address of that family."""
    loop = asyncio.get_running_loop()
    try:
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        found = await loop.getaddrinfo(name, None, family=family, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    text = str(found[0][4][0]).partition("%")[0]
    return ipaddress.ip_address(text).packed
