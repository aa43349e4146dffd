"""One entry of a virtual server group as it is written: `192.0.2.80 80`, `192.0.2.90-95 443`.

Rules of this file: pure; a text that means nothing raises `WordError`. An entry is not spread out before
somebody asks for its addresses: a network can hold very many.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

import msgspec

from vipkeeper.config.words import WordError

# Each address is a virtual server with all real servers in the kernel's table.
MOST_ADDRESSES = 65536
_PORT = re.compile("[0-9]{1,9}")  # int() refuses thousands of digits
_FORMS = "write ADDRESS PORT, FIRST-LAST PORT or NETWORK/LENGTH PORT"


class GroupEntry(msgspec.Struct, frozen=True):
    """Some addresses that follow each other, and a port for all of them."""

    version: int
    first: int
    count: int
    port: int

    def addresses(self) -> Iterator[str]:
        """Canonical text of each."""
        return (self._text(number) for number in range(self.first, self.first + self.count))

    @property
    def ends(self) -> tuple[str, str]:
        """Canonical text of the first one and the last one."""
        return self._text(self.first), self._text(self.first + self.count - 1)

    def _text(self, number: int) -> str:
        return str(ipaddress.IPv4Address(number) if self.version == 4 else ipaddress.IPv6Address(number))


def read_group_entry(text: str) -> GroupEntry:
    """Without a port it is 0: all of them."""
    words = text.split()
    if not 1 <= len(words) <= 2:
        raise WordError(f'"{text}" is no address and port', _FORMS)
    if "%" in words[0]:
        raise WordError(
            f"{words[0]} names an interface, which IPVS does not take", "leave out % and what follows"
        )
    port = _port(words[1]) if len(words) == 2 else 0
    if "/" in words[0]:
        return _network(words[0], port)
    first, dash, last = words[0].partition("-")
    begin = _address(first)
    end = _last(begin, last) if dash else begin
    count = int(end) - int(begin) + 1
    if count < 1:
        raise WordError(f"{end} comes before {begin}", "write the lower address first")
    return _of_size(GroupEntry(begin.version, int(begin), count, port), text)


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise WordError(f'"{text}" is no port', "write a number from 0 to 65535")
    return int(text)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise WordError(f'"{text}" is no address', _FORMS) from None


def _last(
    first: ipaddress.IPv4Address | ipaddress.IPv6Address, text: str
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The end of a range: an address, or what stands in place of the last number of the first one."""
    sign, base = (".", 10) if first.version == 4 else (":", 16)
    if sign not in text:
        size = 256 if first.version == 4 else 65536
        try:
            number = int(text, base)
        except ValueError:
            number = -1
        if not 0 <= number < size or not text.isalnum():
            raise WordError(f'"{text}" cannot end a range', "write an address, or only its last number")
        return first + (number - int(first) % size)
    last = _address(text)
    if last.version != first.version:
        raise WordError(f"{first} and {last} are not of one IP version", "make two entries of it")
    return last


def _network(text: str, port: int) -> GroupEntry:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        near = _enclosing_network(text)
        if near is None:
            raise WordError(f'"{text}" is no network', _FORMS) from None
        raise WordError(f"{text} has bits set after its network", f"write {near}") from None
    entry = GroupEntry(network.version, int(network.network_address), network.num_addresses, port)
    return _of_size(entry, text)


def _enclosing_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _of_size(entry: GroupEntry, text: str) -> GroupEntry:
    if entry.count > MOST_ADDRESSES:
        raise WordError(
            f'"{text}" holds {entry.count} addresses, and each would be a virtual server',
            f"write at most {MOST_ADDRESSES}, or mark the packets and write a firewall mark",
        )
    return entry
