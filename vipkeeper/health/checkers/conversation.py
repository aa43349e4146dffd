"""One connection of one check: bytes out and in, within one time for all of it.

Rules of this file: IO. What the real server does wrong is `Failed`, in a sentence for people. The time limit
is for the whole answer, so that a server that sends a byte now and then holds nobody up.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

from vipkeeper.health.checkers.results import Failed
from vipkeeper.health.checkers.sockets import answered_with, readable, where, writable
from vipkeeper.model.balancing import Reach

_AT_ONCE = 65536


class Conversation(Protocol):
    """What the protocols speak over."""

    async def send(self, data: bytes) -> None:
        """All of it."""
        ...

    async def receive(self) -> bytes:
        """What came next; empty when the other end has closed."""
        ...


class PlainConversation:
    """Over a connected, non-blocking socket that the caller closes."""

    def __init__(self, sock: socket.socket, reach: Reach, *, timeout_s: float) -> None:
        self.reach = reach
        self._sock = sock
        self._timeout_s = timeout_s
        self._deadline_s = asyncio.get_running_loop().time() + timeout_s

    async def send(self, data: bytes) -> None:
        """Raises Failed."""
        left = memoryview(data)
        while left:
            try:
                left = left[self._sock.send(left) :]
            except BlockingIOError:
                if not await writable(self._sock, self._time_left_s()):
                    raise self._too_slow("took no request") from None
            except OSError as error:
                raise self._broken(error) from error

    async def receive(self) -> bytes:
        """Raises Failed. An answer is rarely there at once, so it is waited for before it is read."""
        while True:
            if not await readable(self._sock, self._time_left_s()):
                raise self._too_slow("did not answer in full")
            try:
                return self._sock.recv(_AT_ONCE)
            except BlockingIOError:
                continue  # it was readable and is not: a checksum was wrong
            except OSError as error:
                raise self._broken(error) from error

    def _time_left_s(self) -> float:
        return max(0.0, self._deadline_s - asyncio.get_running_loop().time())

    def _too_slow(self, did: str) -> Failed:
        return Failed(f"{where(self.reach)} {did} within {self._timeout_s:g} s")

    def _broken(self, error: OSError) -> Failed:
        return answered_with(error.errno or 0, self.reach)
