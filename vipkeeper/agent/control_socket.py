"""Answers who asks the agent on this machine, through a socket in its run directory.

Rules of this file: it answers and changes nothing; root and the group of the run directory may ask; a socket
that cannot be opened is a warning, because no VIP depends on it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from vipkeeper.agent.logs import log
from vipkeeper.agent.short_conversations import LONGEST_REQUEST, ShortConversations
from vipkeeper.model.agent_report import CONTROL_SOCKET, Answer, Report, Request


async def serve_control(run_dir: Path, status: Callable[[], Report]) -> None:
    """Answer for ever. The caller has the run directory's lock: a socket that is there is a dead agent's."""
    path = run_dir / CONTROL_SOCKET
    try:
        listening = _listen(path)
    except OSError as error:
        log(
            logging.WARNING,
            "control",
            f"`vipkeeper ls` cannot ask this agent while the store is down: {path}: "
            f"{error.strerror or error}; correct the mode of run_dir, or choose a shorter one",
        )
        return

    async def answer(line: bytes) -> bytes:
        return msgspec.json.encode(answer_to(line, status)) + b"\n"

    conversations = ShortConversations(answer, end=b"\n")
    try:
        server = await asyncio.start_unix_server(conversations.talk, sock=listening, limit=LONGEST_REQUEST)
        async with server:
            await server.serve_forever()
    finally:
        path.unlink(missing_ok=True)


def answer_to(line: bytes, status: Callable[[], Report]) -> Answer:
    """The answer to one request."""
    try:
        request = msgspec.json.decode(line, type=Request)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Answer(error='send one line of JSON: {"ask": "status"}')
    if request.ask != "status":
        return Answer(error="this agent knows nothing but status; use its own version of vipkeeper")
    return Answer(status=status())


def _listen(path: Path) -> socket.socket:
    """A socket of which nobody knows before its mode is right. Raises OSError."""
    path.unlink(missing_ok=True)
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
