"""What agent and director say to each other, as bytes on a stream: a length, then MessagePack.

Rules of this file: pure; a stream that is cut anywhere gives whole messages or none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from vipkeeper.model.director_messages import ToAgent, ToDirector

_LENGTH = struct.Struct(">I")


def frame(message: ToAgent | ToDirector) -> bytes:
    """As it goes on the stream."""
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Takes the stream's pieces."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def bodies(self, piece: bytes) -> Iterator[bytes]:
        """Those that are whole by now."""
        self._waiting += piece
        while len(self._waiting) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._waiting)[0]
            if len(self._waiting) < end:
                return
            body = bytes(self._waiting[_LENGTH.size : end])
            del self._waiting[:end]
            yield body
