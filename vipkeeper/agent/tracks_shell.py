"""Watches what the units of this node depend on, and tells who decides what it means.

Rules of this file: it judges nothing (`vipkeeper/health/` does) and knows neither store nor VRRP: what fails
goes to the host's shell as unfitness, what weighs to the decider as an event. A reload leaves alone what it
does not change; what it changes keeps the last verdict until there is another, so that nothing flaps. What
watches is loaded by the first configuration that wants it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.logs import log
from vipkeeper.agent.tasks import aside
from vipkeeper.config.notify_schema import Scripts
from vipkeeper.config.schema import Config
from vipkeeper.config.track_schema import TrackScript
from vipkeeper.config.tracking import TrackKind, UnitTrack, unit_tracks
from vipkeeper.election.events import Event, WeightChanged
from vipkeeper.health.first_numbers import write_first_numbers
from vipkeeper.health.verdicts import TrackKey, TrackState, Verdict
from vipkeeper.health.weighing import Judgement, judge
from vipkeeper.model.agent_report import TrackReport
from vipkeeper.model.host import Link
from vipkeeper.model.reasons import Reason
from vipkeeper.model.weights import Weight

if TYPE_CHECKING:
    from vipkeeper.health.process_watch import ProcessWatch
    from vipkeeper.health.script_rounds import ScriptRound
    from vipkeeper.health.watched_files import WatchedFiles
    from vipkeeper.scripts.pace import StartPace

# Between the first runs of two scripts; with equal intervals they stay as far apart.
_SPREAD_S = 0.02

# At the end of the agent: the next one may wait for it, with a lease that runs.
_LAST_PATIENCE_S = 0.2

_Wish = tuple[TrackScript, Scripts]


class TracksShell:
    """All tracked things of one agent. `post` takes events for who decides."""

    def __init__(self, host: HostShell, post: Callable[[Event], None], clock: Callable[[], float]) -> None:
        self._host = host
        self._post = post
        self._units: Mapping[str, tuple[UnitTrack, ...]] = {}
        self._dependent: dict[TrackKey, list[str]] = {}  # units, by what they depend on
        self._states: dict[TrackKey, TrackState] = {}
        self._links: Mapping[str, Link] = {}
        self._told: dict[str, Judgement] = {}
        self._begun: set[str] = set()  # units that were candidates before; no check that is new bars them
        self._scripts: dict[str, tuple[_Wish, asyncio.Task[None]]] = {}
        self._clock = clock
        self._pace: StartPace | None = None
        self._files: WatchedFiles | None = None
        self._processes: ProcessWatch | None = None
        self._looks: list[asyncio.Task[None]] = []
        self._busy = False  # several things are about to be told; they are weighed together

    def want(self, config: Config) -> None:
        """From now on this: at the start, once the host's shell has looked, and at each reload."""
        self._units = unit_tracks(config)
        self._begun &= self._units.keys()
        self._dependent = {}
        for unit, tracks in self._units.items():
            for track in tracks:
                self._dependent.setdefault(TrackKey(track.kind, track.name), []).append(unit)
        wanted = self._dependent.keys()
        self._states = {key: state for key, state in self._states.items() if key in wanted}
        self._busy = True
        try:
            self._want_scripts(config, _names(wanted, TrackKind.SCRIPT))
            self._want_files(config, _names(wanted, TrackKind.FILE))
            self._want_processes(config, _names(wanted, TrackKind.PROCESS))
            self._look_at_links()
        finally:
            self._busy = False
        self._told = {unit: told for unit, told in self._told.items() if unit in self._units}
        self._weigh(self._units)

    def looked(self, links: Mapping[str, Link]) -> None:
        """The host's shell has read the interfaces anew."""
        self._links = links
        self._look_at_links()

    def report(self) -> tuple[TrackReport, ...]:
        """Each tracked thing, and the units that depend on it."""
        reports = []
        for key in sorted(self._dependent, key=lambda key: (key.kind.value, key.name)):
            state = self._states.get(key, TrackState())
            number = state.number if key.kind is TrackKind.FILE else None
            units = tuple(self._dependent[key])
            reports.append(
                TrackReport(key.kind.value, key.name, state.verdict.value, state.detail, units, number)
            )
        return tuple(reports)

    async def close(self) -> None:
        """Watch nothing any more, and end the scripts that run."""
        tasks = [*self._looks, *(task for _, task in self._scripts.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._pace is not None:
            from vipkeeper.scripts.running import end_cancelled

            await end_cancelled(_LAST_PATIENCE_S)
        if self._files is not None:
            self._files.close()
        if self._processes is not None:
            self._processes.close()

    def _want_files(self, config: Config, names: list[str]) -> None:
        if self._files is None:
            if not names:
                return
            from vipkeeper.health.watched_files import WatchedFiles

            kind = TrackKind.FILE
            self._files = WatchedFiles(partial(self._changed, kind), partial(_warn, kind))
            self._looks.append(aside(self._files.run(), "tracked-files"))
        self._files.want({name: config.track_file[name].file for name in names})

    def _want_processes(self, config: Config, names: list[str]) -> None:
        if self._processes is None:
            if not names:
                return
            from vipkeeper.health.process_watch import ProcessWatch

            kind = TrackKind.PROCESS
            self._processes = ProcessWatch(partial(self._changed, kind), partial(_warn, kind), self._clock)
            self._looks.append(aside(self._processes.run(), "tracked-processes"))
        self._processes.want({name: config.track_process[name] for name in names})

    def _want_scripts(self, config: Config, names: list[str]) -> None:
        wishes = {name: (config.track_script[name], _who_runs(config.scripts)) for name in names}
        for name, (wish, task) in list(self._scripts.items()):
            if wishes.get(name) != wish:
                task.cancel()
                del self._scripts[name]
        new = [name for name in names if name not in self._scripts]
        if not new:
            return
        from vipkeeper.health.script_rounds import ScriptWatch
        from vipkeeper.scripts.pace import StartPace

        self._pace = self._pace or StartPace()
        for position, name in enumerate(new):
            settings, scripts = wishes[name]
            watch = ScriptWatch(settings, scripts, partial(self._ran, name), self._pace)
            if watch.warning:
                _warn(TrackKind.SCRIPT, name, f"{watch.warning} (enable_script_security would refuse it)")
            key = TrackKey(TrackKind.SCRIPT, name)
            self._states.setdefault(key, watch.state)
            first_after_s = min(position * _SPREAD_S, position * settings.interval_s / len(new))
            self._scripts[name] = wishes[name], aside(watch.run(first_after_s), f"track_script {name}")

    def _ran(self, name: str, found: ScriptRound) -> None:
        outcome = found.outcome
        if found.changed and found.state.verdict is Verdict.IGNORED:
            _warn(TrackKind.SCRIPT, name, f"it counts for nothing until it can run: {outcome.explained}")
        elif found.changed or outcome.output:
            level = logging.INFO if found.changed and not outcome.succeeded else logging.DEBUG
            log(level, "script", outcome.output, track=name, ended=outcome.explained)
        self._changed(TrackKind.SCRIPT, name, found.state)

    def _look_at_links(self) -> None:
        for name in _names(self._dependent.keys(), TrackKind.INTERFACE):
            link = self._links.get(name)
            detail = (
                "it does not exist" if link is None else "" if link.up else "it is down or has no carrier"
            )
            verdict = Verdict.NOT_WELL if detail else Verdict.WELL
            self._changed(TrackKind.INTERFACE, name, TrackState(verdict, detail=detail))

    def _changed(self, kind: TrackKind, name: str, state: TrackState) -> None:
        key = TrackKey(kind, name)
        before = self._states.get(key, TrackState())
        if before == state:
            return
        self._states[key] = state
        if (before.verdict, before.number) != (state.verdict, state.number):
            shown = {"number": state.number} if kind is TrackKind.FILE else {"state": state.verdict.value}
            log(logging.INFO, "track", state.detail, kind=kind.value, track=name, **shown)
        if not self._busy:
            self._weigh(self._dependent[key])

    def _weigh(self, units: Iterable[str]) -> None:
        """Judge these units anew, and tell what is new of them: first what they weigh."""
        weights: dict[str, Weight] = {}
        for unit in units:
            held, begun = self._host.holds(unit), unit in self._begun
            found = judge(self._units[unit], self._states, held=held, begun=begun)
            if found.weight != self._told.get(unit, Judgement()).weight:
                weights[unit] = found.weight
            if found.unfit is not Reason.CHECK_PENDING:
                self._begun.add(unit)
            self._told[unit] = found
        if weights:
            for unit, weight in sorted(weights.items()):
                log(logging.INFO, "weight", weight.explained, vip=unit, weight=f"{weight.total:+d}")
            self._post(WeightChanged(weights))
        self._host.fitness.checked(
            {unit: (told.unfit, told.detail) for unit, told in self._told.items() if told.unfit is not None}
        )


def make_files(config: Config, *, starts: bool) -> None:
    """Those with `init_file`, before anybody reads them: here, or in the director."""
    write_first_numbers(config.track_file, partial(_warn, TrackKind.FILE), starts=starts)


def _names(wanted: Iterable[TrackKey], kind: TrackKind) -> list[str]:
    return sorted(key.name for key in wanted if key.kind is kind)


def _who_runs(scripts: Scripts) -> Scripts:
    """What of [scripts] concerns a check: a change of the rest starts no check anew."""
    return Scripts(
        user=scripts.user,
        group=scripts.group,
        enable_script_security=scripts.enable_script_security,
        set_supplementary_groups=scripts.set_supplementary_groups,
    )


def _warn(kind: TrackKind, name: str, message: str) -> None:
    log(logging.WARNING, "track", message, kind=kind.value, track=name)
