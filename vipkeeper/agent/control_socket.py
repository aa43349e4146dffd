"""Answers who asks the agent on this machine, through a socket in its run directory.

Rules of this file: it answers and changes nothing; no VIP depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from vipkeeper.agent.local_socket import serve_lines
from vipkeeper.model.agent_report import CONTROL_SOCKET, Answer, Report, Request


async def serve_control(run_dir: Path, status: Callable[[], Report]) -> None:
    """Answer for ever. The caller has the run directory's lock."""

    async def answer(line: bytes) -> bytes:
        return msgspec.json.encode(answer_to(line, status))

    otherwise = "`vipkeeper ls` cannot ask this agent while the store is down"
    await serve_lines(run_dir / CONTROL_SOCKET, answer, otherwise)


def answer_to(line: bytes, status: Callable[[], Report]) -> Answer:
    """The answer to one request."""
    try:
        request = msgspec.json.decode(line, type=Request)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Answer(error='send one line of JSON: {"ask": "status"}')
    if request.ask != "status":
        return Answer(error="this agent knows nothing but status; use its own version of vipkeeper")
    return Answer(status=status())
