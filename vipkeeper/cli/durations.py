"""Lengths of time as options take them.

Rules of this file: what is refused is refused with what is right.
"""

from __future__ import annotations

import argparse

LONGEST_S = 1e6  # poll(2) counts milliseconds in 31 bits


def seconds(text: str) -> float:
    """More than none, and fractions are fine. For `type=`."""
    number = float(text)
    if not 0 < number < LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text}: it has to be more than 0, and less than {LONGEST_S:g}")
    return number
