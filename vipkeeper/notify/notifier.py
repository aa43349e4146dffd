"""Hears each change of a VIP or a server from whoever decides, and tells it to programs, FIFOs and by mail.

Rules of this file: what hears returns at once and never raises for what others did; only what is configured
is loaded. An earlier process's word counts: what it told to the end is not told again, except to the FIFO,
whose reader may be new.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from vipkeeper.config.mistakes import dotted
from vipkeeper.config.notify_schema import NotifyScript, Scripts
from vipkeeper.config.programs_named import notify_scripts
from vipkeeper.config.schema import Config
from vipkeeper.model.server_changes import ServerChange
from vipkeeper.model.state_changes import StateChange
from vipkeeper.notify.counts import NotifyCounts
from vipkeeper.notify.delivered import Delivered
from vipkeeper.notify.memory import Memory
from vipkeeper.notify.notification import Notification
from vipkeeper.notify.saying import Say
from vipkeeper.notify.server_notification import ServerNotification
from vipkeeper.notify.told_states import ToldStates

if TYPE_CHECKING:
    from vipkeeper.model.balancing import BalancingPlan
    from vipkeeper.notify.fifo_outlet import FifoOutlet
    from vipkeeper.notify.mail_outlet import MailOutlet
    from vipkeeper.notify.script_turns import ScriptTurns
    from vipkeeper.notify.told_servers import ToldServers


class Notifier:
    """One agent's. Needs a running event loop. `clock` is CLOCK_BOOTTIME in seconds.

    `plan`: the virtual servers of the configuration, None without any.
    """

    def __init__(
        self,
        config: Config,
        plan: BalancingPlan | None,
        say: Say,
        *,
        clock: Callable[[], float],
        memory: Memory,
    ) -> None:
        self._say = say
        self._clock = clock
        self._memory = memory
        self._delivered = Delivered(memory)
        self._states = ToldStates(config, self._delivered.states)
        self._servers: ToldServers | None = None
        self._turns: ScriptTurns | None = None
        self._fifo: FifoOutlet | None = None
        self._server_fifo: FifoOutlet | None = None
        self._mail: MailOutlet | None = None
        self._follow(config, plan)

    def hear(self, change: StateChange) -> None:
        """The kernel has it already."""
        for notification in self._states.take(change):
            self._write(notification)
            self._run(notification)

    def hear_server(self, change: ServerChange) -> None:
        """The same of a virtual or real server."""
        if self._servers is not None:
            for notification in self._servers.take(change):
                self._write_server(notification)
                self._run(notification)

    def reconfigure(self, config: Config, plan: BalancingPlan | None) -> None:
        """A reload. What runs goes on, and what waits is told as it was meant."""
        self._states.reconfigure(config)
        self._follow(config, plan)
        if self._fifo is not None and config.scripts.fifo_states_on_reload:
            for notification in self._states.present():
                self._fifo.write(notification)

    async def end(self, *, keep: bool) -> None:
        """The agent holds nothing any more, or with `keep` leaves all to the next one."""
        if not keep:
            await self._tell_the_end()
        elif self._turns is not None:
            await self._turns.abandon()
        for fifo in (self._fifo, self._server_fifo):
            if fifo is not None:
                await fifo.end(keep=keep)
        if self._mail is not None and keep:
            self._memory.keep_mails(await self._mail.leave())
        elif self._mail is not None:
            await self._mail.end()
        self._delivered.end()

    async def _tell_the_end(self) -> None:
        """Servers first: they stood on VIPs."""
        server_stops = [] if self._servers is None else self._servers.stop()
        for server_stop in server_stops:
            self._write_server(server_stop)
        stops = self._states.stop()
        for stop in stops:
            self._write(stop)
        if self._turns is not None:
            await self._turns.end([*server_stops, *stops])
        self._delivered.keep_servers(())  # the next agent begins, and says so

    def counts(self) -> NotifyCounts:
        """As of now."""
        turns, mail = self._turns, self._mail
        return NotifyCounts(
            scripts_run=0 if turns is None else turns.counts.run,
            scripts_failed=0 if turns is None else turns.counts.failed,
            scripts_left_out=0 if turns is None else turns.counts.left_out,
            scripts_waiting=0 if turns is None else turns.waiting,
            fifo_lost=sum(fifo.lost for fifo in (self._fifo, self._server_fifo) if fifo is not None),
            mails_sent=0 if mail is None else mail.counts.sent,
            mails_given_up=0 if mail is None else mail.counts.given_up,
            mails_waiting=0 if mail is None else mail.waiting,
        )

    def _run(self, notification: Notification | ServerNotification) -> None:
        """Programs, unless an earlier process has run them."""
        if notification.again:
            return
        if self._turns is None:
            self._delivered.told(notification)
        else:
            self._turns.add(notification)

    def _write(self, notification: Notification) -> None:
        """What needs no program."""
        if self._fifo is not None:
            self._fifo.write(notification)
        if self._mail is not None and not notification.again:
            self._mail.add(notification)

    def _write_server(self, notification: ServerNotification) -> None:
        if self._fifo is not None and self._all_to_one:
            self._fifo.write(notification)
        if self._server_fifo is not None:
            self._server_fifo.write(notification)
        if self._mail is not None and not notification.again:
            self._mail.add_server(notification)

    def _follow(self, config: Config, plan: BalancingPlan | None) -> None:
        """Each part is loaded by the first configuration that wants it: mail takes 1 MB, the others less."""
        scripts, mail = config.scripts, config.mail
        found = [
            (dotted(path), script) for path, script in notify_scripts(config) if script.script is not None
        ]
        if self._turns is not None:
            self._turns.reconfigure(scripts)
        elif found:
            from vipkeeper.notify.script_turns import ScriptTurns

            self._turns = ScriptTurns(scripts, self._say, self._delivered.told)
        self._follow_fifos(config)
        self._follow_servers(config, plan)
        if self._mail is not None:
            self._mail.reconfigure(config)
        elif mail.notification_email and mail.smtp_server:
            from vipkeeper.notify.mail_outlet import MailOutlet

            self._mail = MailOutlet(config, self._say, self._clock)
            self._mail.go_on(self._memory.take_mails())
        for where, script in found:
            self._examine_one(where, script, scripts)

    def _follow_fifos(self, config: Config) -> None:
        self._all_to_one = config.scripts.fifo_servers
        if self._fifo is None and self._server_fifo is None and not (config.scripts.fifo or config.ipvs.fifo):
            return
        from vipkeeper.notify.fifo_outlet import FifoOutlet, fifo_of_all, fifo_of_servers

        if self._fifo is None:
            self._fifo = FifoOutlet(fifo_of_all(config.scripts), self._say)
            self._server_fifo = FifoOutlet(fifo_of_servers(config), self._say)
        elif self._server_fifo is not None:
            self._fifo.reconfigure(fifo_of_all(config.scripts))
            self._server_fifo.reconfigure(fifo_of_servers(config))

    def _follow_servers(self, config: Config, plan: BalancingPlan | None) -> None:
        first = self._servers is None
        if first and plan is None:
            return
        from vipkeeper.model.balancing import BalancingPlan
        from vipkeeper.notify.told_servers import ToldServers

        servers = self._servers = self._servers or ToldServers(self._delivered.servers)
        servers.reconfigure(config, plan or BalancingPlan())
        if first:
            for known in servers.present():
                self._write_server(known)
        self._delivered.keep_servers(servers.names)

    def _examine_one(self, where: str, script: NotifyScript, scripts: Scripts) -> None:
        """Say now what would keep a program from running when it is needed."""
        from vipkeeper.scripts.resolving import resolve_program

        program = resolve_program(script.script or "", scripts, user=script.user, group=script.group)
        if program.refused:
            self._say(logging.ERROR, "script-refused", program.refused, setting=where, script=program.text)
        elif program.warning:
            self._say(logging.WARNING, "script-security", program.warning, setting=where, script=program.text)
