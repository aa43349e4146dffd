"""The lengths that VRRP counts with: skew, Master_Down, and how long a sent advertisement may be relied on.

Rules of this file: whole microseconds, rounded as keepalived rounds them, so that two boxes of the same
priority agree; FRR truncates to centiseconds, which is shorter by less than 10 ms and never below
`adverts` intervals.
"""

from __future__ import annotations

DOWN_TIMER_ADVERTS = 3

# Two clocks whose rates are off by 0.1 % each, and the most by which the kernel's fence was late.
HOLD_DRIFT = 0.002
HOLD_LATENCY_S = 0.002


def skew_us(version: int, priority: int, interval_cs: int) -> int:
    """RFC 3768 6.1 and RFC 9568 6.1: the better the priority, the sooner a backup takes over."""
    if version == 2:
        return (256 - priority) * 1_000_000 // 256
    return (256 - priority) * interval_cs * 625 // 16


def skew_s(version: int, priority: int, interval_cs: int) -> float:
    return skew_us(version, priority, interval_cs) / 1e6


def master_down_us(version: int, priority: int, interval_cs: int, adverts: int = DOWN_TIMER_ADVERTS) -> int:
    """How long a master is silent before this backup takes over."""
    return adverts * interval_cs * 10_000 + skew_us(version, priority, interval_cs)


def master_down_s(version: int, priority: int, interval_cs: int, adverts: int = DOWN_TIMER_ADVERTS) -> float:
    return master_down_us(version, priority, interval_cs, adverts) / 1e6


def hold_s(interval_cs: int, adverts: int = DOWN_TIMER_ADVERTS) -> float:
    """How long after it sent an advertisement a master may answer, should it never send another.

    The shortest Master_Down of any peer is `adverts` intervals and counts from when the peer heard it.
    """
    length_s = adverts * interval_cs / 100
    return length_s - length_s * HOLD_DRIFT - HOLD_LATENCY_S
