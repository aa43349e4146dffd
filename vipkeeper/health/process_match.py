"""Whether a process is one of those that are tracked.

Rules of this file: pure; the command line comes in as the kernel has it, parted by zero bytes.
"""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath

import msgspec

from vipkeeper.config.track_schema import TrackProcess

_COMM_LENGTH = 15  # the kernel keeps no more of a name (TASK_COMM_LEN without the closing zero)


class ProcessPattern(msgspec.Struct, frozen=True):
    """What `process`, `param_match` and `full_command` ask for."""

    name: str
    arguments: tuple[str, ...]
    param_match: str
    full_command: bool

    @property
    def by_name_alone(self) -> bool:
        """Whether the short name that the kernel keeps is enough to tell."""
        return not self.full_command and self.param_match == "none"

    def matches(self, comm: str, command_line: bytes) -> bool:
        """`comm`: the kernel's short name. A kernel thread has no command line."""
        words = command_line.decode(errors="replace").split("\0")[:-1] if command_line else []
        if self.full_command:
            named = bool(words) and words[0] == self.name
        else:
            named = comm == PurePosixPath(self.name).name[:_COMM_LENGTH]
        return named and self._arguments_match(words[1:])

    def _arguments_match(self, found: list[str]) -> bool:
        wanted = list(self.arguments)
        if self.param_match == "none":
            return True
        if self.param_match == "exact":
            return found == wanted
        if len(found) < len(wanted):
            return False
        if self.param_match == "partial" and wanted:
            *whole, last = wanted
            return found[: len(whole)] == whole and found[len(whole)].startswith(last)
        return found[: len(wanted)] == wanted


def pattern_of(settings: TrackProcess) -> ProcessPattern:
    """What to look for. Quotes hold words together."""
    try:
        words = shlex.split(settings.process)
    except ValueError:
        words = settings.process.split()
    name, *arguments = words or [settings.process]
    return ProcessPattern(name, tuple(arguments), settings.param_match, settings.full_command)
