"""Whole numbers that are written in digits alone.

Rules of this file: ASCII digits; neither signs nor blanks nor underscores, which `int` would take.
"""

from __future__ import annotations

LARGEST_PORT = 65535


def number_within(text: str, least: int, most: int) -> int | None:
    """The number that `text` is, if it lies between both."""
    if not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if least <= number <= most else None
