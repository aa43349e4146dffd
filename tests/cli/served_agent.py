"""The agent's end of a control socket with a report that a test wrote, for commands that ask."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from vipkeeper.agent.control_socket import serve_control
from vipkeeper.model.agent_report import CONTROL_SOCKET, Report


@contextlib.contextmanager
def served_agent(run_dir: Path, report: Report) -> Iterator[None]:
    """The socket answers until the block ends."""
    loop = asyncio.new_event_loop()
    asked = threading.Event()

    async def serve() -> None:
        loop.call_later(0.0, _when_there, run_dir / CONTROL_SOCKET, loop, asked)
        with contextlib.suppress(asyncio.CancelledError):
            await serve_control(run_dir, lambda: report)

    server = loop.create_task(serve())
    thread = threading.Thread(target=loop.run_until_complete, args=(server,))
    thread.start()
    try:
        assert asked.wait(30.0), "no socket"
        yield
    finally:
        loop.call_soon_threadsafe(server.cancel)
        thread.join()
        loop.close()


def _when_there(path: Path, loop: asyncio.AbstractEventLoop, there: threading.Event) -> None:
    if path.exists():
        there.set()
    else:
        loop.call_later(0.01, _when_there, path, loop, there)
