"""Skew and Master_Down as measured at keepalived, and a hold that ends before any peer's patience."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrrp_compat.router.timers import hold_s, master_down_s, master_down_us, skew_s, skew_us


@pytest.mark.parametrize(
    ("version", "priority", "interval_cs", "skew", "master_down"),
    [
        (2, 90, 100, 648_437, 3_648_437),
        (2, 100, 100, 609_375, 3_609_375),
        (2, 254, 100, 7_812, 3_007_812),
        (3, 90, 10, 64_843, 364_843),
        (3, 100, 10, 60_937, 360_937),
        (3, 254, 10, 781, 300_781),
        (3, 100, 100, 609_375, 3_609_375),
    ],
)
def test_the_table(version: int, priority: int, interval_cs: int, skew: int, master_down: int) -> None:
    assert skew_us(version, priority, interval_cs) == skew
    assert master_down_us(version, priority, interval_cs) == master_down
    assert skew_s(version, priority, interval_cs) == skew / 1e6
    assert master_down_s(version, priority, interval_cs) == master_down / 1e6


def test_version_2_counts_its_skew_in_parts_of_a_second_whatever_the_interval() -> None:
    assert skew_us(2, 100, 1000) == skew_us(2, 100, 100)
    assert skew_us(3, 100, 1000) == 10 * skew_us(3, 100, 100)


@given(
    st.integers(1, 4095),
    st.integers(1, 255),
    st.integers(2, 10),
    st.floats(0.999, 1.001),
    st.floats(0.999, 1.001),
)
def test_the_hold_ends_before_the_patience_of_any_peer(
    interval_cs: int, priority: int, adverts: int, our_rate: float, peer_rate: float
) -> None:
    """Also of FRR's, which drops the parts of a centisecond, and whatever the clocks' rates."""
    frr_s = (adverts * interval_cs + (256 - priority) * interval_cs // 256) / 100
    for patience_s in (master_down_s(3, priority, interval_cs, adverts), frr_s):
        assert hold_s(interval_cs, adverts) / our_rate < patience_s / peer_rate


def test_the_hold_outlives_a_lost_advertisement() -> None:
    assert hold_s(1) > 0.02
    assert hold_s(100) > 2
