"""A program of the operator: what is run, as whom, and why it may not be; and how a run ended.

Rules of this file: plain values; unknown is a value, so a run that could not be started has an outcome too.
"""

from __future__ import annotations

import enum
import signal

import msgspec


class Account(msgspec.Struct, frozen=True):
    """Whom a program runs as. `groups` are all of its groups, the first one included."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


class Program(msgspec.Struct, frozen=True):
    """One program with its arguments, as it was found when the configuration was read.

    `refused` says why it may not run and what to do about it, "" if it may. `warning` says what
    `enable_script_security` would refuse.
    """

    text: str  # as configured
    argv: tuple[str, ...]  # begins with the whole path, if it was found
    account: Account | None
    secure: bool = False  # enable_script_security
    refused: str = ""
    warning: str = ""


class Ending(enum.Enum):
    """How a run ended."""

    EXITED = "exited"
    KILLED = "killed"  # by a signal that was not ours
    TIMED_OUT = "timed-out"
    NOT_STARTED = "not-started"


class Outcome(msgspec.Struct, frozen=True):
    """What is known of one run. `code` is the exit code, or the number of the signal."""

    ending: Ending
    code: int = 0
    output: str = ""  # the last of what it wrote, both streams
    detail: str = ""  # of a run that took too long or was not started

    @property
    def succeeded(self) -> bool:
        return self.ending is Ending.EXITED and self.code == 0

    @property
    def explained(self) -> str:
        """For people: how it ended, without what it wrote."""
        if self.ending is Ending.EXITED:
            return f"exit code {self.code}"
        if self.ending is Ending.KILLED:
            return f"killed by {_signal_name(self.code)}"
        return self.detail


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # of real time: only the first and the last have names
        return f"signal {number}"
