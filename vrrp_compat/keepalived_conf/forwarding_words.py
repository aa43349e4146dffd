"""The words behind `lvs_method`: how packets get to a real server.

Rules of this file: keepalived's; the method counts also where what follows it does not.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from vrrp_compat.keepalived_conf.digits import LARGEST_PORT, number_within
from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.statements import Remark
from vrrp_compat.keepalived_conf.understood import Setting, Value

_TUNNELS = ("ipip", "gue", "gre")
_CHECKSUMS = ("nocsum", "csum", "remcsum")


class Forwarding(msgspec.Struct, frozen=True):
    """A method; of TUN, what packets are wrapped in."""

    method: str = "NAT"
    tunnel: str = "ipip"
    port: int = 0
    checksum: str = "nocsum"

    @property
    def values(self) -> tuple[Value, ...]:
        """As the values of a setting."""
        if self.method != "TUN":
            return (self.method,)
        return (self.method, self.tunnel, self.port, self.checksum)


def read_forwarding(setting: Setting, before: Forwarding) -> tuple[Forwarding, tuple[Remark, ...]]:
    """What a line says. `before` has the tunnel that stays if this one's does not count."""
    method, *options = map(str, setting.values)
    try:
        return _with_options(method, iter(options)), ()
    except _Unfit as unfit:
        fix = "correct it; the tunnel is the one that it would be without this line"
        kept = msgspec.structs.replace(before, method=method)
        return kept, (mistake(setting.statement, str(unfit), fix),)


class _Unfit(Exception):
    """Options that keepalived reports, and does not take."""


def _with_options(method: str, words: Iterator[str]) -> Forwarding:
    tunnel, port, checksum = "ipip", 0, "nocsum"
    for word in words:
        if word == "type":
            tunnel = next(words, "")
            if tunnel not in _TUNNELS:
                raise _Unfit(f"there is no tunnel of type {tunnel or 'nothing'}")
        elif word == "port":
            port = _port(next(words, ""))
        elif word in _CHECKSUMS:
            checksum = word
        else:
            raise _Unfit(f"{word!r} is no option of it")
    if (tunnel == "gue") != (port != 0):
        raise _Unfit("a tunnel of type gue has a port, and others have none")
    if (tunnel, checksum != "nocsum") == ("ipip", True) or (tunnel, checksum) == ("gre", "remcsum"):
        raise _Unfit(f"a tunnel of type {tunnel} has no {checksum}")
    return Forwarding(method, tunnel, port, checksum)


def _port(text: str) -> int:
    port = number_within(text, 1, LARGEST_PORT)
    if port is None:
        raise _Unfit(f"{text or 'nothing'} is no port")
    return port
