"""Status codes of HTTP as they are written: `200 301-304`.

Rules of this file: pure; a text that means nothing raises `WordError`.
"""

from __future__ import annotations

import re

from vipkeeper.config.words import WordError

LEAST, MOST = 100, 599
_CODE = re.compile("[0-9]{1,9}")  # int() refuses thousands of digits
_FIX = "write codes and ranges with blanks between, for example 200 301-304"


def read_status_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Inclusive ranges, in the order written."""
    return tuple(_range(word) for word in text.split()) or _nothing(text)


def _range(word: str) -> tuple[int, int]:
    first, dash, last = word.partition("-")
    low = _code(first, word)
    high = _code(last, word) if dash else low
    if high < low:
        raise WordError(f'"{word}" ends before it begins', f"write {high}-{low}")
    return low, high


def _code(text: str, word: str) -> int:
    if not _CODE.fullmatch(text):
        raise WordError(f'"{word}" is no status code', _FIX)
    if not LEAST <= int(text) <= MOST:
        raise WordError(f"there is no status code {text}", f"they go from {LEAST} to {MOST}")
    return int(text)


def _nothing(text: str) -> tuple[tuple[int, int], ...]:
    raise WordError(f'"{text}" names no status code', _FIX)
