"""One DNS question and its answer, as packets (RFC 1035, section 4).

Rules of this file: pure. A check needs the header and the question alone, so there is no library for it: what
an answer's records say is not judged.
"""

from __future__ import annotations

import struct

from vipkeeper.health.checkers.results import Failed
from vipkeeper.model.dns_names import encoded_name

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28}

_HEADER = struct.Struct("!HHHHHH")  # id, flags, and how many questions, answers, authorities, additionals
_INTERNET = 1
_RESPONSE = 0x8000
_TRUNCATED = 0x0200
_RECURSION_DESIRED = 0x0100
_RCODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


def question(number: int, name: str, kind: str) -> bytes:
    """One packet. Raises ValueError for what is no domain name."""
    header = _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0)
    return header + encoded_name(name) + struct.pack("!HH", TYPES[kind], _INTERNET)


def answer_found(asked: bytes, packet: bytes) -> str | None:
    """What was answered, in words, or None: that packet is not the answer. Raises Failed for an error."""
    if len(packet) < _HEADER.size:
        return None
    number, flags, questions, answers, _, _ = _HEADER.unpack_from(packet)
    if number != _HEADER.unpack_from(asked)[0] or not flags & _RESPONSE:
        return None
    # A server that refuses may leave the question out (RFC 9018, and BIND on FORMERR); else it is ours.
    own = asked[_HEADER.size :]
    if questions and packet[_HEADER.size : _HEADER.size + len(own)].lower() != own.lower():
        return None
    rcode = flags & 0xF
    if rcode:
        raise Failed(f"it answers {_RCODES.get(rcode, f'rcode {rcode}')}")
    records = "1 record" if answers == 1 else f"{answers} records"
    return f"{records}, truncated" if flags & _TRUNCATED else records
