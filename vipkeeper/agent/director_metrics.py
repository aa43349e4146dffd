"""The metrics of virtual servers: what the director says, asked for at each scrape.

Rules of this file: a director that is stuck or gone holds up a scrape for a moment and no longer, and that is
a metric. Its text (4 MB for a thousand virtual servers of four real servers) is handed on as it is: to decode
it would hold the interpreter, and the loop that renews leases with it, for 0.1 s, in a thread as well. The
loop does not even copy it, which takes 8 ms.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from vipkeeper.model.director_files import DIRECTOR_SOCKET
from vipkeeper.model.director_messages import METRICS_END, Ask

# A thousand virtual servers take it 0.3 s. Prometheus waits 10 s.
ASK_WITHIN_S = 2.0
_PIECE = 2**18
_LONGEST = 64 * 2**20


class DirectorScrape(msgspec.Struct, frozen=True):
    """`pieces`: what it said, as it came; nothing, if it did not end in time."""

    restarts: int
    pieces: tuple[bytes, ...]


async def scrape_director(run_dir: str, restarts: int, *, within_s: float = ASK_WITHIN_S) -> DirectorScrape:
    """Ask it. It never raises."""
    try:
        async with asyncio.timeout(within_s):
            return DirectorScrape(restarts, await _ask(Path(run_dir) / DIRECTOR_SOCKET))
    except (OSError, TimeoutError):
        return DirectorScrape(restarts, ())


def director_text(scrape: DirectorScrape) -> bytes:
    """What a scrape reads, behind the agent's own metrics. For a thread."""
    from vipkeeper.agent.metric_families import counter, gauge, text_of

    text = b"".join(scrape.pieces)
    whole = text.endswith(METRICS_END + b"\n")  # an answer is a line
    up = gauge(
        "director_up",
        "1 if the process that keeps virtual servers answered this scrape, else 0. Without it the kernel "
        "goes on as it was, and nobody is checked.",
        (),
        (((), float(whole)),),
    )
    restarts = counter(
        "director_restarts",
        "How often that process ended by itself and was started again.",
        (),
        (((), scrape.restarts),),
    )
    return text_of((up, restarts)) + (text if whole else b"")


async def _ask(path: Path) -> tuple[bytes, ...]:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=_PIECE)
    try:
        writer.write(msgspec.json.encode(Ask("metrics")) + b"\n")
        pieces, size = [], 0
        while piece := await reader.read(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > _LONGEST:
                raise OSError("its answer does not end")
        return tuple(pieces)
    finally:
        writer.transport.abort()
