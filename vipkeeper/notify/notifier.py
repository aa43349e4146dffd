"""Hears each change of a VIP from whoever decides, and tells it to programs, the FIFO and by mail.

Rules of this file: `hear` returns at once and never raises for what others did; only what is configured is
loaded. An earlier process's word counts: what it told to the end is not told again, except to the FIFO, whose
reader may be new.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from vipkeeper.config.notify_schema import NotifyScript, Scripts
from vipkeeper.config.schema import Config
from vipkeeper.model.state_changes import StateChange, VipState
from vipkeeper.notify.counts import NotifyCounts
from vipkeeper.notify.fifo_outlet import FifoOutlet
from vipkeeper.notify.notification import REMARKS, Name, Notification
from vipkeeper.notify.saying import Say
from vipkeeper.notify.script_turns import ScriptTurns
from vipkeeper.notify.told_states import ToldStates

if TYPE_CHECKING:
    from vipkeeper.notify.mail_outlet import MailOutlet


# A thousand VIPs that move together are kept with one write. What a process that is killed meanwhile has told
# is told once more by the next one.
KEPT_WITHIN_S = 0.2


class Notifier:
    """One agent's. Needs a running event loop.

    `earlier` is what earlier processes told to the end; `keep` is called when that changes.
    """

    def __init__(
        self,
        config: Config,
        say: Say,
        *,
        clock: Callable[[], float],
        earlier: Mapping[Name, VipState],
        keep: Callable[[Mapping[Name, VipState]], None],
    ) -> None:
        self._say = say
        self._clock = clock
        self._keep = keep
        self._delivered = dict(earlier)
        self._keeping: asyncio.TimerHandle | None = None
        self._states = ToldStates(config, earlier)
        self._turns = ScriptTurns(config.scripts, say, self._told)
        self._fifo = FifoOutlet(config.scripts, say)
        self._mail: MailOutlet | None = None
        self._follow_mail(config)
        self._examine(config)

    def hear(self, change: StateChange) -> None:
        """The kernel has it already."""
        self._tell(self._states.take(change))

    def reconfigure(self, config: Config) -> None:
        """A reload. What runs goes on, and what waits is told as it was meant."""
        self._states.reconfigure(config)
        self._turns.reconfigure(config.scripts)
        self._fifo.reconfigure(config.scripts)
        self._follow_mail(config)
        self._examine(config)
        if config.scripts.fifo_states_on_reload:
            for notification in self._states.present():
                self._fifo.write(notification)

    async def end(self, *, keep: bool) -> None:
        """The agent holds nothing any more, or with `keep` leaves all to the next one."""
        if keep:
            await self._turns.abandon()
        else:
            stops = self._states.stop()
            for stop in stops:
                self._write(stop)
            await self._turns.end(stops)
        await self._fifo.end(keep=keep)
        if self._mail is not None:
            await self._mail.end()
        if self._keeping is not None:
            self._keeping.cancel()
            self._keep_now()

    def counts(self) -> NotifyCounts:
        """As of now."""
        scripts, mail = self._turns.counts, self._mail
        return NotifyCounts(
            scripts_run=scripts.run,
            scripts_failed=scripts.failed,
            scripts_left_out=scripts.left_out,
            scripts_waiting=self._turns.waiting,
            fifo_lost=self._fifo.lost,
            mails_sent=0 if mail is None else mail.counts.sent,
            mails_given_up=0 if mail is None else mail.counts.given_up,
            mails_waiting=0 if mail is None else mail.waiting,
        )

    def _tell(self, notifications: list[Notification]) -> None:
        for notification in notifications:
            self._write(notification)
            if not notification.again:
                self._turns.add(notification)

    def _write(self, notification: Notification) -> None:
        """What needs no program."""
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
        self._keep(self._delivered)

    def _follow_mail(self, config: Config) -> None:
        """The mail part takes 2 MB, and is loaded by the first configuration that wants it."""
        wanted = bool(config.mail.notification_email and config.mail.smtp_server)
        if self._mail is not None:
            self._mail.reconfigure(config)
        elif wanted:
            from vipkeeper.notify.mail_outlet import MailOutlet

            self._mail = MailOutlet(config, self._say, self._clock)

    def _examine(self, config: Config) -> None:
        """Say now what would keep a program from running when it is needed."""
        for where, script in _scripts_of(config):
            if script.script is not None:
                self._examine_one(where, script, config.scripts)

    def _examine_one(self, where: str, script: NotifyScript, scripts: Scripts) -> None:
        from vipkeeper.scripts.resolving import resolve_program

        program = resolve_program(script.script or "", scripts, user=script.user, group=script.group)
        if program.refused:
            self._say(logging.ERROR, "script-refused", program.refused, setting=where, script=program.text)
        elif program.warning:
            self._say(logging.WARNING, "script-security", program.warning, setting=where, script=program.text)


def _scripts_of(config: Config) -> list[tuple[str, NotifyScript]]:
    """Each with the name of its setting."""
    scripts = config.scripts
    found = [
        ("scripts.fifo_script", scripts.fifo_script),
        ("scripts.startup", scripts.startup),
        ("scripts.shutdown", scripts.shutdown),
    ]
    tables = [(f"vip.{name}", vip.notify) for name, vip in config.vip.items()]
    tables += [(f"sync_group.{name}", group.notify) for name, group in config.sync_group.items()]
    for where, notify in tables:
        for field in msgspec.structs.fields(notify):
            script = getattr(notify, field.name)
            if isinstance(script, NotifyScript):
                found.append((f"{where}.notify.{field.name}", script))
    return found
