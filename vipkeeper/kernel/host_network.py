"""What the agent needs of a host's kernel: the seam that the real one and the in-memory one implement.

Rules of this file: `read` is a fresh reading; `apply` returns when the kernel has answered; events say that
something may have changed, never what is true: the reader looks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from vipkeeper.changes.change_kinds import Applied, Change
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import FenceInForce, HostReading, Link
from vipkeeper.model.vips import VipAddress


class KernelChanged(msgspec.Struct, frozen=True):
    """Links, addresses or filters changed, or events were lost."""


class ForeignAnnouncement(msgspec.Struct, frozen=True):
    """Somebody else on the segment announced one of the watched addresses."""

    vip: VipAddress
    mac: str


HostEvent = KernelChanged | ForeignAnnouncement


class HostNetwork(Protocol):
    """One network namespace. Every method may raise MissingPrivilege."""

    def choose_fence(self, allowed: Iterable[FenceKind]) -> FenceInForce:
        """Put the strongest allowed fence in force, keeping the deadlines of an earlier process.

        Raises KernelRefused when none of them works.
        """
        ...

    def restore_fence(self) -> tuple[str, ...]:
        """Fence every interface that could answer; names of those where it was missing and is back.

        Raises KernelRefused when it cannot be put back.
        """
        ...

    def links(self) -> Mapping[str, Link]:
        """Every interface, by name; a fresh reading."""
        ...

    def read(self) -> HostReading:
        """Addresses and deadlines; a fresh reading."""
        ...

    def apply(self, change: Change) -> Applied:
        """Carry out one change."""
        ...

    def announce(self, vips: Iterable[VipAddress]) -> None:
        """Tell the segment, now and once, that these are here. A link that is down hears nothing."""
        ...

    def watch_announcements(self, vips: Iterable[VipAddress]) -> None:
        """From now on, hear foreign announcements of these and of no others."""
        ...

    def listen(self, hear: Callable[[HostEvent], None]) -> None:
        """Report events on the running event loop."""
        ...

    def close(self, *, keep: bool) -> None:
        """Stop listening. Unless `keep`, the fence is taken out of the kernel, too."""
        ...
