"""Sends what waits in the mail queue, in order, and never lets a mail server hold up anything else.

Rules of this file: each attempt has a thread of its own that nobody joins, and a limit after which its
connection is cut; the event loop only hears how it went. The queue outlives a reload.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable

import msgspec

from vipkeeper.config.notify_schema import Mail as MailSettings
from vipkeeper.notify.mail_queue import GIVEN_UP_AFTER_S, MOST_WAITING, MailQueue
from vipkeeper.notify.mail_text import Mail
from vipkeeper.notify.saying import Say
from vipkeeper.notify.smtp import Delivered, PutOff, Refused, Result, deliver

# `smtp_connect_timeout` is for each answer of the server; one that answers byte by byte has this much in all.
TIMES_OF_AN_ANSWER = 4
# What the end of the agent waits for all mail together.
END_LIMIT_S = 2.0


class MailCounts(msgspec.Struct):
    """Since the start of the agent."""

    sent: int = 0
    given_up: int = 0
    put_off: int = 0


class MailDelivery:
    """One queue, one server. `clock` in seconds."""

    def __init__(self, settings: MailSettings, say: Say, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._say = say
        self._clock = clock
        self._queue = MailQueue()
        self._awake = asyncio.Event()
        self._told_put_off = False
        self._ending = False
        self.counts = MailCounts()
        self._task = asyncio.create_task(self._send_all(), name="mail")
        self._task.add_done_callback(self._tell_defect)

    @property
    def waiting(self) -> int:
        """Mails that are not delivered and not given up."""
        return len(self._queue)

    def reconfigure(self, settings: MailSettings) -> None:
        """From the next attempt on; what waits is tried again at once if anything is different."""
        if settings != self._settings:
            self._settings = settings
            self._queue.hurry()
            self._awake.set()

    def add(self, mail: Mail) -> None:
        """It is sent after all others."""
        left_out = self._queue.add(mail)
        if left_out is not None:
            self._give_up(left_out, f"{MOST_WAITING} mails wait, and the oldest is given up for a new one")
        self._awake.set()

    async def end(self) -> None:
        """The agent ends: what waits has one more chance, and a moment."""
        self._ending = True
        self._queue.hurry()
        self._awake.set()
        await asyncio.wait([self._task], timeout=END_LIMIT_S)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for mail in self._queue.clear():
            self._give_up(mail, "the agent ends, and the mail server did not take it in time")

    def _tell_defect(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            why = f"no mail is sent any more: {type(error).__name__}: {error}. Please report this"
            self._say(logging.ERROR, "defect", why)

    async def _send_all(self) -> None:
        while True:
            mail = self._queue.first()
            if mail is None:
                if self._ending:
                    return
                await self._sleep(None)
            elif (wait_s := self._queue.wait_s(self._clock())) > 0:
                if self._ending:
                    return
                await self._sleep(wait_s)
            else:
                self._take(mail, await self._attempt(mail))

    async def _sleep(self, at_most_s: float | None) -> None:
        self._awake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._awake.wait()

    async def _attempt(self, mail: Mail) -> Result:
        attempt = _Attempt(self._settings, mail)
        limit_s = TIMES_OF_AN_ANSWER * self._settings.smtp_connect_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await attempt.result
        except TimeoutError:
            return PutOff(f"the conversation took longer than {limit_s:g} s", mail.recipients)
        finally:
            attempt.cut()

    def _take(self, mail: Mail, result: Result) -> None:
        match result:
            case Delivered(refused):
                self.counts.sent += 1
                self._told_put_off = False
                self._queue.done(mail)
                self._say(logging.INFO, "mail-sent", mail.subject, to=", ".join(mail.recipients))
                self._tell_refused(mail, refused)
            case Refused(why):
                self._queue.done(mail)
                self._give_up(mail, f"the mail server will never take it: {why}")
            case PutOff(why, left, refused):
                self.counts.put_off += 1
                self._tell_refused(mail, refused)
                if self._queue.deferred(mail, left, self._clock()):
                    self._tell_put_off(mail, why)
                else:
                    self._give_up(mail, f"it could not be delivered for {GIVEN_UP_AFTER_S / 3600:g} h: {why}")

    def _tell_refused(self, mail: Mail, refused: tuple[str, ...]) -> None:
        for why in refused:
            self._say(logging.ERROR, "mail-refused", mail.subject, detail=why)

    def _tell_put_off(self, mail: Mail, why: str) -> None:
        """A server that is down for a night is told of once."""
        level = logging.DEBUG if self._told_put_off else logging.WARNING
        self._told_put_off = True
        what = f"it is tried again, and {len(self._queue) - 1} others wait"
        self._say(level, "mail-put-off", what, detail=why, server=self._settings.smtp_server)

    def _give_up(self, mail: Mail, why: str) -> None:
        self.counts.given_up += 1
        self._say(logging.ERROR, "mail-given-up", why, mail=mail.subject, to=", ".join(mail.recipients))


class _Attempt:
    """One conversation in a thread that dies with the process."""

    def __init__(self, settings: MailSettings, mail: Mail) -> None:
        self._loop = asyncio.get_running_loop()
        self.result: asyncio.Future[Result] = self._loop.create_future()
        self._connection: socket.socket | None = None
        self._cut = False
        self._thread = threading.Thread(target=self._talk, args=(settings, mail), daemon=True, name="mail")
        self._thread.start()

    def _talk(self, settings: MailSettings, mail: Mail) -> None:
        try:
            result: Result = deliver(settings, mail, self._opened)
        except Exception as error:  # noqa: BLE001 - a thread has nobody who would hear of it
            result = PutOff(f"{type(error).__name__}: {error}", mail.recipients)
        with contextlib.suppress(RuntimeError):  # the agent has ended meanwhile
            self._loop.call_soon_threadsafe(self._tell, result)

    def _tell(self, result: Result) -> None:
        if not self.result.done():
            self.result.set_result(result)

    def _opened(self, connection: socket.socket) -> None:
        """In the thread. A socket of its own, so that it cannot be closed under us and its number reused."""
        self._connection = connection.dup()
        if self._cut:
            self.cut()

    def cut(self) -> None:
        """Whatever it waits for, it waits no longer."""
        self._cut = True
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
