"""IPVS: how long an agent takes from its start to a full table, and what it weighs then, beside keepalived.

In the same boot of User-Mode Linux, where programs take several times as long as elsewhere: what counts is
the ratio.
"""

from __future__ import annotations

import statistics

import pytest

from tests.bench.figures import Figures, spread
from tests.bench.in_uml import measured_in_uml
from tests.bench.ipvs_load import SIZE
from tests.bench.ipvs_start import IpvsStart

pytestmark = [pytest.mark.bench, pytest.mark.root, pytest.mark.uml, pytest.mark.timeout(900)]

LIMIT_S = 800.0


def test_from_start_to_a_full_table(figures: Figures) -> None:
    found = measured_in_uml("tests.bench.ipvs_start", IpvsStart, within_s=LIMIT_S)
    keepalived_s = statistics.median(found.keepalived_s)
    for name, taken_s in (("TOML", found.toml_s), ("keepalived.conf", found.conf_s)):
        figures.add(
            f"IPVS: start to {SIZE} from {name}, part of keepalived's",
            statistics.median(taken_s) / keepalived_s,
            "of 1",
            target=1.0,
            detail=f"{spread(taken_s)} s beside {spread(found.keepalived_s)} s",
        )
    figures.add(
        "IPVS: Python and all modules, part of keepalived's start to a full table",
        statistics.median(found.modules_s) / keepalived_s,
        "of 1",
        detail=f"{spread(found.modules_s)} s",
    )
    figures.add(
        f"IPVS: memory with {SIZE}, agent and director",
        found.agent_mb + found.director_mb,
        "MB",
        target=70,
        detail=f"{found.agent_mb:.1f} + {found.director_mb:.1f}; keepalived has {found.keepalived_mb:.1f}",
    )
