"""The line that opens a `virtual_server`, and those of a `virtual_server_group`.

Rules of this file: as in `address_lines.py`.
"""

from __future__ import annotations

import ipaddress
import re

import msgspec

from vrrp_compat.keepalived_conf.digits import LARGEST_PORT, number_within
from vrrp_compat.keepalived_conf.keyword_reading import EXIT_MISSING_WORD, mistake, warning
from vrrp_compat.keepalived_conf.service_settings import FAMILIES
from vrrp_compat.keepalived_conf.statements import Remark, Severity, Statement
from vrrp_compat.keepalived_conf.understood import Value

LARGEST_MARK = 2**32 - 1
_WORDS = 2
_MOST_RANGE = {4: 0xFF, 6: 0xFFFF}
_LAST_PART = {4: re.compile("[+]?[0-9]+"), 6: re.compile("[+]?(?:0[xX])?[0-9A-Fa-f]+")}  # as strtoul reads it


class ServiceLine(msgspec.Struct, frozen=True):
    """What a line means. Without values, what it opens or stands for is left out.

    Of a virtual server: `("192.0.2.1", 80)`, `("fwmark", 3)` or `("group", "web")`. Of an entry of a group:
    first address, last address and port, or `("fwmark", 3, "inet6")`.
    """

    values: tuple[Value, ...] | None
    remarks: tuple[Remark, ...] = ()


def read_service_line(statement: Statement, words: tuple[Value, ...]) -> ServiceLine:
    """The line of a virtual server; `words` are those behind its keyword."""
    first, *rest = map(str, words)
    remarks: tuple[Remark, ...] = ()
    if len(rest) > 1:
        wrong = f"{' '.join(rest[1:])!r} behind it counts for nothing"
        remarks = (warning(statement, wrong, "remove it", statement.words[_WORDS].place),)
    second = rest[0] if rest else ""
    if first in {"fwmark", "group"}:
        if not second:
            wrong = f"a word is missing behind {first}"
            fix = "write it: keepalived ends when it comes to it"
            keyword = statement.keyword
            fatal = Remark(keyword.place, Severity.FATAL, keyword.text, wrong, fix, EXIT_MISSING_WORD)
            return ServiceLine(None, (fatal,))
        if first == "group":
            return ServiceLine((first, second), remarks)
        mark = number_within(second, 1, LARGEST_MARK)
        if not mark:
            wrong = f"it is left out: {second!r} is no firewall mark, 1 to {LARGEST_MARK}"
            return ServiceLine(None, (mistake(statement, wrong, "correct it"),))
        return ServiceLine((first, mark), remarks)
    port = number_within(second or "0", 0, LARGEST_PORT)
    if port is None:
        wrong = f"it is left out: {second!r} is no port"
        return ServiceLine(None, (mistake(statement, wrong, f"write a number up to {LARGEST_PORT}"),))
    return ServiceLine((first, port), remarks)


def read_group_line(line: Statement) -> ServiceLine:
    """One line of a virtual server group."""
    try:
        if line.keyword.text == "fwmark":
            return _mark(line)
        return _addresses(line)
    except _LeftOut as reason:
        return ServiceLine(None, (mistake(line, f"it is left out: {reason}", "correct or remove it"),))


class _LeftOut(Exception):
    """Why keepalived skips a line."""


def _mark(line: Statement) -> ServiceLine:
    words = [word.text for word in line.words]
    mark = number_within(words[0], 1, LARGEST_MARK) if words else None
    if not mark:
        raise _LeftOut(f"a firewall mark is a number from 1 to {LARGEST_MARK}")
    if len(words) == 1:
        return ServiceLine(("fwmark", mark))
    if words[1] not in FAMILIES:
        raise _LeftOut(f"{words[1]!r} is neither inet nor inet6")
    return ServiceLine(("fwmark", mark, words[1]))


def _addresses(line: Statement) -> ServiceLine:
    text = line.keyword.text
    port = number_within(line.words[0].text, 0, LARGEST_PORT) if line.words else 0
    if port is None:
        raise _LeftOut(f"{line.words[0].text!r} is no port")
    first = _address(text.partition("/")[0].partition("-")[0])
    if "/" in text:
        last = _end_of_network(text, first)
    elif "-" in text:
        last = _end_of_range(text.partition("-")[2], first)
    else:
        last = first
    remarks: tuple[Remark, ...] = ()
    if len(line.words) > 1:
        surplus = " ".join(word.text for word in line.words[1:])
        remarks = (warning(line, f"{surplus!r} behind it counts for nothing", "one entry a line"),)
    return ServiceLine((str(first), str(last), port), remarks)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(text: str) -> _Address:
    if "%" in text:
        raise _LeftOut(f"{text!r} names an interface, and keepalived takes no address with one")
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise _LeftOut(f"{text!r} is no IP address") from None


def _end_of_network(text: str, first: _Address) -> _Address:
    length = number_within(text.partition("/")[2], 1, first.max_prefixlen)
    if not length:
        raise _LeftOut(f"{text} has no prefix length between 1 and {first.max_prefixlen}")
    network = ipaddress.ip_network(f"{first}/{length}", strict=False)
    if network.network_address != first:
        raise _LeftOut(f"{text} has bits behind its prefix length: {network} is the network")
    return network.broadcast_address


def _end_of_range(text: str, first: _Address) -> _Address:
    """The end is an address, or its last part: the last byte of IPv4, the last 16 bits of IPv6."""
    if "." in text or ":" in text:
        last = _address(text)
        if last.version != first.version or last < first:  # type: ignore[operator]  # of one version by then
            raise _LeftOut(f"{text} does not come behind {first}")
        return last
    if not _LAST_PART[first.version].fullmatch(text):
        raise _LeftOut(f"{text!r} is no end of a range")
    number = int(text, 10 if first.version == 4 else 16)
    part = _MOST_RANGE[first.version]
    if not int(first) & part < number <= part:
        raise _LeftOut(f"{text} does not come behind {first}")
    return type(first)((int(first) & ~part) | number)
