"""Lines of `unicast_peer`, and of lists of names.

Rules of this file: as in `address_lines.py`.
"""

from __future__ import annotations

import ipaddress

import msgspec

from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.statements import Remark, Statement
from vrrp_compat.keepalived_conf.understood import Value

_OPTIONS = ("min_ttl", "max_ttl")
_LARGEST_TTL = 255


class PeerLine(msgspec.Struct, frozen=True):
    """What a line means. Without an address it is left out."""

    address: str
    version: int = 4
    values: tuple[Value, ...] = ()
    remarks: tuple[Remark, ...] = ()


def read_peer(line: Statement, family: int | None) -> PeerLine:
    """One peer. `family` is that of the instance, as far as it is known by then."""
    text = line.keyword.text
    try:
        address = ipaddress.ip_address(text.partition("/")[0])
    except ValueError:
        return PeerLine(
            "", remarks=(mistake(line, "it is left out: it is no IP address", "write addresses"),)
        )
    if family is not None and address.version != family:
        wrong = f"it is left out: the instance is one of IPv{family}"
        return PeerLine("", remarks=(mistake(line, wrong, "write an address of that family"),))
    ttls: dict[str, int] = {}
    remarks: list[Remark] = []
    words = iter(line.words)
    for word in words:
        value = next(words, None)
        if value is None:
            remarks.append(
                mistake(line, f"{word.text!r} counts for nothing", "one address a line", word.place)
            )
        elif word.text not in _OPTIONS:
            remarks.append(mistake(line, f"{word.text!r} is no option of a peer", "remove it", word.place))
            break
        elif not value.text.isdigit() or int(value.text) > _LARGEST_TTL:
            wrong = f"{value.text} is not between 0 and {_LARGEST_TTL}"
            remarks.append(mistake(line, wrong, "the option counts for nothing", value.place))
        else:
            ttls[word.text] = int(value.text)
    if ttls.get("min_ttl", 0) > ttls.get("max_ttl", _LARGEST_TTL):
        remarks.append(mistake(line, "no packet can be that far away and that near", "exchange the two"))
    values = tuple(value for pair in ttls.items() for value in pair)
    return PeerLine(str(address), address.version, values, tuple(remarks))
