"""Carries out the faults of a schedule in a world, at a time or when a transaction sets them off."""

from __future__ import annotations

from functools import partial

from backends.store import Transaction
from tests.simulation import faults
from tests.simulation.faults import Action, At, Fault, OnCommit, Phase
from tests.simulation.host import KEYS
from tests.simulation.segment import Fate
from tests.simulation.world import World
from vipkeeper.election.events import ConflictHeard
from vipkeeper.model.reasons import Reason


class FaultDesk:
    """The one that strikes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: list[tuple[OnCommit, Action]] = []
        world.segment.onlooker = self._look

    def plan(self, planned: tuple[Fault, ...]) -> None:
        """Enter the faults into the agenda."""
        for fault in planned:
            if isinstance(fault.when, At):
                self._world.timeline.at(fault.when.time_s, partial(self._strike, fault.what, 0, None))
            else:
                self._waiting.append((fault.when, fault.what))

    def close(self) -> None:
        """No fault strikes from now on."""
        self._waiting.clear()

    def _look(self, host: int, transaction: Transaction, phase: Phase, fate: Fate) -> None:
        if not self._waiting:
            return
        now_s = self._world.timeline.now_s
        for entry in tuple(self._waiting):
            when, what = entry
            if (
                when.phase is phase
                and when.after_s <= now_s
                and when.host in (None, host)
                and when.kind is self._world.kind_of(transaction)
            ):
                self._waiting.remove(entry)
                self._strike(what, host, fate)

    def _strike(self, what: Action, sender: int, fate: Fate | None) -> None:
        self._world.trace.note("fault", f"{what} {'' if fate is None else f'set off by host {sender}'}")
        if fate is not None and self._strike_message(what, fate):
            return
        if not self._strike_process(what, sender):
            self._strike_surroundings(what, sender)

    def _strike_message(self, what: Action, fate: Fate) -> bool:
        match what:
            case faults.HoldRequest():
                fate.request_s = what.for_s
            case faults.HoldReply():
                fate.reply_s = what.for_s
            case faults.LoseRequest():
                fate.request_s = None
            case faults.LoseReply():
                fate.reply_s = None
            case _:
                return False
        return True

    def _strike_process(self, what: Action, sender: int) -> bool:
        world = self._world
        match what:
            case faults.Freeze():
                process = world.process(what.host, sender)
                if process is not None:
                    process.freeze(what.for_s, in_step=what.in_step)
            case faults.Kill():
                world.kill(_number(what.host, sender), what.restart_after_s)
            case faults.Reboot():
                world.reboot(
                    _number(what.host, sender), what.down_s, keeps_run_directory=what.keeps_run_directory
                )
            case faults.Stop():
                world.stop(_number(what.host, sender), keep=what.keep, restart_after_s=what.restart_after_s)
            case faults.Unfit():
                self._make_unfit(_number(what.host, sender), what.unit, what.for_s)
            case faults.Reload():
                number = _number(what.host, sender)
                world.hosts[number].reload(what)
                process = world.process(number, sender)
                if process is not None:
                    process.reload()
            case faults.SlowRemoval():
                kernel = world.hosts[_number(what.host, sender)].kernel
                kernel.remove_late_until(world.timeline.now_s + what.for_s)
            case faults.Hear():
                number = _number(what.host, sender)
                process = world.process(number, sender)
                if process is not None:
                    process.hear(ConflictHeard(world.hosts[number].unit_name(what.unit), "02:00:00:00:00:01"))
            case _:
                return False
        return True

    def _strike_surroundings(self, what: Action, sender: int) -> None:
        world = self._world
        now_s = world.timeline.now_s
        match what:
            case faults.Cut():
                world.segment.bar(_number(what.host, sender), now_s + what.for_s)
            case faults.StoreDown():
                world.segment.bar(None, now_s + what.for_s)
            case faults.BreakWatch():
                world.segment.break_watches(_number(what.host, sender), what.noticed_after_s)
            case faults.StallWatch():
                world.segment.stall_watch(_number(what.host, sender), now_s + what.for_s)
            case faults.Silence():
                world.datagrams.silence(_number(what.host, sender), now_s + what.for_s)
            case faults.SlowDatagrams():
                world.datagrams.slow_down(_number(what.host, sender), now_s + what.for_s, what.by_s)
            case faults.DeleteRecord():
                unit = world.hosts[0].units[what.unit % len(world.hosts[0].units)]
                key = KEYS.address(unit.addresses[0]) if what.of_address else KEYS.vip(unit.name)
                world.store.commit(Transaction(deletes=frozenset({key})))
            case faults.Wipe():
                world.store.wipe(KEYS.prefix)
            case faults.Restore():
                world.segment.shut(now_s + what.down_s)
                world.timeline.after(what.down_s, partial(world.restore_backup, now_s - what.age_s))
            case faults.Compact():
                world.store.compact(world.store.revision)
            case _:
                pass

    def _make_unfit(self, number: int, unit: int, for_s: float) -> None:
        world = self._world
        name = world.hosts[number].unit_name(unit)
        world.hosts[number].unfit[name] = Reason.INTERFACE_DOWN
        self._tell_fitness(number)

        def fit_again() -> None:
            if world.hosts[number].unfit.pop(name, None) is not None:
                self._tell_fitness(number)

        world.timeline.after(for_s, fit_again)

    def _tell_fitness(self, number: int) -> None:
        process = self._world.process(number, number)
        if process is not None:
            process.look_at_fitness()


def _number(host: int | None, sender: int) -> int:
    return sender if host is None else host
