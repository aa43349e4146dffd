"""Carries messages between this node and the others, over UDP.

Rules of this file: it decides nothing; it never waits for a socket; a promise leaves only after the run
directory has it; datagrams that prove nothing are counted by reason and told of now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.logs import log
from vipkeeper.agent.peer_wire import Malformed, pack, unpack
from vipkeeper.config.peer_address import PeerAddress
from vipkeeper.election.effects import KeepPromises, Tell
from vipkeeper.election.events import Event, MessageHeard
from vipkeeper.election.shared_keys import SharedKeys
from vipkeeper.model.messages import GivenPromise, Refusal, RefusedBecause

# Between attempts to open the socket: the address may come back.
_AGAIN_AFTER_S = 5.0
# The same trouble is told at most so often: anybody may send datagrams.
_TELL_EVERY_S = 60.0


class PeerShell:
    """One UDP socket."""

    def __init__(
        self,
        own: PeerAddress | None,
        *,
        keys: Callable[[], SharedKeys | None],
        keep: Callable[[tuple[GivenPromise, ...]], None],
        post: Callable[[Event], None],
    ) -> None:
        self._own = own
        self._keys = keys
        self._keep = keep
        self._post = post
        self._transport: asyncio.DatagramTransport | None = None
        self._lost = asyncio.Event()
        self.listening = asyncio.Event()
        self._told_s: dict[str, float] = {}
        # For metrics.
        self.promised = 0
        self.refused: Counter[RefusedBecause] = Counter()
        self.dropped: Counter[Malformed] = Counter()

    async def run(self) -> None:
        """Have a socket, and another one whenever it is lost."""
        if self._own is None:
            await asyncio.Event().wait()
            return
        loop = asyncio.get_running_loop()
        while True:
            self._lost.clear()
            try:
                self._transport, _ = await loop.create_datagram_endpoint(
                    lambda: _Protocol(self._heard, self._lost),
                    local_addr=(self._own.address, self._own.port),
                )
                self.listening.set()
                await self._lost.wait()
            except OSError as error:
                self._tell(
                    f"nodes cannot ask this one at {self._own}: {error.strerror}; a store outage would take "
                    "down every VIP of the cluster. Free that address, or set failsafe_address"
                )
            self.listening.clear()
            self.close()
            await asyncio.sleep(_AGAIN_AFTER_S)

    def tell(self, effect: Tell) -> None:
        """Send it, if there is a key and a socket; the election asks again by itself."""
        keys = self._keys()
        if keys is None or self._transport is None or self._transport.is_closing():
            return
        try:
            to = PeerAddress.parse(effect.address)
        except ValueError:
            self._tell(f"a record has no address that can be asked: {effect.address}")
            return
        if isinstance(effect.message, Refusal):
            self.refused[effect.message.because] += 1
        self._transport.sendto(pack(effect.message, keys.sign), (to.address, to.port))

    def promise(self, effect: KeepPromises) -> None:
        """Write the promises down, then send."""
        try:
            self._keep(effect.promises)
        except OSError as error:
            self._tell(
                f"a promise cannot be kept, so it is not given: {error.filename}: {error.strerror}; make "
                "room in run_dir, or correct its mode"
            )
            return
        self.promised += 1
        self.tell(effect.then)

    def close(self) -> None:
        """No datagram more."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def _heard(self, datagram: bytes, address: tuple[str, int]) -> None:
        keys = self._keys()
        message = unpack(datagram, keys.accept if keys is not None else ())
        if isinstance(message, Malformed):
            self.dropped[message] += 1
            if keys is not None:
                self._tell(f"a datagram from {address[0]} is ignored: {message.value}")
            return
        self._post(MessageHeard(message, str(PeerAddress(address[0], address[1]))))

    def _tell(self, what: str) -> None:
        now_s = boot_s()
        if now_s - self._told_s.get(what, -_TELL_EVERY_S) >= _TELL_EVERY_S:
            if len(self._told_s) > 100:
                self._told_s.clear()
            self._told_s[what] = now_s
            log(logging.WARNING, "failsafe", what)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, heard: Callable[[bytes, tuple[str, int]], None], lost: asyncio.Event) -> None:
        self._heard = heard
        self._lost = lost

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Called by asyncio."""
        self._heard(data, addr)

    def error_received(self, exc: Exception) -> None:
        """Called by asyncio: a peer's port is closed, for example. Silence says the same."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._lost.set()
