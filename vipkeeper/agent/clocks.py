"""The agent's readings of the clocks.

CLOCK_BOOTTIME also runs while the machine is suspended, so a lease that ran out meanwhile is seen as such.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def boot_s() -> float:
    """CLOCK_BOOTTIME in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall() -> str:
    """RFC 3339 in UTC with milliseconds; for people, never for decisions."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
