"""What one agent leaves to the next one that goes on in its place.

Rules of this file: a surface, and plain values; where it is kept is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from vipkeeper.model.server_changes import ServerState
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.notification import Name
from vipkeeper.notify.server_notification import ServerName


class Mail(msgspec.Struct, frozen=True):
    """One mail that is to be sent; `recipients` are those who have not got it yet."""

    subject: str
    body: str
    recipients: tuple[str, ...]
    sender: str
    date: str  # RFC 5322
    message_id: str
    made_at_s: float  # CLOCK_BOOTTIME


class Memory(Protocol):
    """Outlives the process and not the boot. None of it raises."""

    def states(self) -> dict[Name, VipState]:
        """The last state of each that was told to the end."""
        ...

    def keep_states(self, states: Mapping[Name, VipState]) -> None:
        """These, in place of those there."""
        ...

    def servers(self) -> dict[ServerName, ServerState]:
        """The same of virtual and real servers."""
        ...

    def keep_servers(self, states: Mapping[ServerName, ServerState]) -> None:
        """These, in place of those there."""
        ...

    def take_mails(self) -> list[Mail]:
        """Those that were kept; from now on they are not."""
        ...

    def keep_mails(self, mails: list[Mail]) -> None:
        """These wait for the next agent."""
        ...
