"""Hears each change of a VIP from whoever decides, and tells it to programs, the FIFO and by mail.

Rules of this file: `hear` returns at once and never raises for what others did; only what is configured is
loaded. An earlier process's word counts: what it told to the end is not told again, except to the FIFO, whose
reader may be new.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from vipkeeper.config.mistakes import dotted
from vipkeeper.config.notify_schema import NotifyScript, Scripts
from vipkeeper.config.programs_named import notify_scripts
from vipkeeper.config.schema import Config
from vipkeeper.model.state_changes import StateChange, VipState
from vipkeeper.notify.counts import NotifyCounts
from vipkeeper.notify.memory import Memory
from vipkeeper.notify.notification import REMARKS, Notification
from vipkeeper.notify.saying import Say
from vipkeeper.notify.told_states import ToldStates

if TYPE_CHECKING:
    from vipkeeper.notify.fifo_outlet import FifoOutlet
    from vipkeeper.notify.mail_outlet import MailOutlet
    from vipkeeper.notify.script_turns import ScriptTurns


# A thousand VIPs that move together are kept with one write. What a process that is killed meanwhile has told
# is told once more by the next one.
KEPT_WITHIN_S = 0.2


class Notifier:
    """One agent's. Needs a running event loop. `clock` is CLOCK_BOOTTIME in seconds."""

    def __init__(self, config: Config, say: Say, *, clock: Callable[[], float], memory: Memory) -> None:
        self._say = say
        self._clock = clock
        self._memory = memory
        earlier = memory.states()
        self._delivered = dict(earlier)
        self._keeping: asyncio.TimerHandle | None = None
        self._states = ToldStates(config, earlier)
        self._turns: ScriptTurns | None = None
        self._fifo: FifoOutlet | None = None
        self._mail: MailOutlet | None = None
        self._follow(config)

    def hear(self, change: StateChange) -> None:
        """The kernel has it already."""
        self._tell(self._states.take(change))

    def reconfigure(self, config: Config) -> None:
        """A reload. What runs goes on, and what waits is told as it was meant."""
        self._states.reconfigure(config)
        self._follow(config)
        if self._fifo is not None and config.scripts.fifo_states_on_reload:
            for notification in self._states.present():
                self._fifo.write(notification)

    async def end(self, *, keep: bool) -> None:
        """The agent holds nothing any more, or with `keep` leaves all to the next one."""
        if not keep:
            stops = self._states.stop()
            for stop in stops:
                self._write(stop)
            if self._turns is not None:
                await self._turns.end(stops)
        elif self._turns is not None:
            await self._turns.abandon()
        if self._fifo is not None:
            await self._fifo.end(keep=keep)
        if self._mail is not None and keep:
            self._memory.keep_mails(await self._mail.leave())
        elif self._mail is not None:
            await self._mail.end()
        if self._keeping is not None:
            self._keeping.cancel()
            self._keep_now()

    def counts(self) -> NotifyCounts:
        """As of now."""
        turns, mail = self._turns, self._mail
        return NotifyCounts(
            scripts_run=0 if turns is None else turns.counts.run,
            scripts_failed=0 if turns is None else turns.counts.failed,
            scripts_left_out=0 if turns is None else turns.counts.left_out,
            scripts_waiting=0 if turns is None else turns.waiting,
            fifo_lost=0 if self._fifo is None else self._fifo.lost,
            mails_sent=0 if mail is None else mail.counts.sent,
            mails_given_up=0 if mail is None else mail.counts.given_up,
            mails_waiting=0 if mail is None else mail.waiting,
        )

    def _tell(self, notifications: list[Notification]) -> None:
        for notification in notifications:
            self._write(notification)
            if notification.again:
                continue
            if self._turns is None:
                self._told(notification)
            else:
                self._turns.add(notification)

    def _write(self, notification: Notification) -> None:
        """What needs no program."""
        if self._fifo is not None:
            self._fifo.write(notification)
        if self._mail is not None and not notification.again:
            self._mail.add(notification)

    def _told(self, notification: Notification) -> None:
        if notification.state in REMARKS:
            return
        if notification.state is VipState.DELETED:
            self._delivered.pop(notification.of, None)
        else:
            self._delivered[notification.of] = notification.state
        if self._keeping is None:
            self._keeping = asyncio.get_running_loop().call_later(KEPT_WITHIN_S, self._keep_now)

    def _keep_now(self) -> None:
        self._keeping = None
        self._memory.keep_states(self._delivered)

    def _follow(self, config: Config) -> None:
        """Each part is loaded by the first configuration that wants it: mail takes 1 MB, the others less."""
        scripts, mail = config.scripts, config.mail
        found = [
            (dotted(path), script) for path, script in notify_scripts(config) if script.script is not None
        ]
        if self._turns is not None:
            self._turns.reconfigure(scripts)
        elif found:
            from vipkeeper.notify.script_turns import ScriptTurns

            self._turns = ScriptTurns(scripts, self._say, self._told)
        if self._fifo is not None:
            self._fifo.reconfigure(scripts)
        elif scripts.fifo is not None:
            from vipkeeper.notify.fifo_outlet import FifoOutlet

            self._fifo = FifoOutlet(scripts, self._say)
        if self._mail is not None:
            self._mail.reconfigure(config)
        elif mail.notification_email and mail.smtp_server:
            from vipkeeper.notify.mail_outlet import MailOutlet

            self._mail = MailOutlet(config, self._say, self._clock)
            self._mail.go_on(self._memory.take_mails())
        for where, script in found:
            self._examine_one(where, script, scripts)

    def _examine_one(self, where: str, script: NotifyScript, scripts: Scripts) -> None:
        """Say now what would keep a program from running when it is needed."""
        from vipkeeper.scripts.resolving import resolve_program

        program = resolve_program(script.script or "", scripts, user=script.user, group=script.group)
        if program.refused:
            self._say(logging.ERROR, "script-refused", program.refused, setting=where, script=program.text)
        elif program.warning:
            self._say(logging.WARNING, "script-security", program.warning, setting=where, script=program.text)
