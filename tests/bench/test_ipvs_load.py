"""IPVS: a table of 1000 virtual servers, beside ipvsadm in the same boot of the same kernel.

User-Mode Linux has slow system calls, so what counts is the ratio.
"""

from __future__ import annotations

import statistics

import pytest

from tests.bench.figures import Figures, spread
from tests.bench.in_uml import measured_in_uml
from tests.bench.ipvs_load import SIZE, IpvsLoad

pytestmark = [pytest.mark.bench, pytest.mark.root, pytest.mark.uml, pytest.mark.timeout(600)]

LIMIT_S = 500.0


def test_a_large_ipvs_table(figures: Figures) -> None:
    load = measured_in_uml("tests.bench.ipvs_load", IpvsLoad, within_s=LIMIT_S)
    ours_s, ipvsadm_s = statistics.median(load.ours_s), statistics.median(load.ipvsadm_s)
    look_s, ipvsadm_look_s = statistics.median(load.look_s), statistics.median(load.ipvsadm_look_s)
    figures.add(
        f"IPVS: programming {SIZE}, part of ipvsadm -R's time",
        ours_s / ipvsadm_s,
        "of 1",
        target=0.2,
        detail=f"{ours_s:.2f} s beside {ipvsadm_s:.2f} s, in User-Mode Linux",
    )
    figures.add(
        f"IPVS: reading and comparing {SIZE}, nothing to do",
        look_s,
        "s",
        target=0.5,
        detail=f"no write; {spread(load.look_s)}; ipvsadm -Sn took {ipvsadm_look_s:.2f} s",
    )
