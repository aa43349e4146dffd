"""What who asks at the director's socket is told.

Rules of this file: one line of JSON each way; nothing that is asked for raises. Between two pieces of a long
answer checks go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from vipkeeper.director.director import Director
from vipkeeper.director.long_work import LongWork
from vipkeeper.director.server_metrics import metrics_of
from vipkeeper.model.director_messages import Ask, DirectorAnswer


async def answer_to(
    line: bytes, director: Director, processor_s: Callable[[], float] = time.thread_time
) -> bytes:
    """The answer to one request."""
    work = LongWork(processor_s)
    try:
        request = msgspec.json.decode(line, type=Ask)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.encode(DirectorAnswer(error='send one line of JSON: {"ask": "ipvs"}'))
    match request.ask:
        case "ipvs":
            answer = DirectorAnswer(ipvs=await director.report(work))
        case "metrics":
            return await _metrics(director, work)
        case "drain":
            answer = director.drain(request.server)
        case "undrain":
            answer = director.undrain(request.server)
        case _:
            known = "this director knows nothing but ipvs, metrics, drain and undrain"
            answer = DirectorAnswer(error=f"{known}; use its own version of vipkeeper")
    return msgspec.json.encode(answer)


async def _metrics(director: Director, work: LongWork) -> bytes:
    pieces = []
    for piece in metrics_of(await director.report(work)):
        pieces.append(piece)
        await work.pause()
    return b"".join(pieces)
