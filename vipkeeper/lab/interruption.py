"""Makes SIGTERM and SIGHUP unwind the stack, and lets clean-up finish once it has begun."""

from __future__ import annotations

import contextlib
import signal
import types
from collections.abc import Iterator

_STOPPING = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def stop_signals_unwind() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise SystemExit in the main thread, so that every `finally` runs."""

    def unwind(number: int, frame: types.FrameType | None) -> None:
        del frame
        raise SystemExit(128 + number)

    former = {number: signal.signal(number, unwind) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Inside, a second Ctrl-C or SIGTERM waits until the clean-up is done."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_STOPPING})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
