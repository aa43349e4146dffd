"""What this node says to the others directly, and hears from them: three parts with one surface.

Rules of this file: it hands each message to the part that it is for, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from vipkeeper.election.effects import Effect
from vipkeeper.election.electorate import Electorate
from vipkeeper.election.events import MessageHeard, Now
from vipkeeper.election.failsafe import Failsafe
from vipkeeper.election.promises import Promises
from vipkeeper.election.state import ElectionState
from vipkeeper.model.messages import Ask, Ping, Pong, Promise, Refusal


class Peers:
    """The electorate, the owner's side of failsafe, and the other side."""

    def __init__(self, state: ElectionState, next_id: Callable[[], int]) -> None:
        self._node = state.settings.node
        self.electorate = Electorate(state)
        self.failsafe = Failsafe(state, self.electorate)
        self.promises = Promises(state, next_id)

    def next_deadline(self) -> float | None:
        """When one of them wants to act."""
        ping_s, ask_s = self.electorate.next_deadline(), self.failsafe.next_deadline()
        return ping_s if ask_s is None else ask_s if ping_s is None else min(ping_s, ask_s)

    def act(self, now: Now) -> list[Effect]:
        """Say what is due."""
        return self.electorate.act(now) + self.failsafe.act(now)

    def hear(self, heard: MessageHeard, now: Now) -> list[Effect]:
        """Take a message, if it is for this node."""
        if heard.message.to != self._node:
            return []
        match heard.message:
            case Ask() as ask:
                return self.promises.hear(ask, heard.address, now)
            case Ping() as ping:
                return self.promises.answer_ping(heard, ping)
            case Pong() as pong:
                self.electorate.hear(pong, now)
            case Promise() | Refusal() as answer:
                self.failsafe.hear(answer, now)
        return []
