"""The shell of tracked things over a host in memory: what it tells, and what a reload leaves alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tests.agent.shell_bench import Bench, play
from tests.config.sources import config_of
from vipkeeper.agent.tracks_shell import TracksShell
from vipkeeper.config.schema import Config
from vipkeeper.election.events import WeightChanged
from vipkeeper.model.reasons import Reason
from vipkeeper.model.weights import Weight

PATIENCE_S = 30.0
REST = """
[etcd]
endpoints = ["127.0.0.1:2379"]
[vip.web]
addresses = ["192.0.2.1", "2001:db8::1"]
interface = "eth0"
[vip.mail]
addresses = ["192.0.2.2"]
interface = "eth1"
"""
MAINT = '[track_file.maint]\nfile = "{dir}/down"\nweight = -1\n[vip.web.track_file.maint]\n'
SLOW = (
    "[track_script.slow]\n"
    """script = "sh -c 'echo run >> {dir}/runs; until test -e {dir}/go; do sleep 0.05; done; """
    """test -e {dir}/well'"\n"""
    "interval = 1\ntimeout = 600\n[vip.web.track_script.slow]\n"
)


def tracking(tables: str, directory: Path) -> Config:
    return config_of(tables.replace("{dir}", str(directory)) + REST)


class Tracked:
    """A bench with its tracks."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.tracks = TracksShell(self.bench.shell, self.bench.told.append, lambda: self.bench.now_s)
        self.bench.looked = self.tracks.looked

    def weights(self, unit: str = "web") -> list[Weight]:
        return [event.weights[unit] for event in self.bench.heard(WeightChanged) if unit in event.weights]

    def verdict(self, unit: str = "web") -> Reason | None:
        return self.bench.verdicts(unit)[-1]

    @contextlib.asynccontextmanager
    async def running(self, config: Config, *, held: str = "") -> AsyncIterator[None]:
        async with self.bench.running():
            if held:
                self.bench.hold(held)
            self.tracks.want(config)
            try:
                yield
            finally:
                await self.tracks.close()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._until(true)

    @staticmethod
    async def _until(true: Callable[[], bool]) -> None:
        while not true():  # noqa: ASYNC110 - what is waited for happens in the kernel
            await asyncio.sleep(0.01)


def test_a_file_weighs_on_the_units_that_track_it_alone(tmp_path: Path) -> None:
    async def story() -> None:
        tracked = Tracked()
        async with tracked.running(tracking(MAINT, tmp_path)):
            assert tracked.weights() == []
            (tmp_path / "down").write_text("5")
            await tracked.until(lambda: tracked.weights() == [Weight(-5, "-5 maint")])
            assert tracked.weights("mail") == []
            (report,) = tracked.tracks.report()
            assert (report.kind, report.name, report.number, report.vips) == ("file", "maint", 5, ("web",))

    play(story)


def test_an_interface_without_weight_is_a_fault_and_comes_back(tmp_path: Path) -> None:
    async def story() -> None:
        tracked = Tracked()
        async with tracked.running(tracking("[vip.web.track_interface.eth1]\n", tmp_path)):
            assert tracked.verdict() is None
            tracked.bench.kernel.set_carrier("eth1", up=False)
            await tracked.until(lambda: tracked.verdict() is Reason.CHECK_FAILED)
            tracked.bench.kernel.set_carrier("eth1", up=True)
            await tracked.until(lambda: tracked.verdict() is None)

    play(story)


def test_a_newcomer_waits_for_the_first_result(tmp_path: Path) -> None:
    async def story() -> None:
        tracked = Tracked()
        async with tracked.running(tracking(SLOW, tmp_path)):
            assert tracked.verdict() is Reason.CHECK_PENDING
            assert tracked.verdict("mail") is None
            (tmp_path / "well").touch()
            (tmp_path / "go").touch()
            await tracked.until(lambda: tracked.verdict() is None)

    play(story)


def test_who_holds_it_waits_for_nothing_and_believes_a_no(tmp_path: Path) -> None:
    async def story() -> None:
        tracked = Tracked()
        async with tracked.running(tracking(SLOW, tmp_path), held="web"):
            assert Reason.CHECK_PENDING not in tracked.bench.verdicts("web")
            (tmp_path / "go").touch()
            await tracked.until(lambda: tracked.verdict() is Reason.CHECK_FAILED)

    play(story)


def test_a_reload_leaves_alone_what_it_does_not_change(tmp_path: Path) -> None:
    async def story() -> None:
        tracked, runs = Tracked(), tmp_path / "runs"
        config = tracking(SLOW + MAINT, tmp_path)
        async with tracked.running(config):
            await tracked.until(runs.exists)
            tracked.tracks.want(config)
            tracked.tracks.want(tracking(SLOW, tmp_path))
            tracked.tracks.want(config)
            await asyncio.sleep(0.3)
            assert runs.read_text() == "run\n"

    play(story)


def test_a_check_that_a_reload_adds_bars_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        tracked = Tracked()
        async with tracked.running(tracking("", tmp_path)):
            tracked.tracks.want(tracking(SLOW, tmp_path))
            assert tracked.verdict() is None
            (tmp_path / "go").touch()
            await tracked.until(lambda: tracked.verdict() is Reason.CHECK_FAILED)

    play(story)


def test_a_check_that_a_reload_changes_keeps_its_verdict_until_there_is_another(tmp_path: Path) -> None:
    async def story() -> None:
        tracked = Tracked()
        (tmp_path / "go").touch()
        weighed = SLOW.replace("timeout = 600", "timeout = 600\nweight = -20")
        async with tracked.running(tracking(weighed, tmp_path)):
            await tracked.until(lambda: tracked.weights() == [Weight(-20, "-20 slow")])
            (tmp_path / "go").unlink()
            tracked.tracks.want(tracking(weighed.replace("interval = 1", "interval = 2"), tmp_path))
            assert tracked.weights() == [Weight(-20, "-20 slow")]
            (tmp_path / "well").touch()
            (tmp_path / "go").touch()
            await tracked.until(lambda: tracked.weights()[-1] == Weight())
            assert len(tracked.weights()) == 2

    play(story)


def test_a_track_that_a_reload_removes_weighs_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        tracked = Tracked()
        (tmp_path / "down").write_text("5")
        async with tracked.running(tracking(MAINT, tmp_path)):
            assert tracked.weights() == [Weight(-5, "-5 maint")]
            tracked.tracks.want(tracking("", tmp_path))
            assert tracked.weights()[-1] == Weight()
            assert tracked.tracks.report() == ()

    play(story)
