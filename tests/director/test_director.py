"""Checks, decisions and the table together: real servers on loopback, and a table in memory."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from tests.director.turns import others_turns
from tests.kernel_segment.segment import until_so
from vipkeeper.director.director import Director
from vipkeeper.director.long_work import LongWork
from vipkeeper.director.requests import answer_to
from vipkeeper.kernel.ipvs_host import IpvsMissing
from vipkeeper.kernel.ipvs_kernel import IpvsKernel
from vipkeeper.kernel.memory_ipvs import MemoryIpvs
from vipkeeper.model.balancing import (
    BalancingPlan,
    CheckKind,
    CheckPlan,
    Pacing,
    Reach,
    RealServerPlan,
    ServicePlan,
    SyncPlan,
    TcpAsk,
)
from vipkeeper.model.director_messages import Ask, Changed, DirectorAnswer
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    Service,
    SyncDaemon,
    SyncRole,
    Transport,
)
from vipkeeper.model.server_changes import QuorumChange, RealServerChange, ServerChange, ServerState

WEB = AddressKey(Transport.TCP, "192.0.2.80", 80)
OFTEN = Pacing(delay_loop_s=0.02, connect_timeout_s=10.0, retry=0, warmup_s=0.0)


def real_server(name: str, address: str, port: int = 80, *, checked: bool = False) -> RealServerPlan:
    check = CheckPlan(CheckKind.TCP, "it", OFTEN, TcpAsk(), Reach(address, port))
    key = DestinationKey(address, port)
    return RealServerPlan(name, key, Destination(), checks=(check,) if checked else ())


def plan(*servers: RealServerPlan, only_on_owner: bool = False, ha_suspend: bool = False) -> BalancingPlan:
    service = ServicePlan(
        "web",
        (WEB,),
        Service("rr"),
        servers,
        only_on_owner=only_on_owner,
        ha_suspend=ha_suspend,
        vips=("web",),
    )
    return BalancingPlan((service,))


class Bench:
    """A director, and what it told the agent."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.ipvs = MemoryIpvs()
        self.missing = False
        self.told: list[ServerChange] = []
        self.director = self.new_process()

    def new_process(self) -> Director:
        self.director = Director(
            self.run_dir, self._open, lambda message: self.told.extend(message.changes), time.monotonic
        )
        return self.director

    def _open(self) -> IpvsKernel:
        if self.missing:
            raise IpvsMissing
        return self.ipvs

    async def ask(self, ask: str, server: str = "") -> DirectorAnswer:
        line = msgspec.json.encode(Ask(ask, server))
        return msgspec.json.decode(await answer_to(line, self.director), type=DirectorAnswer)

    async def until_checked(self, *, more_than: int = 0) -> None:
        run = 0
        while run <= more_than:
            await asyncio.sleep(OFTEN.delay_loop_s)
            run = (await self.director.report(LongWork())).checks_run

    @property
    def serving(self) -> list[str]:
        """Addresses in the table that get something."""
        server = self.ipvs.table.servers.get(WEB)
        found = {} if server is None else server.destinations
        return sorted(key.address for key, how in found.items() if how.weight)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.director.run())
        try:
            yield
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.director.end(keep=True)


