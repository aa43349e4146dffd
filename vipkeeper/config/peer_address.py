"""`ADDRESS:PORT` at which a node answers directly.

Rules of this file: pure text; IPv6 stands in brackets where a port follows.
"""

from __future__ import annotations

import ipaddress

import msgspec

DEFAULT_PORT = 7480


class PeerAddress(msgspec.Struct, frozen=True):
    address: str
    port: int

    @classmethod
    def parse(cls, text: str) -> PeerAddress:
        """`ADDRESS`, `ADDRESS:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`. ValueError for anything else."""
        if text.startswith("["):
            address, bracket, port = text[1:].partition("]")
            if not bracket or (port and not port.startswith(":")):
                raise ValueError(text)
            port = port[1:]
        elif text.count(":") == 1:
            address, _, port = text.partition(":")
        else:
            address, port = text, ""
        number = int(port) if port else DEFAULT_PORT
        if not 0 < number < 65536 or (port and not (port.isascii() and port.isdigit())):
            raise ValueError(text)
        return cls(str(ipaddress.ip_address(address)), number)

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def parse_listen(text: str) -> PeerAddress | None:
    """The same where a port has to be written. None for anything else."""
    try:
        own = PeerAddress.parse(text)
    except ValueError:
        return None
    return own if text.endswith(f":{own.port}") and (text.startswith("[") or text.count(":") == 1) else None
