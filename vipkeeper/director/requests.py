"""What who asks at the director's socket is told.

Rules of this file: one line of JSON each way; nothing that is asked for raises.
"""

from __future__ import annotations

import msgspec

from vipkeeper.director.director import Director
from vipkeeper.model.director_messages import Ask, DirectorAnswer


def answer_to(line: bytes, director: Director) -> bytes:
    """The answer to one request."""
    try:
        request = msgspec.json.decode(line, type=Ask)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.encode(DirectorAnswer(error='send one line of JSON: {"ask": "ipvs"}'))
    match request.ask:
        case "ipvs":
            answer = DirectorAnswer(ipvs=director.report())
        case "drain":
            answer = director.drain(request.server)
        case "undrain":
            answer = director.undrain(request.server)
        case _:
            known = (
                "this director knows nothing but ipvs, drain and undrain; use its own version of vipkeeper"
            )
            answer = DirectorAnswer(error=known)
    return msgspec.json.encode(answer)
