"""What was told and what was not, for metrics.

Rules of this file: a value.
"""

from __future__ import annotations

import msgspec


class NotifyCounts(msgspec.Struct, frozen=True):
    """For metrics: since the start of the agent, but for what waits."""

    scripts_run: int = 0
    scripts_failed: int = 0
    scripts_left_out: int = 0
    scripts_waiting: int = 0
    fifo_lost: int = 0
    mails_sent: int = 0
    mails_given_up: int = 0
    mails_waiting: int = 0
