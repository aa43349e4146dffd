"""Answers Prometheus: GET /metrics, over HTTP, at `metrics.listen`.

Rules of this file: the report is taken between two steps of the election, as a value; it becomes text beside
the event loop, in a thread that has nothing but values (30 ms for a thousand VIPs, while the lease goes on
being renewed); an address that cannot be had is a warning and is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from vipkeeper.agent.logs import log
from vipkeeper.agent.short_conversations import LONGEST_REQUEST, ShortConversations
from vipkeeper.config.peer_address import PeerAddress

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Between attempts to open the socket: the address may come.
_AGAIN_AFTER_S = 5.0


async def serve_metrics(own: PeerAddress, scrape: Callable[[], Awaitable[Callable[[], bytes]]]) -> None:
    """Answer for ever. `scrape` takes the values; what it returns makes them text."""

    async def answer(request: bytes) -> bytes:
        status, plain = _judge(request)
        if not status.startswith("200"):
            return _page(status, f"{status}\n".encode, plain=plain)
        text = await scrape()
        return await asyncio.to_thread(lambda: _page(status, text, plain=plain))

    conversations = ShortConversations(answer, end=b"\r\n\r\n")
    told = ""
    while True:
        try:
            server = await asyncio.start_server(
                conversations.talk, own.address, own.port, limit=LONGEST_REQUEST
            )
        except OSError as error:
            trouble = error.strerror or str(error)
            if trouble != told:
                told = trouble
                log(
                    logging.WARNING,
                    "metrics",
                    f"nobody can read metrics at {own}: {trouble}; free it, or change metrics.listen",
                )
            await asyncio.sleep(_AGAIN_AFTER_S)
            continue
        async with server:
            await server.serve_forever()


def _page(status: str, text: Callable[[], bytes], *, plain: bool) -> bytes:
    """Head and body; without `plain` the head alone."""
    body = text()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {_CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (body if plain else b"")


def _judge(request: bytes) -> tuple[str, bool]:
    """Status line, and whether a body follows."""
    method, _, rest = request.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        return "405 Method Not Allowed", True
    return ("200 OK" if path == b"/metrics" else "404 Not Found: see /metrics"), method == b"GET"
