"""Addresses of virtual and real servers as they are written, and as all of vipkeeper writes them.

Rules of this file: pure. A large file has thousands of addresses; `ipaddress` takes 10 us for one, so that
those of the usual form are told by a regular expression, in 1 us.
"""

from __future__ import annotations

import ipaddress
import re

import msgspec

# Of one host, and canonical as it stands: the first number from 1 to 223, none with a zero before it.
_USUAL_IPV4 = re.compile(
    r"(?:[1-9]|[1-9][0-9]|1[0-9]{2}|2[01][0-9]|22[0-3])"
    r"(?:\.(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])){3}"
)


class ServerAddress(msgspec.Struct, frozen=True):
    """One address in its canonical text, and why no server can have it; empty: one can."""

    text: str
    why_not: str = ""


def read_server(text: str) -> ServerAddress:
    """What stands there, good or not."""
    if _USUAL_IPV4.fullmatch(text):
        return ServerAddress(text)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ServerAddress(text, f'"{text}" is no address')
    return ServerAddress(str(address), _why_not(address, text))


def _why_not(address: ipaddress.IPv4Address | ipaddress.IPv6Address, text: str) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return f"{text} names an interface, which IPVS does not take"
        if address.ipv4_mapped is not None:
            return f"{text} is {address.ipv4_mapped} in IPv6 form"
    if address.is_unspecified or address.is_multicast:
        return f"{text} is no address of one host"
    return ""


def read_address(text: str) -> str | None:
    """Canonical text of an address, whoever may have it; None if it is none."""
    if _USUAL_IPV4.fullmatch(text):
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def canonical(text: str) -> str:
    """Of an address that was accepted."""
    return read_address(text) or text
