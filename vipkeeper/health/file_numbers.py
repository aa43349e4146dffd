"""The number that a tracked file holds.

Rules of this file: pure. As in keepalived, what is no number counts as 0, so that an empty file that somebody
touched says nothing; digits after which other text comes count.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(rb"\s*([+-]?\d{1,9})")


def number_in(content: bytes | None) -> int:
    """None: there is no file."""
    found = None if content is None else _NUMBER.match(content)
    return 0 if found is None else int(found[1])
