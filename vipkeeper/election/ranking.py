"""Who claims first, and who is named successor.

Rules of this file: highest effective priority, then fewest VIPs held, then node name; every node computes
the same order from the same records, and where views differ the store's compare-and-set decides.
"""

from __future__ import annotations

from collections.abc import Iterable

from vipkeeper.election.settings import ElectionSettings
from vipkeeper.election.view import StoreView
from vipkeeper.model.vips import Unit


def alive(view: StoreView, node: str, now_s: float) -> bool:
    """Whether the node says that it runs, and has shown life lately on our own clock."""
    info = view.info(node)
    if info is None or info.state != "running":
        return False
    return now_s - view.life_s.get(node, float("-inf")) < info.patience_s


class Ranking:
    """The order of candidates at one moment. Handing out several units shifts "fewest VIPs held"."""

    def __init__(
        self, view: StoreView, settings: ElectionSettings, now_s: float, without: Iterable[str] = ()
    ) -> None:
        excluded = set(without)
        self._view = view
        self._living = [
            node
            for node in view.candidacies
            if node not in excluded and (node == settings.node or alive(view, node, now_s))
        ]
        self._held = {node: view.held.get(node, 0) for node in self._living}

    def order(self, vip: str, without: str | None = None) -> list[str]:
        """Eligible nodes for a VIP, best first."""
        ranked = []
        for node in self._living:
            candidacy = self._view.candidacies[node].get(vip)
            if candidacy is not None and candidacy.eligible and node != without:
                ranked.append((-candidacy.priority, self._held[node], node))
        ranked.sort()
        return [node for _, _, node in ranked]

    def hand_out(self, node: str) -> None:
        """Count one more VIP for a node."""
        if node in self._held:
            self._held[node] += 1


def better_candidates(
    view: StoreView, settings: ElectionSettings, unit: Unit, priority: int, now_s: float
) -> dict[str, float]:
    """Living, eligible nodes with a strictly higher priority than ours that want it from us.

    Each with the time that it must have been there for, in seconds. As with VRRP it is the better node's wish
    that counts.
    """
    better = {}
    for node, candidacies in view.candidacies.items():
        candidacy = candidacies.get(unit.name)
        if node == settings.node or candidacy is None or not candidacy.eligible:
            continue
        if candidacy.priority <= priority or not alive(view, node, now_s):
            continue
        if candidacy.preempt is None and unit.preempt:
            better[node] = unit.preempt_delay_s
        elif candidacy.preempt:
            better[node] = candidacy.preempt_delay_ms / 1000
    return better
