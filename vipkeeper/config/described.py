"""What is said of a setting beside its type: for the reference page, the messages and a reload.

Rules of this file: one place that knows the names inside a `msgspec.Meta`.
"""

from __future__ import annotations

from typing import Any

import msgspec


def about(
    description: str,
    example: object,
    *,
    unit: str = "",
    needs_restart: bool = False,
    secret: bool = False,
    **bounds: Any,
) -> msgspec.Meta:
    """The description of a setting; `bounds` are msgspec's."""
    extra = {"unit": unit, "needs_restart": needs_restart, "secret": secret}
    return msgspec.Meta(description=description, examples=[example], extra=extra, **bounds)
