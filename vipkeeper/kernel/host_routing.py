"""What the agent needs of a host's routing: the seam that the real one and the in-memory one implement.

Rules of this file: `read` is a fresh reading of what is ours; a refusal of one entry keeps no other back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from vipkeeper.model.routing import Entry, Routing


class HostRouting(Protocol):
    """Static addresses, routes and rules of ours in one namespace. Methods may raise MissingPrivilege."""

    def read(self) -> Routing:
        """What is there now."""
        ...

    def add(self, wanted: Routing) -> Mapping[Entry, str]:
        """Add what is not there: addresses, routes, rules. Those refused, with the reason."""
        ...

    def remove(self, unwanted: Routing) -> Mapping[Entry, str]:
        """Remove rules, routes, addresses. Those refused, with the reason; one that is gone is not."""
        ...

    def listen(self, hear: Callable[[], None]) -> None:
        """Say on the running event loop that something of ours went, or a link changed."""
        ...

    def close(self) -> None:
        """Stop listening; what is there stays."""
        ...
