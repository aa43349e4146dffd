"""The values of one scrape, taken from the running agent.

Rules of this file: everything is copied at once, on the event loop, between two steps of who decides; what is
returned touches the agent no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from vipkeeper.agent.counts import Counts
from vipkeeper.config.schema import Config
from vipkeeper.model.agent_report import Report
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.version import VERSION

if TYPE_CHECKING:
    from vipkeeper.agent.director_metrics import DirectorScrape


def take_scrape(config: Config, fence: FenceKind, report: Report, counts: Counts) -> Callable[[], bytes]:
    """Calling the result makes the text, in another thread."""
    labels = {
        "version": VERSION,
        "node": config.node,
        "cluster": config.cluster,
        "backend": config.backend,
        "fence": fence.value,
    }
    return partial(_text, report, counts, labels)


def with_director(own: Callable[[], bytes], seen: DirectorScrape | None) -> Callable[[], bytes]:
    """The agent's values, and behind them what the director said."""
    return own if seen is None else partial(_both, own, seen)


def _both(own: Callable[[], bytes], seen: DirectorScrape) -> bytes:
    from vipkeeper.agent.director_metrics import director_text

    return own() + director_text(seen)


def _text(report: Report, counts: Counts, labels: Mapping[str, str]) -> bytes:
    from vipkeeper.agent.metrics_text import metrics_text

    return metrics_text(report, counts, labels)
