"""Names of instances and groups as names of VIPs: the store and `ls` take fewer characters than keepalived.

Rules of this file: one name of theirs is one name of ours, and the same one wherever that is possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from vipkeeper.config.name_rules import LONGEST_NAME

_NOT_TAKEN = re.compile(r"[^A-Za-z0-9._-]+")


def fitting_names(names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """By name in keepalived.conf: the name that is used, of which none is in `taken`."""
    used = set(taken)
    fitting: dict[str, str] = {}
    for name in names:
        wanted = _NOT_TAKEN.sub("_", name)[:LONGEST_NAME]
        if not wanted.strip("."):
            wanted = "vip"
        free, number = wanted, 2
        while free in used:
            suffix = f"-{number}"
            free, number = wanted[: LONGEST_NAME - len(suffix)] + suffix, number + 1
        used.add(free)
        fitting[name] = free
    return fitting
