"""The director as a process: from its agent's socket on standard input to its exit.

Rules of this file: it ends when the agent says so or is gone, and for nothing else that anybody sends: a
service manager that ends all processes of a group at once would else take the table away before the VIPs.
When the agent is gone without a word, the kernel's table stays as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.local_socket import serve_lines
from vipkeeper.agent.logs import set_up_logging
from vipkeeper.agent.tasks import aside
from vipkeeper.director.director import Director
from vipkeeper.director.only_one import OnlyOne
from vipkeeper.director.requests import answer_to
from vipkeeper.kernel.ipvs_host import IpvsHost
from vipkeeper.model.director_files import DIRECTOR_SOCKET
from vipkeeper.model.director_frames import Frames, frame
from vipkeeper.model.director_messages import (
    End,
    Ended,
    Follow,
    Standing,
    ToAgent,
    ToDirector,
)

NAME = "vk-director"  # in `ps -o comm`; the kernel keeps 15 characters
_MORE_WORTH_KILLING = 100  # than the agent
_RECEIVE_BYTES = 1 << 16


def run_director(run_dir: Path) -> int:
    """Serve the agent at the other end of standard input."""
    gc.disable()  # until it follows a plan: what is made until then lives for ever
    link = _take_link()
    _step_back()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
        # Not SIG_IGN, which the programs that it starts would inherit.
        signal.signal(number, lambda _number, _frame: None)
    set_up_logging("text", "info")  # until it is told otherwise
    with contextlib.closing(link), contextlib.closing(OnlyOne(run_dir)):
        asyncio.run(_serve(link, run_dir))
    return 0


def _take_link() -> socket.socket:
    """Away from standard input, so that nothing that is started has it."""
    link = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    return link


def _step_back() -> None:
    """In a shortage this one goes first. What the kernel does not allow is not needed."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(NAME, encoding="ascii")
    with contextlib.suppress(OSError, ValueError):
        score = Path("/proc/self/oom_score_adj")
        score.write_text(
            str(min(1000, int(score.read_text("ascii")) + _MORE_WORTH_KILLING)), encoding="ascii"
        )


async def _serve(link: socket.socket, run_dir: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=link)

    def tell(message: ToAgent) -> None:
        writer.write(frame(message))

    director = Director(run_dir, IpvsHost, tell, boot_s)
    otherwise = "`vipkeeper ipvs` and `vipkeeper server` cannot ask this node"
    planned = asyncio.Event()

    async def answer() -> None:
        """Not before there is a plan: without one it would say that no virtual server is configured."""
        await planned.wait()
        await serve_lines(run_dir / DIRECTOR_SOCKET, lambda line: answer_to(line, director), otherwise)

    followed = asyncio.create_task(_follow(reader, director, planned), name="agent")
    kept = asyncio.create_task(director.run(), name="table")
    tasks: list[asyncio.Task[Any]] = [followed, kept, aside(answer(), "control")]
    try:
        await asyncio.wait((followed, kept), return_when=asyncio.FIRST_COMPLETED)
        if kept.done():
            kept.result()  # a defect: the agent starts another one
        end = followed.result()
        await director.end(keep=end is None or end.keep)
        if end is not None:
            tell(Ended())
            with contextlib.suppress(OSError):
                await writer.drain()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()


def still_so(messages: list[ToDirector]) -> Iterator[ToDirector]:
    """Without what is not so any more: while this process began, a VIP may have gone and come back."""
    last = max((at for at, message in enumerate(messages) if isinstance(message, Standing)), default=-1)
    for at, message in enumerate(messages):
        if at >= last or not isinstance(message, Standing):
            yield message


async def _follow(reader: asyncio.StreamReader, director: Director, planned: asyncio.Event) -> End | None:
    """Do what the agent says until it says the end, or is gone."""
    frames = Frames()
    decoder = msgspec.msgpack.Decoder(ToDirector)
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(_RECEIVE_BYTES):
            for message in still_so(list(map(decoder.decode, frames.bodies(piece)))):
                match message:
                    case Follow():
                        set_up_logging(message.log_format, message.log_level)
                        director.follow(message.plan)
                        if not planned.is_set():  # what lives by now lives for ever
                            gc.collect()
                            gc.freeze()
                            gc.enable()
                            planned.set()
                    case Standing(vips):
                        director.stand(vips)
                    case End():
                        return message
    return None
