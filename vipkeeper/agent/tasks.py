"""Tasks of an agent: those that no VIP depends on, and those that must not end by themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from vipkeeper.agent.logs import log
from vipkeeper.model.errors import ProgrammingError

if TYPE_CHECKING:
    from vipkeeper.election.effects import Finished  # a director loads no election


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


async def until_finished(finished: asyncio.Future[Finished], tasks: Iterable[asyncio.Task[None]]) -> Finished:
    """The end that was decided on. Raises what one of the tasks ended with; all of them are for ever."""
    running = list(tasks)
    ends: list[asyncio.Future[Any]] = [finished, *running]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        if task.done():
            task.result()
            raise ProgrammingError(f"the {task.get_name()} task ended by itself")
    return finished.result()
