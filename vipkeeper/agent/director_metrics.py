"""The metrics of virtual servers: what the director says, asked for at each scrape.

Rules of this file: a director that is stuck or gone holds up a scrape for a moment and no longer, and that is
a metric; its answer (3 MB for a thousand virtual servers) is read beside the event loop.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from vipkeeper.model.director_files import DIRECTOR_SOCKET
from vipkeeper.model.director_messages import Ask, DirectorAnswer, DirectorReport

# It answers in milliseconds. Prometheus waits 10 s, and half a second is nothing to it.
ASK_WITHIN_S = 0.5
_LONGEST = 64 * 2**20


class DirectorScrape(msgspec.Struct, frozen=True):
    """`answer`: what it said, unread; None: nothing in time."""

    restarts: int
    answer: bytes | None


async def scrape_director(run_dir: str, restarts: int, *, within_s: float = ASK_WITHIN_S) -> DirectorScrape:
    """Ask it. It never raises."""
    try:
        async with asyncio.timeout(within_s):
            return DirectorScrape(restarts, await _ask(Path(run_dir) / DIRECTOR_SOCKET))
    except (OSError, TimeoutError):
        return DirectorScrape(restarts, None)


def director_text(scrape: DirectorScrape) -> bytes:
    """What a scrape reads, behind the agent's own metrics. For a thread."""
    from vipkeeper.agent.director_families import director_families
    from vipkeeper.agent.metric_families import text_of

    return text_of(director_families(_report(scrape.answer), scrape.restarts))


def _report(answer: bytes | None) -> DirectorReport | None:
    if answer is None:
        return None
    try:
        return msgspec.json.decode(answer, type=DirectorAnswer).ipvs
    except msgspec.DecodeError:
        return None


async def _ask(path: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=2**20)
    try:
        writer.write(msgspec.json.encode(Ask("ipvs")) + b"\n")
        received = bytearray()
        while piece := await reader.read(2**20):
            received += piece
            if len(received) > _LONGEST:
                raise OSError("its answer does not end")
        return bytes(received)
    finally:
        writer.transport.abort()
