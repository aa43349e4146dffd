"""The words behind `lvs_sync_daemon` and `lvs_timeouts`.

Rules of this file: keepalived's: what is wrong about an option costs that option. Afterwards the values are
pairs of a name and a value; those of the daemon begin with its interface: `("interface", "eth0", "id", 7)`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator

import msgspec

from vrrp_compat.keepalived_conf.digits import LARGEST_PORT, number_within
from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.statements import Remark
from vrrp_compat.keepalived_conf.understood import Block, Setting, Value

_MONTH_S = 31 * 24 * 3600
_LONGEST_NAME = 15
_TIMEOUTS = {"tcp": (0, _MONTH_S), "tcpfin": (0, _MONTH_S), "udp": (0, _MONTH_S)}
_SYNC = {"id": (0, 255), "maxlen": (1, 65507), "port": (1, LARGEST_PORT), "ttl": (1, 255)}
_INSTANCE, _OLD_ID = 0, 1  # where these may stand behind the interface without a word before them

_Say = Callable[[str, str], None]


def judge_ipvs_words(blocks: Iterable[Block], remarks: list[Remark]) -> tuple[Block, ...]:
    """All blocks, with typed values behind these two keywords of global_defs."""
    return tuple(_typed(block, remarks) if block.keyword == "global_defs" else block for block in blocks)


def _typed(block: Block, remarks: list[Remark]) -> Block:
    readers = {"lvs_sync_daemon": _sync_daemon, "lvs_timeouts": _timeouts}
    settings = []
    for setting in block.settings:
        reader = readers.get(setting.keyword)
        if reader is None:
            settings.append(setting)
            continue
        say = _saying(setting, remarks)
        pairs = dict(reader([str(value) for value in setting.values], say))
        if pairs:
            values = tuple(value for pair in pairs.items() for value in pair)
            settings.append(msgspec.structs.replace(setting, values=values))
    return msgspec.structs.replace(block, settings=tuple(settings))


def _saying(setting: Setting, remarks: list[Remark]) -> _Say:
    def say(wrong: str, fix: str) -> None:
        remarks.append(mistake(setting.statement, wrong, fix))

    return say


def _timeouts(words: list[str], say: _Say) -> Iterator[tuple[str, Value]]:
    if len(words) < 2:
        say("it is left out: no time is behind it", "write tcp, tcpfin or udp, and seconds")
        return
    rest = iter(words)
    for word in rest:
        if word in _TIMEOUTS:
            yield from _number(word, next(rest, ""), _TIMEOUTS[word], say)
        else:
            say(f"{word!r} is no option of it", "write tcp, tcpfin or udp")


def _sync_daemon(words: list[str], say: _Say) -> Iterator[tuple[str, Value]]:
    interface, *options = words
    if len(interface) > _LONGEST_NAME:
        say(f"it is left out: no interface has a name like {interface}", "correct it")
        return
    yield "interface", interface
    rest = iter(enumerate(options))
    for position, word in rest:
        if word == "inst":
            yield "inst", next(rest, (0, ""))[1]
        elif word in _SYNC:
            yield from _number(word, next(rest, (0, ""))[1], _SYNC[word], say)
        elif word == "group":
            yield from _group(next(rest, (0, ""))[1], say)
        elif position == _INSTANCE:
            yield "inst", word
        elif position == _OLD_ID:
            for name, number in _number("id", word, _SYNC["id"], say):
                say("a number alone is out of date", f"write id {number}")
                yield name, number
        else:
            say(f"{word!r} is no option of it", "remove it")


def _number(name: str, text: str, bounds: tuple[int, int], say: _Say) -> Iterator[tuple[str, Value]]:
    least, most = bounds
    number = number_within(text, least, most)
    if number is not None:
        yield name, number
    else:
        say(f"{text or 'nothing'} behind {name} is no number from {least} to {most}", "correct it")


def _group(text: str, say: _Say) -> Iterator[tuple[str, Value]]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        say(f"{text or 'nothing'} behind group is no IP address", "correct it")
        return
    if address.is_multicast:
        yield "group", str(address)
    else:
        say(f"{address} is no multicast group", "correct it")
