"""TLS over a connection of a check.

Rules of this file: IO through the plain conversation beneath; TLS itself is the ssl module's, between two
buffers in memory, because only so can one see whether the other end said goodbye (close_notify).
"""

from __future__ import annotations

import ssl

from vipkeeper.health.checkers.conversation import PlainConversation
from vipkeeper.health.checkers.results import CannotCheck, Failed
from vipkeeper.health.checkers.sockets import where

_AT_ONCE = 65536


class TlsConversation:
    """One connection. Plain text goes in and comes out."""

    def __init__(
        self, beneath: PlainConversation, tls: ssl.SSLObject, came: ssl.MemoryBIO, goes: ssl.MemoryBIO
    ) -> None:
        self._beneath = beneath
        self._tls = tls
        self._came = came
        self._goes = goes
        self._said_goodbye = False

    @classmethod
    async def begin(cls, beneath: PlainConversation, context: ssl.SSLContext, name: str) -> TlsConversation:
        """Shakes hands. `name` is said in the clear (SNI), or empty. Raises Failed."""
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            tls = context.wrap_bio(came, goes, server_hostname=name or None)
        except ValueError as error:
            raise CannotCheck(f'"{name}" cannot be named in a TLS handshake ({error}): correct it') from error
        conversation = cls(beneath, tls, came, goes)
        try:
            while not conversation._shaken():
                await conversation._flush()
                if not await conversation._fill():
                    raise Failed(f"{where(beneath.reach)} closed the connection during the TLS handshake")
            await conversation._flush()
        except ssl.SSLError as error:
            raise Failed(f"no TLS with {where(beneath.reach)}: {_explained(error)}") from error
        return conversation

    async def send(self, data: bytes) -> None:
        """Raises Failed."""
        try:
            self._tls.write(data)  # into memory, which takes all of it
        except ssl.SSLError as error:
            raise self._broken(error) from error
        await self._flush()

    async def receive(self) -> bytes:
        """Empty when the other end has closed, in whichever way. Raises Failed."""
        while True:
            try:
                found = self._tls.read(_AT_ONCE)
            except ssl.SSLWantReadError:
                await self._flush()  # an answer to what TLS itself asked
                if not await self._fill():
                    return b""
                continue
            except ssl.SSLZeroReturnError:
                self._said_goodbye = True
                return b""
            except ssl.SSLEOFError:
                return b""
            except ssl.SSLError as error:
                raise self._broken(error) from error
            if not found:
                self._said_goodbye = True
            return found

    async def hear_goodbye(self) -> None:
        """Waits for the end, whatever still comes before it. Raises Failed when it is not TLS's own."""
        while await self.receive():
            pass
        if not self._said_goodbye:
            raise Failed("the TLS connection ended without close_notify (`tls_compliant`)")

    def _shaken(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    async def _flush(self) -> None:
        if self._goes.pending:
            await self._beneath.send(self._goes.read())

    async def _fill(self) -> bool:
        data = await self._beneath.receive()
        if data:
            self._came.write(data)
        return bool(data)

    def _broken(self, error: ssl.SSLError) -> Failed:
        return Failed(f"TLS with {where(self._beneath.reach)} broke: {_explained(error)}")


def _explained(error: ssl.SSLError) -> str:
    """OpenSSL's reason in words: CERTIFICATE_VERIFY_FAILED has a longer one of its own."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); see `ssl.ca`"
    return (error.reason or str(error)).replace("_", " ").lower()
