"""Runs a coroutine test on a loop of its own, and fails it for what it leaves behind there."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

Arguments = ParamSpec("Arguments")


def on_loop(test: Callable[Arguments, Coroutine[Any, Any, None]]) -> Callable[Arguments, None]:
    """Run the test; a task that still runs, or an error that only the loop heard of, fails it."""

    @functools.wraps(test)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        asyncio.run(_supervised(test(*args, **kwargs)))

    return run


async def _supervised(test: Coroutine[Any, Any, None]) -> None:
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(repr(context)))
    await test
    gc.collect()  # asyncio speaks of a lost exception when its task is freed
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks that still run: {left}"
    assert not heard, f"errors that nobody handled: {heard}"
