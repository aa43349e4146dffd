"""Domain names as DNS has them on the wire (RFC 1035, section 3.1).

Rules of this file: pure.
"""

from __future__ import annotations

_LONGEST_LABEL = 63
_LONGEST_NAME = 255


def encoded_name(name: str) -> bytes:
    """As labels. Raises ValueError for what is no domain name, and says why."""
    plain = name.removesuffix(".")
    encoded = b""
    for label in plain.split(".") if plain else ():
        octets = label.encode() if label.isascii() else label.encode("idna")
        if not 0 < len(octets) <= _LONGEST_LABEL:
            raise ValueError(f"{name} is no domain name: each label has 1 to {_LONGEST_LABEL} characters")
        encoded += bytes((len(octets),)) + octets
    if len(encoded) >= _LONGEST_NAME:
        raise ValueError(f"{name} is no domain name: it is longer than {_LONGEST_NAME - 2} characters")
    return encoded + b"\0"
