"""Keeps Linux from removing other people's addresses along with one of ours.

The first IPv4 address of a network on an interface is its primary one, and the kernel removes all others of
that network with it. A VIP with a configured prefix may be the first: a host whose own address comes by DHCP
gets it later. With promote_secondaries the next one becomes primary instead. Most distributions set it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from vipkeeper.model.vips import VipAddress

_SETTINGS = Path("/proc/sys/net/ipv4/conf")
_HOST_LENGTH = 32


def keep_secondaries(vips: Iterable[VipAddress]) -> None:
    """Switch promotion on for the interfaces where these addresses need it.

    Where /proc/sys is read-only (a container) it stays as it is: to serve matters more.
    """
    interfaces = {vip.interface for vip in vips if vip.version == 4 and vip.prefix_length < _HOST_LENGTH}
    if not interfaces or _is_on("all"):
        return
    for name in interfaces:
        if not _is_on(name):
            with contextlib.suppress(OSError):
                _setting(name).write_text("1\n", encoding="ascii")


def _setting(name: str) -> Path:
    return _SETTINGS / name / "promote_secondaries"


def _is_on(name: str) -> bool:
    try:
        return _setting(name).read_text(encoding="ascii").strip() != "0"
    except OSError:
        return False
