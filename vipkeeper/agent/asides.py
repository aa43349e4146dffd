"""Tasks that no VIP depends on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from vipkeeper.agent.logs import log


def aside(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """A task whose defect is told, and stands nothing down."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log(
                logging.ERROR,
                "defect",
                f"{name} has ended: {type(error).__name__}: {error}. Please report this",
            )

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(ended)
    return task
