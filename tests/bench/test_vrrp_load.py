"""What virtual routers cost the agent as a whole: as masters and as backups, many and quick ones, at start.

All of it with a real kernel: addresses with lifetimes behind the packet fence, adverts on a wire.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.bench.figures import ROUNDS, Figures, spread
from tests.bench.many_routers import ManyRouters, Pair, make_pair
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.bench, pytest.mark.timeout(600)]

MOST_ROUTERS = 255
WINDOW_S = 20.0
# Announcements of new VIPs are over after 4.4 s, and memory is frozen after 5.
SETTLED_S = 8.0


@pytest.mark.parametrize(
    ("count", "interval_s", "target_percent"),
    [(MOST_ROUTERS, 1.0, 5.0), (1, 1.0, 0.5), (1, 0.1, 1.0), (1, 0.01, 5.0)],
    ids=["255-routers", "1s", "100ms", "10ms"],
)
def test_processor_time(
    figures: Figures, tmp_path: Path, count: int, interval_s: float, target_percent: float
) -> None:
    with make_pair(tmp_path, count=count, interval_s=interval_s) as pair:
        pair.elect()
        time.sleep(SETTLED_S)
        pair.require_roles()
        start_ns, begin_s = now_ns(), time.monotonic()
        agents = {"master": pair.master, "backup": pair.backup}
        before_s = {role: agent.processor_s() for role, agent in agents.items()}
        time.sleep(WINDOW_S)
        used_s = {role: agent.processor_s() - before_s[role] for role, agent in agents.items()}
        window_s = time.monotonic() - begin_s
        heard = len(pair.adverts.heard(since_ns=start_ns, host=pair.master.host.name))
        pair.require_roles()
        _memory(figures, pair, f"VRRP, {count} VIPs")
    name = f"VRRP, {count} VIPs every {interval_s:g} s"
    detail = f"{heard / window_s:.0f} adverts a second, over {window_s:.0f} s"
    for role, cost_s in used_s.items():
        share = cost_s / window_s * 100
        figures.add(f"{name}: {role}", share, "% of a core", target=target_percent, detail=detail)
    # A master that spoke less would have cost less.
    assert heard >= 0.9 * count * window_s / interval_s


def _memory(figures: Figures, pair: Pair, name: str) -> None:
    for role, agent in (("master", pair.master), ("backup", pair.backup)):
        figures.add(f"{name}: resident memory, {role}", agent.resident_mb(), "MB", target=40)


def test_start_and_listing(figures: Figures, tmp_path: Path) -> None:
    """Of one VIP: from exec to the first advertisement, and `ls`."""
    first_ms, listed_ms = [], []
    with make_pair(tmp_path, count=1, interval_s=0.01) as pair:
        for _ in range(ROUNDS):
            start_ns = now_ns()
            pair.master.process.start()
            advert = pair.adverts.wait_for(since_ns=start_ns, host=pair.master.host.name)
            first_ms.append((advert.received_ns - start_ns) / 1e6)
            listed_ms.append(_listing_ms(pair.master))
            pair.master.process.stop()
    figures.add(
        "VRRP, one VIP: exec to first advert (10 ms adverts), p50",
        sorted(first_ms)[len(first_ms) // 2],
        "ms",
        target=300,
        detail=spread(first_ms),
    )
    figures.add(
        "VRRP: `vipkeeper ls`, p50",
        sorted(listed_ms)[len(listed_ms) // 2],
        "ms",
        target=300,
        detail=spread(listed_ms),
    )


def _listing_ms(agent: ManyRouters) -> float:
    begin_s = time.monotonic()
    assert agent.listed()
    return (time.monotonic() - begin_s) * 1000
