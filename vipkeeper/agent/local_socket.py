"""A socket in the run directory at which a process of ours answers lines of JSON.

Rules of this file: root and the group of the run directory may ask; a socket that cannot be opened is told,
and nothing ends for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from vipkeeper.agent.logs import log
from vipkeeper.agent.short_conversations import LONGEST_REQUEST, ShortConversations


async def serve_lines(path: Path, answer: Callable[[bytes], Awaitable[bytes]], otherwise: str) -> None:
    """Answer for ever. The caller has a lock: a socket that is there is a dead process's.

    `otherwise`: what does not work when it cannot be opened.
    """
    try:
        listening = _listen(path)
    except OSError as error:
        log(
            logging.WARNING,
            "control",
            f"{otherwise}: {path}: {error.strerror or error}; correct the mode of run_dir, or "
            "choose a shorter one",
        )
        return

    async def answer_line(line: bytes) -> bytes:
        return await answer(line) + b"\n"

    conversations = ShortConversations(answer_line, end=b"\n")
    try:
        server = await asyncio.start_unix_server(conversations.talk, sock=listening, limit=LONGEST_REQUEST)
        async with server:
            await server.serve_forever()
    finally:
        _remove(path)


def _listen(path: Path) -> socket.socket:
    """A socket of which nobody knows before its mode is right. Raises OSError."""
    _remove(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listening.bind(str(path))
        group = path.parent.stat().st_gid
        if path.stat().st_gid != group:
            os.chown(path, -1, group)
        path.chmod(0o660)
        listening.listen()
    except BaseException:
        listening.close()
        raise
    return listening


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
