"""Who may claim what this node owns once its lease has run out: the nodes that are asked for promises.

Rules of this file: a node is in as soon as it shows life, in the store or directly, and out only when it is
silent in both; either takes effect with the renewal that names it. So a node that died does not disarm
failsafe for long, and blocked datagrams do not empty the electorate.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.election.effects import Effect, Noticed, Tell
from vipkeeper.election.events import Now
from vipkeeper.election.own_lease import Electors
from vipkeeper.election.ranking import alive
from vipkeeper.election.state import ElectionState
from vipkeeper.model.messages import Ping, Pong
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import InfoRecord


class Electorate:
    """Asks the others from time to time whether they hear us, and knows who counts."""

    def __init__(self, state: ElectionState) -> None:
        self._state = state
        self._ping_at_s = 0.0
        self._nonces: dict[str, str] = {}
        self._answered_s: dict[str, float] = {}
        self._pinged_since_s: dict[str, float] = {}  # in vain since then
        self._processes: dict[str, tuple[str, str]] = {}  # node -> info's process then, process now
        self._silent: frozenset[str] = frozenset()

    def next_deadline(self) -> float | None:
        """When an owner asks again."""
        return self._ping_at_s if self._asks() else None

    def act(self, now: Now) -> list[Effect]:
        """Ask, when it is time."""
        if not self._asks() or now.boot_s < self._ping_at_s:
            return []
        state = self._state
        self._ping_at_s = now.boot_s + state.settings.timing.ping_every_s
        effects: list[Effect] = []
        for node, info in self._others():
            if info.state == "running":
                self._pinged_since_s.setdefault(node, now.boot_s)
            if info.failsafe and info.state == "running":
                self._nonces[node] = state.fresh_id()
                ping = Ping(sender=state.settings.node, to=node, nonce=self._nonces[node])
                effects.append(Tell(info.failsafe, ping))
        return effects + self._tell_of_silence(now)

    def hear(self, message: Pong, now: Now) -> None:
        """An answer; one to another question than the last proves nothing."""
        if self._nonces.get(message.sender) == message.nonce:
            del self._nonces[message.sender]
            self.showed_life(message.sender, message.process, now)

    def showed_life(self, node: str, process: str, now: Now) -> None:
        """It answered just now, and this is its process."""
        info = self._state.view.info(node)
        self._answered_s[node] = now.boot_s
        self._pinged_since_s.pop(node, None)
        self._processes[node] = (info.process if info else "", process)

    def members(self, now: Now) -> Electors:
        """Who counts now: what the next write of our lease record says."""
        if not self._state.settings.timing.failsafe:
            return frozenset()
        view = self._state.view
        return frozenset(
            (node, info.incarnation)
            for node, info in self._others()
            if info.state == "running" and (alive(view, node, now.boot_s) or self.answers(node, now.boot_s))
        )

    def process_of(self, node: str) -> str:
        """The process that runs there, as far as we know: what it said itself, unless its record is newer."""
        info = self._state.view.info(node)
        recorded = info.process if info else ""
        then, said = self._processes.get(node, ("", ""))
        return said if said and then == recorded else recorded

    def answers(self, node: str, now_s: float) -> bool:
        """Whether it has answered directly of late."""
        patience_s = self._state.settings.timing.peer_patience_s
        return now_s - self._answered_s.get(node, float("-inf")) < patience_s

    def _asks(self) -> bool:
        state = self._state
        return state.settings.timing.failsafe and state.holding

    def _others(self) -> Iterator[tuple[str, InfoRecord]]:
        view, ours = self._state.view, self._state.settings.node
        for node in view.candidacies:
            info = view.info(node)
            if node != ours and info is not None:
                yield node, info

    def _tell_of_silence(self, now: Now) -> list[Effect]:
        """Once for each node that lives by the store's word and does not answer."""
        patience_s = self._state.settings.timing.peer_patience_s
        silent = frozenset(
            node
            for node, _ in self.members(now)
            if not self.answers(node, now.boot_s)
            and now.boot_s - self._pinged_since_s.get(node, now.boot_s) >= patience_s
        )
        news, self._silent = silent - self._silent, silent
        return [Noticed(Reason.SILENT_PEER, self._how_silent(node)) for node in sorted(news)]

    def _how_silent(self, node: str) -> str:
        info = self._state.view.info(node)
        address = info.failsafe if info else ""
        if not address:
            return f"{node} runs without failsafe: set it alike on all nodes"
        ours = self._state.settings.address
        if ours and address.startswith("[") != ours.startswith("["):
            return f"{node} is asked at {address} and this node at {ours}: set failsafe_address to one family"
        return f"{node} does not answer at {address} (UDP): look for a firewall between the nodes"
