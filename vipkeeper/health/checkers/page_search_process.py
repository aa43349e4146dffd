"""The process that searches pages for regular expressions: one question in, one byte out, until the end.

Rules of this file: blocking IO on standard input, which is one end of a pair of sockets. The kernel ends the
process when one search takes more than MOST_CPU_S of processor time, so that a busy machine is no reason.
"""

from __future__ import annotations

import enum
import functools
import signal
import socket
import struct
import sys
from typing import Any

import msgspec

MOST_CPU_S = 0.25
SIZE = struct.Struct("!I")


class Search(msgspec.Struct, frozen=True, array_like=True):
    """A match must begin at `min_offset` or later, and before `max_offset`."""

    expression: bytes
    body: bytes
    min_offset: int = 0
    max_offset: int | None = None
    anchored: bool = False


class Found(enum.Enum):
    """What came of it. The values are what goes over the wire."""

    NOTHING = b"0"
    MATCH = b"1"
    TOO_COSTLY = b"2"


REPLIES = {found.value: found for found in Found}


def serve(sock: socket.socket) -> None:
    """Until the other end closes."""
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who stops the agent at a terminal stops it, and not us
    with sock.makefile("rb") as questions:
        while len(size := questions.read(SIZE.size)) == SIZE.size:
            frame = questions.read(*SIZE.unpack(size))
            sock.sendall(searched(msgspec.msgpack.decode(frame, type=Search)).value)


def searched(wanted: Search) -> Found:
    """Ends the process by SIGVTALRM when it takes too long."""
    import pcre2

    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_CPU_S)
    try:
        compiled = _compiled(wanted.expression)
        try_from = compiled.match if wanted.anchored else compiled.search
        match = try_from(wanted.body, wanted.min_offset)
    except pcre2.LibraryError:
        return Found.TOO_COSTLY
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    if match is None or (wanted.max_offset is not None and match.start() >= wanted.max_offset):
        return Found.NOTHING
    return Found.MATCH


@functools.lru_cache(maxsize=4096)
def _compiled(expression: bytes) -> Any:
    import pcre2

    return pcre2.compile(expression)


if __name__ == "__main__":
    serve(socket.socket(fileno=sys.stdin.fileno()))
