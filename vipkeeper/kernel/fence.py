"""What a packet fence does: the kernel stops answering for an address at its deadline, without us."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Protocol

from vipkeeper.model.host import Link

# The deadline of an earlier process holds for this address: in force in the kernel, but known to nobody.
INHERITED_S = math.inf


class Fence(Protocol):
    """One packet fence of a network namespace. An address without an entry is not touched by it."""

    note: str  # what could not be kept of an earlier process, for people

    def attach(self, link: Link) -> None:
        """Fence one interface. Raises KernelRefused or MissingPrivilege."""
        ...

    def is_attached(self, link: Link) -> bool:
        """Whether the kernel has the whole fence on this interface."""
        ...

    def detach(self, link: Link) -> None:
        """Take the fence off one interface."""
        ...

    def set_deadlines(self, deadlines: Mapping[str, float]) -> None:
        """Write deadlines (CLOCK_BOOTTIME, seconds), in order. Raises KernelRefused."""
        ...

    def forget(self, addresses: Iterable[str]) -> None:
        """Stop fencing these addresses."""
        ...

    def deadlines(self, now_s: float) -> dict[str, float]:
        """Every entry, read from the kernel after `now_s`.

        CLOSED_S for one that has ended, INHERITED_S for one that cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of it. Where it is attached it stays in force."""
        ...
