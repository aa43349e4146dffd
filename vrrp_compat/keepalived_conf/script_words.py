"""The words of a program and its arguments."""

from __future__ import annotations

import shlex


def script_words(raw: str) -> tuple[str, ...]:
    """The words of a line, quotes taken off."""
    return tuple(shlex.split(raw))
