"""What programs, a FIFO and mail need of anything that is told, whatever it is about.

Rules of this file: a surface. What is told of VIPs and sync groups is in `notification.py`, of virtual and
real servers in `server_notification.py`.
"""

from __future__ import annotations

from typing import Protocol

from vipkeeper.config.notify_schema import NotifyScript

# What is told of the same one is told one after the other: what it is in a word, and its name.
Turn = tuple[str, str]


class Telling(Protocol):
    """One thing to tell, with the settings that held when it happened."""

    @property
    def turn(self) -> Turn:
        """Whose other programs have to end before."""
        ...

    @property
    def name(self) -> str:
        """Whom it is about."""
        ...

    @property
    def word(self) -> str:
        """The state, as programs and the FIFO hear it."""
        ...

    @property
    def ends(self) -> bool:
        """Whether it is the last one: it is told although the agent ends, and has little time for it."""
        ...

    @property
    def repeats(self) -> bool:
        """Whether one that waits to be told says all that the next one of its kind would."""
        ...

    @property
    def timeout_s(self) -> float:
        """How long each program may take."""
        ...

    def fifo_line(self) -> bytes:
        """As keepalived writes it."""
        ...

    def programs(self) -> list[tuple[NotifyScript, tuple[str, ...]]]:
        """Those that are to be run, in this order, each with what is added to its arguments."""
        ...

    def environment(self) -> dict[str, str]:
        """What a program is told beside its arguments."""
        ...
