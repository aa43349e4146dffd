"""How the parts of this folder write to the agent's log, which they do not import.

Rules of this file: a surface.
"""

from __future__ import annotations

from typing import Protocol


class Say(Protocol):
    """One line: what happened, its fields, and a sentence for people."""

    def __call__(self, level: int, event: str, message: str = "", **fields: object) -> None: ...
