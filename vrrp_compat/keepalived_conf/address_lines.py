"""Lines of `virtual_ipaddress`, `virtual_ipaddress_excluded` and `static_ipaddress`.

Rules of this file: keepalived's: what is wrong about an option costs the option, or the address, as measured.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence

import msgspec

from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.statements import Remark, Statement, Word

# Those that stand alone, and those with a word behind them.
ALONE = ("home", "-nodad", "mngtmpaddr", "noprefixroute", "autojoin", "no_track", "use_vmac")
WITH_A_WORD = ("dev", "scope", "label", "brd", "broadcast", "peer", "preferred_lft", "track_group")
_SCOPES = ("global", "site", "link", "host", "nowhere")


class AddressLine(msgspec.Struct, frozen=True):
    """What a line means: the address with its length, and its options. Without an address it is left out."""

    address: str
    version: int = 4
    options: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


class _CostsAddress(Exception):
    """An option that keepalived gives the whole address up for."""


def read_address(line: Statement, family: int | None) -> AddressLine:
    """One line. `family` is that of the instance where all addresses must be of one."""
    address, _, length = line.keyword.text.partition("/")
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return AddressLine(
            "", remarks=(mistake(line, "it is no IP address, so it is left out", "correct or remove it"),)
        )
    if family is not None and version != family:
        wrong = f"it is left out: the addresses that the instance advertises are of IPv{family}"
        fix = "move it to virtual_ipaddress_excluded, or to an instance of its own"
        return AddressLine("", remarks=(mistake(line, wrong, fix),))
    remarks: list[Remark] = []
    if length:
        most = 32 if version == 4 else 128
        if not length.isdigit() or int(length) > most:
            remarks.append(mistake(line, f"/{length} is no prefix length", f"/{most} counts instead"))
            length = str(most)
        address = f"{address}/{length}"
    try:
        options = tuple(_options(line, version, remarks.append))
    except _CostsAddress:
        return AddressLine("", remarks=tuple(remarks))
    return AddressLine(address, version, options, tuple(remarks))


def _options(line: Statement, version: int, remark: Callable[[Remark], None]) -> Iterator[str]:
    """The options that keepalived keeps."""
    position = 0
    while position < len(line.words):
        word = line.words[position]
        position += 1
        if word.text in ALONE:
            yield word.text
        elif word.text not in WITH_A_WORD:
            remark(
                mistake(line, f"{word.text!r} is no option of an address", "one address a line", word.place)
            )
        elif position == len(line.words):
            remark(
                mistake(line, f"it is left out: a word is missing behind {word.text}", "add it", word.place)
            )
            raise _CostsAddress
        else:
            yield from _with_a_word(line, version, (word, line.words[position]), remark)
            position += 1


def _with_a_word(
    line: Statement, version: int, words: Sequence[Word], remark: Callable[[Remark], None]
) -> Iterator[str]:
    option, value = (word.text for word in words)
    place = words[1].place
    if option in {"brd", "broadcast"}:
        if version == 6:
            remark(mistake(line, "it is left out: IPv6 has no broadcast", f"remove {option}", place))
            raise _CostsAddress
        if value not in {"+", "-"} and not _is_address(value):
            remark(mistake(line, f"it is left out: {value} is no address", "write brd +", place))
            raise _CostsAddress
        option = "brd"
    elif option in {"scope", "label"} and version == 6:
        remark(mistake(line, f"IPv6 addresses have no {option}", f"remove {option}", place))
        return
    elif option == "scope" and value not in _SCOPES and not (value.isdigit() and int(value) < 256):
        remark(mistake(line, f"{value} is no scope", f"write {', '.join(_SCOPES[:-1])}", place))
        return
    elif option == "peer" and not _is_address(value):
        remark(mistake(line, f"{value} is no address of a peer, so it has none", "write it alone", place))
        return
    elif option == "preferred_lft" and value not in {"forever", "0"} and not value.isdigit():
        remark(mistake(line, f"{value} is no time", "write a number of seconds, or forever", place))
        return
    yield option
    yield value


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