@contextlib.asynccontextmanager
async def listening(address: str) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """A port that takes connections, and what makes it refuse them."""

    def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, address, 0)
    try:
        yield server.sockets[0].getsockname()[1], server.close
    finally:
        server.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Made outside of a loop: a test makes the director that it runs inside."""
    return asyncio.run(_made(tmp_path))


async def _made(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_server_that_stops_answering_leaves_the_table_and_is_told(bench: Bench) -> None:
    async def story() -> None:
        bench.new_process()
        async with bench.running(), listening("127.0.0.1") as (port, stop):
            bench.director.follow(
                plan(real_server("a", "127.0.0.1", port, checked=True), real_server("b", "192.0.2.2"))
            )
            assert bench.serving == ["127.0.0.1", "192.0.2.2"]
            await bench.until_checked(more_than=1)
            told = len(bench.told)
            stop()
            await until_so(lambda: bench.serving == ["192.0.2.2"])
            (change,) = bench.told[told:]
            assert isinstance(change, RealServerChange)
            assert (change.real_server, change.state) == ("a", ServerState.DOWN)
            (shown, _) = (await bench.director.report(LongWork())).virtual_servers[0].real_servers
            assert shown.state == "down"
            assert shown.checks[0].state == "down"
            assert shown.checks[0].detail != ""

    asyncio.run(story())


def test_a_reload_keeps_what_checks_said(bench: Bench) -> None:
    async def story() -> None:
        bench.new_process()
        async with bench.running():
            servers = (real_server("a", "127.0.0.1", 1, checked=True), real_server("b", "192.0.2.2"))
            bench.director.follow(plan(*servers))
            await until_so(lambda: bench.serving == ["192.0.2.2"])
            bench.ipvs.applied.clear()
            bench.director.follow(plan(*servers))
            assert bench.ipvs.applied == []
            bench.director.follow(plan(*servers, real_server("c", "192.0.2.3")))
            assert bench.serving == ["192.0.2.2", "192.0.2.3"]

    asyncio.run(story())


def test_a_check_that_a_reload_has_otherwise_still_says_what_it_said(bench: Bench) -> None:
    """Else a dead server would serve until the check has run again, a minute later."""

    async def story() -> None:
        bench.new_process()
        async with bench.running():
            other = real_server("b", "192.0.2.2")
            one = real_server("a", "127.0.0.1", 1, checked=True)
            bench.director.follow(plan(one, other))
            await until_so(lambda: bench.serving == ["192.0.2.2"])
            (check,) = one.checks
            seldom = msgspec.structs.replace(check, pacing=Pacing(warmup_s=60.0))
            bench.director.follow(plan(msgspec.structs.replace(one, checks=(seldom,)), other))
            await asyncio.sleep(0)
            assert bench.serving == ["192.0.2.2"]

    asyncio.run(story())


def test_a_restart_takes_over_who_was_out(bench: Bench) -> None:
    """Else a dead server would get everybody until its checks have failed again."""

    async def story() -> None:
        bench.new_process()
        servers = (real_server("a", "127.0.0.1", 1, checked=True), real_server("b", "192.0.2.2"))
        async with bench.running():
            bench.director.follow(plan(*servers))
            await until_so(lambda: bench.serving == ["192.0.2.2"])
        bench.new_process()
        bench.told.clear()
        bench.ipvs.applied.clear()
        async with bench.running():
            bench.director.follow(plan(*servers))
            assert bench.serving == ["192.0.2.2"]
            await bench.until_checked(more_than=1)
            assert bench.ipvs.applied == []
            assert all(isinstance(change, QuorumChange) and change.first for change in bench.told)

    asyncio.run(story())


@pytest.mark.parametrize("restarted", [True, False])
def test_after_a_restart_one_failure_is_not_enough_if_it_is_to_be_retried(
    bench: Bench, restarted: bool
) -> None:
    """Else one lost packet after a crash would take out who serves; at a start nothing is known."""

    async def story() -> None:
        one, other = real_server("a", "127.0.0.1", 1, checked=True), real_server("b", "192.0.2.2")
        (check,) = one.checks
        patient = Pacing(warmup_s=0.0, retry=1, delay_before_retry_s=3600.0)
        one = msgspec.structs.replace(one, checks=(msgspec.structs.replace(check, pacing=patient),))
        if restarted:
            bench.new_process()
            bench.director.follow(plan(msgspec.structs.replace(one, checks=()), other))
            await bench.director.end(keep=True)
        bench.new_process()
        async with bench.running():
            bench.director.follow(plan(one, other))
            await bench.until_checked()
            await asyncio.sleep(0)
            assert bench.serving == (["127.0.0.1", "192.0.2.2"] if restarted else ["192.0.2.2"])

    asyncio.run(story())


def test_what_follows_a_vip_waits_for_word_of_it(bench: Bench) -> None:
    async def story() -> None:
        bench.new_process()
        ours = plan(real_server("a", "192.0.2.1"), only_on_owner=True)
        sync = SyncPlan(SyncDaemon("eth1"), "web")
        async with bench.running():
            bench.director.follow(msgspec.structs.replace(ours, sync=sync))
            bench.director.stand(frozenset({"web"}))
            assert bench.serving == ["192.0.2.1"]
        bench.new_process()
        bench.ipvs.applied.clear()
        async with bench.running():
            bench.director.follow(msgspec.structs.replace(ours, sync=sync))
            assert bench.ipvs.applied == [], "it is not known yet"
            bench.director.stand(frozenset({"web"}))
            assert bench.ipvs.applied == []
            assert (await bench.director.report(LongWork())).sync == "master"
            bench.director.stand(frozenset())
            assert bench.ipvs.table.servers == {}
            assert set(bench.ipvs.table.daemons) == {SyncRole.BACKUP}

    asyncio.run(story())


def test_without_ipvs_nobody_is_asked(bench: Bench) -> None:
    async def story() -> None:
        bench.new_process()
        bench.missing = True
        async with bench.running(), listening("127.0.0.1") as (port, _):
            bench.director.follow(plan(real_server("a", "127.0.0.1", port, checked=True)))
            assert "modprobe ip_vs" in (await bench.director.report(LongWork())).missing
            await asyncio.sleep(10 * OFTEN.delay_loop_s)
            assert (await bench.director.report(LongWork())).checks_run == 0
            bench.missing = False
            await bench.director.look()
            await bench.until_checked()
            await until_so(lambda: bench.serving == ["127.0.0.1"])

    asyncio.run(story())


def test_a_drained_server_leaves_when_it_has_no_connections_and_stays_out(bench: Bench) -> None:
    async def story() -> None:
        bench.new_process()
        servers = (real_server("a", "192.0.2.1"), real_server("b", "192.0.2.2"))
        async with bench.running():
            bench.director.follow(plan(*servers))
            assert (await bench.ask("drain", "web/a")).servers == ("web/a",)
            assert bench.serving == ["192.0.2.2"]
            await until_so(lambda: len(bench.ipvs.table.servers[WEB].destinations) == 1)
        bench.new_process()
        async with bench.running():
            bench.director.follow(plan(*servers))
            assert bench.serving == ["192.0.2.2"]
            assert (await bench.ask("undrain", "a")).servers == ("web/a",)
            assert bench.serving == ["192.0.2.1", "192.0.2.2"]
            assert "there are: a, b" in ((await bench.ask("drain", "c")).error or "")
            assert "knows nothing but" in ((await bench.ask("dance")).error or "")

    asyncio.run(story())


def test_an_end_takes_it_out_and_one_that_keeps_does_not(bench: Bench) -> None:
    async def story() -> None:
        kept = msgspec.structs.replace(plan(real_server("a", "192.0.2.1")), keep_on_stop=True)
        for what, keep, serving in (
            (plan(real_server("a", "192.0.2.1")), True, ["192.0.2.1"]),
            (kept, False, ["192.0.2.1"]),
            (plan(real_server("a", "192.0.2.1")), False, []),
        ):
            bench.new_process()
            bench.director.follow(what)
            await bench.director.end(keep=keep)
            assert bench.serving == serving

    asyncio.run(story())


@pytest.mark.parametrize(("ask", "written"), [("ipvs", 0), ("metrics", 15)])
def test_checks_go_on_while_a_long_answer_is_made(bench: Bench, ask: str, written: int) -> None:
    """One of a thousand virtual servers takes 0.3 s of the processor, and more when others use it."""

    async def story() -> None:
        bench.new_process()
        one = plan(real_server("a", "192.0.2.1")).services[0]
        keys = [AddressKey(Transport.TCP, f"192.0.2.{number % 250}", number) for number in range(1, 30)]
        services = [msgspec.structs.replace(one, name=str(key), keys=(key,)) for key in keys]
        bench.director.follow(BalancingPlan(tuple(services)))
        async with others_turns() as others:
            spent = itertools.count()  # one second at each look
            answer = await answer_to(msgspec.json.encode(Ask(ask)), bench.director, lambda: next(spent))
            turns = others.count
        assert answer.count(b"192.0.2.") >= len(keys)
        # While the kernel is asked, while all of it is put together, and while each metric is written.
        assert turns >= 2 * len(keys) + written
        await bench.director.end(keep=True)

    asyncio.run(story())


def test_what_comes_is_told_once_it_is_written_and_what_leaves_or_ends_is_told(bench: Bench) -> None:
    """Who hears that a virtual server is up may use it."""
    told: list[tuple[str, ServerState, bool]] = []

    def hear(message: Changed) -> None:
        told.extend(
            (change.virtual_server, change.state, WEB in bench.ipvs.table.servers)
            for change in message.changes
            if isinstance(change, QuorumChange)
        )

    async def story() -> None:
        director = Director(bench.run_dir, lambda: bench.ipvs, hear, time.monotonic)
        ours = plan(real_server("a", "192.0.2.1"))
        director.follow(ours)
        assert told == [("web", ServerState.UP, True)]
        director.follow(BalancingPlan())
        assert [each[:2] for each in told[1:]] == [("web", ServerState.DOWN)]
        (service,) = ours.services
        director.follow(BalancingPlan((msgspec.structs.replace(service, omega=True),)))
        del told[:]
        await director.end(keep=False)
        assert [each[:2] for each in told] == [("web", ServerState.STOP)]
        assert bench.ipvs.table.servers == {}

    asyncio.run(story())


def test_who_is_suspended_without_the_vip_is_not_asked(bench: Bench) -> None:
    async def story() -> None:
        bench.new_process()
        async with bench.running(), listening("127.0.0.1") as (port, _):
            bench.director.follow(plan(real_server("a", "127.0.0.1", port, checked=True), ha_suspend=True))
            bench.director.stand(frozenset())
            await asyncio.sleep(10 * OFTEN.delay_loop_s)
            assert (await bench.director.report(LongWork())).checks_run == 0
            bench.director.stand(frozenset({"web"}))
            await bench.until_checked()

    asyncio.run(story())
