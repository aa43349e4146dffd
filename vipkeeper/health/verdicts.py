"""What is known of one tracked thing.

Rules of this file: plain values; unknown is one of them and never means "not well".
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import msgspec

from vipkeeper.config.tracking import TrackKind


class Verdict(enum.Enum):
    """Whether it is well."""

    UNKNOWN = "unknown"  # no first result yet
    WELL = "up"
    NOT_WELL = "down"
    IGNORED = "ignored"  # it could never be watched, so it counts for nothing, as with keepalived


class TrackKey(NamedTuple):
    """Which one: each kind has its own names."""

    kind: TrackKind
    name: str


class TrackState(msgspec.Struct, frozen=True):
    """One tracked thing now. `number` is what a file says; `detail` is why, for people."""

    verdict: Verdict = Verdict.UNKNOWN
    number: int = 0
    detail: str = ""
