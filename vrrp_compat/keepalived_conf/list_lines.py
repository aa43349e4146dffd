"""A line in a block that is a list.

Rules of this file: which reader knows the entries of which list, and what becomes of them.
"""

from __future__ import annotations

import msgspec

from vrrp_compat.keepalived_conf.address_lines import read_address
from vrrp_compat.keepalived_conf.keyword_reading import warning
from vrrp_compat.keepalived_conf.keywords.rows import Listing
from vrrp_compat.keepalived_conf.open_blocks import OpenBlock
from vrrp_compat.keepalived_conf.peer_lines import read_peer
from vrrp_compat.keepalived_conf.route_lines import read_route, read_rule
from vrrp_compat.keepalived_conf.service_lines import read_group_line
from vrrp_compat.keepalived_conf.statements import Remark, Statement
from vrrp_compat.keepalived_conf.track_lines import Definitions, read_track
from vrrp_compat.keepalived_conf.understood import Setting, Value


def read_list_line(block: OpenBlock, line: Statement, defined: Definitions) -> tuple[Remark, ...]:
    """Add what a line means to its block; the remarks about it."""
    match block.listing:
        case Listing.ADDRESSES:
            return _address(block, line)
        case Listing.PEERS:
            return _peer(block, line)
        case Listing.ROUTES | Listing.RULES:
            route = read_route(line) if block.listing is Listing.ROUTES else read_rule(line)
            if route.words:
                _add(block, line, route.words[0], route.words[1:])
            return route.remarks
        case Listing.NAMES:
            for word in (line.keyword, *line.words):
                _add(block, msgspec.structs.replace(line, keyword=word, words=(), raw=""), word.text, ())
            return ()
        case Listing.SERVICES:
            return _service(block, line)
        case Listing.WORDS | None:
            _add(block, line, line.keyword.text, tuple(word.text for word in line.words))
            return ()
        case listing:
            tracked = {setting.keyword for setting in block.settings}
            track = read_track(listing, line, defined, tracked)
            if track.values is not None:
                _add(block, line, line.keyword.text, track.values)
            return track.remarks


def _address(block: OpenBlock, line: Statement) -> tuple[Remark, ...]:
    advertised = block.row.keyword == "virtual_ipaddress"
    found = read_address(line, block.family if advertised else None)
    if not found.address:
        return found.remarks
    if advertised:
        block.family = found.version
    _add(block, line, found.address, found.options)
    return (*found.remarks, *_repeated(block, line))


def _peer(block: OpenBlock, line: Statement) -> tuple[Remark, ...]:
    found = read_peer(line, block.family)
    if not found.address:
        return found.remarks
    block.family = found.version
    _add(block, line, found.address, found.values)
    return (*found.remarks, *_repeated(block, line))


def _service(block: OpenBlock, line: Statement) -> tuple[Remark, ...]:
    found = read_group_line(line)
    if found.values is not None:
        _add(block, line, str(found.values[0]), found.values[1:])
    return found.remarks


def _repeated(block: OpenBlock, line: Statement) -> tuple[Remark, ...]:
    *others, last = block.settings
    if any(setting.keyword == last.keyword for setting in others):
        return (warning(line, "it is in this list already", "remove one"),)
    return ()


def _add(block: OpenBlock, line: Statement, first: str, values: tuple[Value, ...]) -> None:
    block.settings.append(Setting(first, values, line, block.row.fate))
