"""Addresses of virtual and real servers as they are written, and as all of vipkeeper writes them.

Rules of this file: pure. One address stands in many tables, and reading one takes 10 us, so what was read is
remembered.
"""

from __future__ import annotations

import functools
import ipaddress

_REMEMBERED = 16384


@functools.lru_cache(maxsize=_REMEMBERED)
def read_address(text: str) -> str | None:
    """Canonical text of an address; None if it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def canonical(text: str) -> str:
    """Of an address that was accepted."""
    return read_address(text) or text


@functools.lru_cache(maxsize=_REMEMBERED)
def why_no_server(text: str) -> str | None:
    """Why no server can have this address, in words; None if one can."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return f'"{text}" is no address'
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return f"{text} names an interface, which IPVS does not take"
        if address.ipv4_mapped is not None:
            return f"{text} is {address.ipv4_mapped} in IPv6 form"
    if address.is_unspecified or address.is_multicast:
        return f"{text} is no address of one host"
    return None
