"""How an address looks in the kernel beyond what it is: label, broadcast address, scope, the other end.

Rules of this file: plain values; what the kernel fills in by itself is the empty value, so that an address
without a word of its own compares equal to what is read back.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class AddressOptions(msgspec.Struct, frozen=True):
    """Of one address. IPv6 addresses have a `peer` alone: the kernel knows nothing else of them."""

    broadcast: str = ""
    label: str = ""
    scope: int = 0  # as rtnetlink numbers it: 0 is global
    peer: str = ""  # of a point-to-point link


PLAIN = AddressOptions()


# Beyond one second each, because a Linux neighbour ignores some changes of an entry that is younger than that
# (its locktime).
REPEAT_INTERVAL_S = 1.1
REPEATS = 4
USUAL_STEPS = ((0.0, 1), *((REPEAT_INTERVAL_S, 1),) * REPEATS)


class AnnouncementPattern(msgspec.Struct, frozen=True):
    """How often an address is announced.

    `steps`: how many announcements how long after the step before. `refresh_s` None: what the agent does of
    itself; 0: never again. `interval_s` is the least time between this and the next one on its interface.
    """

    steps: tuple[tuple[float, int], ...]
    refresh_s: float | None = None
    refresh_count: int = 1
    interval_s: float = 0.0


class AddressSettings(msgspec.Struct, frozen=True):
    """What the configuration says of addresses, by their text. Those that are not listed are plain."""

    options: Mapping[str, AddressOptions] = {}
    patterns: Mapping[str, AnnouncementPattern] = {}
    lower_priority: Mapping[str, AnnouncementPattern] = {}  # when a lesser master was heard
