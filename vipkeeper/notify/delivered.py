"""What has been told to the end, kept for the agent that goes on in this one's place.

Rules of this file: it is kept a moment later, so that a thousand VIPs that move together are one write. What
a process that is killed meanwhile has told is told once more by the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from vipkeeper.model.server_changes import ServerState
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.memory import Memory
from vipkeeper.notify.notification import REMARKS, Notification
from vipkeeper.notify.server_notification import ServerName, ServerNotification
from vipkeeper.notify.telling import Telling

KEPT_WITHIN_S = 0.2


class Delivered:
    """One agent's. It begins with what an earlier process left."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.states = memory.states()
        self.servers = memory.servers()
        self._keeping: asyncio.TimerHandle | None = None

    def told(self, telling: Telling) -> None:
        """All programs of it have ended."""
        if isinstance(telling, Notification):
            self._take_state(telling)
        elif isinstance(telling, ServerNotification):
            self._take_server(telling)

    def _take_state(self, telling: Notification) -> None:
        if telling.state in REMARKS:
            return
        if telling.state is VipState.DELETED:
            self.states.pop(telling.of, None)
        else:
            self.states[telling.of] = telling.state
        self._keep_soon()

    def _take_server(self, telling: ServerNotification) -> None:
        if telling.state is ServerState.STOP:
            self.servers.pop(telling.of, None)
        else:
            self.servers[telling.of] = telling.state
        self._keep_soon()

    def keep_servers(self, names: Collection[ServerName]) -> None:
        """Others are gone: if they come back, their first state is news."""
        gone = self.servers.keys() - names
        for name in gone:
            del self.servers[name]
        if gone:
            self._keep_soon()

    def end(self) -> None:
        """No later than now."""
        if self._keeping is not None:
            self._keeping.cancel()
            self._keep_now()

    def _keep_soon(self) -> None:
        if self._keeping is None:
            self._keeping = asyncio.get_running_loop().call_later(KEPT_WITHIN_S, self._keep_now)

    def _keep_now(self) -> None:
        self._keeping = None
        self._memory.keep_states(self.states)
        self._memory.keep_servers(self.servers)
