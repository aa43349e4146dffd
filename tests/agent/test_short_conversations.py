"""A client has a time limit, and what it asks for has none of the client's."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.contract.event_loop import on_loop
from vipkeeper.agent.short_conversations import ShortConversations

WITHIN_S = 0.2


async def heard(path: Path, request: bytes, *, takes_s: float, answer: bytes) -> bytes:
    """What one client is told; the answer takes so long to be made."""

    async def make(_request: bytes) -> bytes:
        await asyncio.sleep(takes_s)
        return answer

    conversations = ShortConversations(make, end=b"\n", within_s=WITHIN_S)
    async with await asyncio.start_unix_server(conversations.talk, path):
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(request)
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


@on_loop
async def test_an_answer_that_takes_long_is_given(tmp_path: Path) -> None:
    assert await heard(tmp_path / "s", b"?\n", takes_s=3 * WITHIN_S, answer=b"yes") == b"yes"


@on_loop
async def test_who_does_not_ask_is_hung_up_on(tmp_path: Path) -> None:
    assert await heard(tmp_path / "s", b"?", takes_s=0.0, answer=b"yes") == b""


@on_loop
async def test_a_long_answer_arrives_whole(tmp_path: Path) -> None:
    answer = bytes(range(256)) * 5000
    assert await heard(tmp_path / "s", b"?\n", takes_s=0.0, answer=answer) == answer
