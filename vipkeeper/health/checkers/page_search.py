"""Searches pages for regular expressions, in a process of its own.

Rules of this file: IO. An expression that tries everything again and again takes for ever on the wrong page,
and nothing can interrupt it in this process; there it costs that check, and the others go on. The
process begins with the first search, ends when this one does, and is replaced when it had to be ended.
"""

from __future__ import annotations

import asyncio
import atexit
import signal
import socket
import subprocess
import sys

import msgspec

from vipkeeper.config.regex_words import ANCHORED, whole_expression
from vipkeeper.health.checkers.page_search_process import REPLIES, SIZE, Found, Search
from vipkeeper.health.checkers.results import CannotCheck, Failed
from vipkeeper.model.balancing import Page

_ENDED_IN_S = 2.0
# A search has 0.25 s of a processor; this is for one that gets none, and must not keep checks from speaking.
_LONGEST_S = 30.0


async def search(page: Page, body: bytes) -> None:
    """Raises Failed unless the body is as the page's regular expression wants it."""
    found = await _SEARCHER.found(
        Search(
            whole_expression(page.regex, page.regex_options),
            body,
            page.regex_min_offset,
            page.regex_max_offset,
            anchored=ANCHORED in page.regex_options,
        )
    )
    if found is Found.TOO_COSTLY:
        raise Failed(
            f'the regular expression "{page.regex}" takes too long on this page: let it try less (usually, '
            "a repetition within a repetition is the reason)"
        )
    if (found is Found.MATCH) == page.regex_no_match:
        raise Failed(
            f'the body matches "{page.regex}"'
            if page.regex_no_match
            else f'the body does not match "{page.regex}"'
        )


def end_searching() -> None:
    """Ends the process, if there is one; the next search begins another, in whichever event loop."""
    _SEARCHER.end()
    _SEARCHER.turn = asyncio.Lock()


class Searcher:
    """The other end. One search at a time: a usual one takes less time than its way there and back.

    The lock outlives the process: those that wait for it are to wait with those that come later.
    """

    def __init__(self) -> None:
        self.limit_s = _LONGEST_S
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self.turn = asyncio.Lock()

    async def found(self, wanted: Search) -> Found:
        """Raises CannotCheck."""
        async with self.turn:
            try:
                async with asyncio.timeout(self.limit_s):
                    return await self._asked(wanted)
            except TimeoutError as error:
                self.end()
                raise CannotCheck(
                    f"the process that searches pages did not answer within {self.limit_s:g} s: look whether "
                    "somebody stopped it, or why this node is so busy"
                ) from error
            except BaseException:
                self.end()  # an answer that nobody waits for any more must not become the next one's
                raise

    def end(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        if self._process is not None:
            self._process.kill()
            self._process.wait(_ENDED_IN_S)
            self._process = None

    async def _asked(self, wanted: Search) -> Found:
        loop = asyncio.get_running_loop()
        sock = self._sock or self._begin()
        frame = msgspec.msgpack.encode(wanted)
        try:
            await loop.sock_sendall(sock, SIZE.pack(len(frame)) + frame)
            reply = await loop.sock_recv(sock, 1)
        except OSError:
            reply = b""
        return REPLIES[reply] if reply else self._died()

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            command = [sys.executable, "-m", "vipkeeper.health.checkers.page_search_process"]
            try:
                self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
            except OSError as error:
                ours.close()
                raise CannotCheck(
                    f"no process can be started to search pages in ({error.strerror}): look at the limits "
                    "of this unit"
                ) from error
        self._sock = ours
        return ours

    def _died(self) -> Found:
        process = self._process
        assert process is not None  # noqa: S101 - it was begun before it was asked
        code = process.wait(_ENDED_IN_S)
        self.end()
        if code == -signal.SIGVTALRM:
            return Found.TOO_COSTLY
        raise CannotCheck(
            f"the process that searches pages ended with {code}: look whether the kernel's log says why"
        )


_SEARCHER = Searcher()
atexit.register(end_searching)
