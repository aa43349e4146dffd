"""The sequence number of AH: one counter for each virtual router, shared by all routers, sent and heard.

Rules of this file: the time comes in as a value; a number is used once.
"""

from __future__ import annotations

# Above it keepalived counts no further.
LAST_SEQUENCE = 0xFFFF_FFFD


class AhSequence:
    """The highest number sent or heard so far.

    As in keepalived, a new master goes on where the former one stopped, and a packet uses up its number as
    soon as its check value is known to be good, even if it is discarded later: other receivers have counted
    it too, and would take a smaller number of ours for a replay. A packet without a good check value uses up
    nothing, or anybody could silence the group by one packet.

    Where we differ: keepalived begins at 1 in each process, so after a restart or a partition it is
    refused until it has caught up (measured: 3 to 7 s of two masters). We send no number below the current
    unix time in seconds. Version 2 sends about one advertisement a second, so that is ahead of whatever we
    sent before; receivers accept gaps. What was heard has no such floor: a keepalived that counts from 1 is
    believed until a greater number was heard or sent here.
    """

    def __init__(self, heard: int = 0) -> None:
        self._highest = heard

    @property
    def highest(self) -> int:
        """Worth keeping over a restart: what is not above it is a replay."""
        return self._highest

    def next(self, unix_time_s: int) -> int:
        """The number for one advertisement; all unicast copies share it."""
        clock = unix_time_s if 0 < unix_time_s < LAST_SEQUENCE else 1
        self._highest = clock if self._highest >= LAST_SEQUENCE else max(self._highest + 1, clock)
        return self._highest

    def accept(self, sequence: int) -> bool:
        """Whether a packet with a good check value is new; then its number is used up."""
        # At the end of the numbers everybody begins again, in 2106 or after a clock that was far ahead.
        if sequence <= self._highest < LAST_SEQUENCE:
            return False
        self._highest = sequence
        return True
