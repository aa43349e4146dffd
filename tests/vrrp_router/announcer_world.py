"""Nodes of a store's cluster that announce their owner, on a clock that a random schedule moves.

Rules of this file: the store is a lease and a name, told to each node late, twice or never; a node may be
frozen at any point, and what waited reaches it when it thaws; verdicts come from what left, and when.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.vrrp_router.driver import SETTINGS, START_S
from vrrp_compat.router.announcer import Announcer
from vrrp_compat.router.announcer_events import AnnouncerEvent, LeaseGiven, LeaseOver, LeftToNobody
from vrrp_compat.router.effects import SendAdvert
from vrrp_compat.router.events import AdvertHeard, AdvertSent, TimePassed
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.wire.advertisement import PRIORITY_LEAVING, PRIORITY_OWNER, Advertisement

TTL_S = 2.0
RENEWED_EVERY_S = 0.5
STEP_S = 0.01
FOREIGN = bytes((10, 0, 0, 9))


@dataclass
class Node:
    """One node: its machine, what it was told last, and what left it."""

    machine: Announcer
    deadline_s: float | None = None
    served_since_s: float | None = None
    renewed_s: float = 0.0
    frozen_until_s: float = 0.0
    waiting: list[AnnouncerEvent] = field(default_factory=list)
    said: list[tuple[float, int]] = field(default_factory=list)


@dataclass
class World:
    """One schedule. `hands_over_badly`: the control in which a named successor is not told from nobody."""

    seed: int
    make: Callable[[RouterSettings], Announcer] = Announcer
    hands_over_badly: bool = False
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.now_s = START_S
        self.nodes = [Node(self.make(SETTINGS)) for _ in range(3)]
        self.owner: int | None = None
        self.free_at_s = START_S
        self._last_left_to: int | None = None

    def run(self, length_s: float = 30.0) -> World:
        """Let it happen."""
        end_s = self.now_s + length_s
        while self.now_s < end_s and not self.broken:
            self.now_s += STEP_S
            self._store_acts()
            for number, node in enumerate(self.nodes):
                if self.now_s >= node.frozen_until_s:
                    self._live(number, node)
        return self

    def _store_acts(self) -> None:
        chance = self.chance
        if self.owner is None:
            if self.now_s >= self.free_at_s:
                self.owner = chance.randrange(len(self.nodes))
                self._renew(self.nodes[self.owner])
            return
        owner = self.nodes[self.owner]
        thawed = self.now_s >= owner.frozen_until_s
        if owner.deadline_s is not None and self.now_s >= owner.deadline_s:
            self.owner, self.free_at_s = None, self.now_s
        elif thawed and chance.random() < 0.004:
            self._give_up(owner, successor=chance.choice([None, *range(len(self.nodes))]))
        elif chance.random() < 0.002:
            owner.frozen_until_s = self.now_s + chance.uniform(0.1, 4.0)
        elif thawed and self.now_s >= owner.renewed_s + RENEWED_EVERY_S and chance.random() < 0.97:
            self._renew(owner)
        if chance.random() < 0.01:
            priority = chance.choice([0, 100, 254, 255])
            heard = AdvertHeard(Advertisement(3, SETTINGS.vrid, priority, 100, SETTINGS.addresses), FOREIGN)
            for node in self.nodes:
                node.waiting.append(heard)

    def _renew(self, owner: Node) -> None:
        if owner.deadline_s is None:
            owner.served_since_s = self.now_s
        owner.renewed_s = self.now_s
        owner.deadline_s = self.now_s + TTL_S
        owner.waiting.append(LeaseGiven(owner.deadline_s))

    def _give_up(self, owner: Node, successor: int | None) -> None:
        owner.deadline_s = owner.served_since_s = None
        owner.waiting.append(LeaseOver())
        if successor is None or self.hands_over_badly:
            owner.waiting.append(LeftToNobody())
        self.owner, self.free_at_s = None, self.now_s + (0.5 if successor is None else 0.0)
        self._last_left_to = successor

    def _live(self, number: int, node: Node) -> None:
        waiting, node.waiting = node.waiting, []
        due_s = node.machine.next_deadline()
        if due_s is not None and due_s <= self.now_s:
            waiting.append(TimePassed())
        for event in waiting:
            self._step(number, node, event)
        self._judge_silence(number, node)

    def _step(self, number: int, node: Node, event: AnnouncerEvent) -> None:
        for effect in node.machine.step(event, self.now_s):
            if isinstance(effect, SendAdvert):
                self._judge(number, node, effect.advertisement.priority)
                node.said.append((self.now_s, effect.advertisement.priority))
                self._step(number, node, AdvertSent(effect.advertisement, self.now_s))

    def _judge(self, number: int, node: Node, priority: int) -> None:
        at = f"seed {self.seed}, node {number}, {self.now_s - START_S:.2f} s"
        if priority == PRIORITY_LEAVING:
            if node.deadline_s is not None or self._last_left_to is not None:
                self.broken.append(f"{at}: it took leave although somebody follows")
        elif node.deadline_s is None or self.now_s >= node.deadline_s:
            self.broken.append(f"{at}: priority {priority} without a lease")
        elif priority != PRIORITY_OWNER:
            self.broken.append(f"{at}: priority {priority}, which somebody may outbid")

    def _judge_silence(self, number: int, node: Node) -> None:
        """A neighbour waits for three intervals; a node that runs and serves lets none of them pass."""
        if node.deadline_s is None or self.now_s >= node.deadline_s or node.served_since_s is None:
            return
        since_s = max(node.served_since_s, node.frozen_until_s)
        last_s = max((at_s for at_s, _ in node.said), default=float("-inf"))
        if self.now_s - max(since_s, last_s) > SETTINGS.interval_cs / 100 + STEP_S + 1e-6:
            self.broken.append(f"seed {self.seed}, node {number}: silent while it serves")
        elif last_s < since_s and self.now_s > since_s + 2 * STEP_S and since_s == node.served_since_s:
            self.broken.append(f"seed {self.seed}, node {number}: the first one came late")
