"""One question to a process of this machine, at its socket in the run directory.

Rules of this file: one time limit for all of it, because somebody waits; what is answered is the caller's.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

_LONGEST = 256 * 2**20  # a thousand virtual servers with four real ones each take 3 MB


def ask(path: Path, line: bytes, *, within_s: float) -> bytes:
    """The whole answer. Raises OSError; of these TimeoutError, if it was not whole in time."""
    until_s = time.monotonic() + within_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(within_s)
        channel.connect(str(path))
        channel.sendall(line + b"\n")
        received = bytearray()
        while chunk := channel.recv(2**16):
            received += chunk
            if len(received) > _LONGEST:
                raise OSError("its answer does not end")
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("its answer takes too long")
            channel.settimeout(left_s)
    return bytes(received)
