"""What the routing shell keeps, puts back, leaves alone and takes away, over a host in memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator

import pytest

from tests.config.sources import config_of
from tests.kernel_segment.segment import until_so
from vipkeeper.agent.routing_shell import PAUSE_S, REMOVALS_BEFORE_A_PAUSE, RoutingShell
from vipkeeper.config.routing_entries import RoutingEntries, routing_entries
from vipkeeper.kernel.memory_routing import MemoryRouting
from vipkeeper.model.routing import Entry, Route, Rule

STATIC = """\
static_ipaddress = ["198.51.100.7/24 dev eth1"]
static_routes = ["203.0.113.0/24 via 198.51.100.1"]
static_rules = ["from 198.51.100.7 table 7"]
"""
VIPS = """\
[vip.web]
interface = "eth0"
addresses = ["192.0.2.10"]
excluded_addresses = ["192.0.2.11"]
virtual_routes = ["198.18.1.0/24 dev eth0", "198.18.2.0/24 dev eth0"]
virtual_rules = ["from 192.0.2.10 table 100"]
[vip.mail]
interface = "eth0"
addresses = ["192.0.2.20"]
virtual_routes = ["198.18.3.0/24 dev eth0", "198.18.1.0/24 dev eth0"]
"""
WEB = frozenset({"192.0.2.10", "192.0.2.11"})
MAIL = frozenset({"192.0.2.20"})


class Bench:
    """One host in memory and its shell."""

    def __init__(self, text: str = VIPS) -> None:
        self.host = MemoryRouting()
        self.now_s = 100.0
        self.shell = self.new_process(text)

    def new_process(self, text: str) -> RoutingShell:
        """As after a SIGKILL: the kernel is as it was, everything else is new."""
        self.shell = RoutingShell(self.host, entries(text), lambda: self.now_s)
        return self.shell

    def shown(self) -> list[str]:
        return [name(entry) for entry in self.host.entries]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.shell.run())
        await asyncio.sleep(0)
        try:
            yield
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def entries(text: str) -> RoutingEntries:
    return routing_entries(config_of(text), {})


def name(entry: Entry) -> str:
    match entry:
        case Route():
            return entry.destination
        case Rule():
            return f"rule {entry.table}"
        case _:
            return entry.vip.address


def test_what_goes_with_a_vip_is_there_while_all_its_addresses_are() -> None:
    bench = Bench()
    bench.shell.stand({"192.0.2.10"})
    assert bench.shown() == []
    bench.shell.stand(WEB)
    assert bench.shown() == ["198.18.1.0/24", "198.18.2.0/24", "rule 100"]
    bench.shell.stand(WEB | MAIL)
    assert bench.shown() == ["198.18.1.0/24", "198.18.2.0/24", "rule 100", "198.18.3.0/24"]
    bench.shell.stand(MAIL)
    assert bench.shown() == ["198.18.1.0/24", "198.18.3.0/24"], "one that both want stays"
    bench.shell.stand(frozenset())
    assert bench.shown() == []


def test_what_belongs_to_no_vip_is_there_until_the_end() -> None:
    bench = Bench(STATIC + VIPS)
    bench.shell.stand(frozenset())
    assert bench.shown() == ["198.51.100.7", "203.0.113.0/24", "rule 7"]
    bench.shell.stand(WEB)
    bench.shell.close(keep=False)
    assert bench.shown() == []


def test_a_restart_keeps_what_stands_and_takes_what_does_not() -> None:
    bench = Bench(STATIC + VIPS)
    bench.shell.stand(WEB | MAIL)
    bench.shell.close(keep=True)
    before = list(bench.host.entries)
    bench.new_process(STATIC + VIPS).stand(WEB | MAIL)
    assert all(one is other for one, other in zip(bench.host.entries, before, strict=True))
    bench.new_process(STATIC + VIPS).stand(MAIL)
    assert "198.18.2.0/24" not in bench.shown(), "the VIP did not outlive the process"
    bench.new_process(VIPS).stand(frozenset())
    assert bench.shown() == []


def test_who_has_no_routes_reads_none() -> None:
    bench = Bench('[vip.web]\ninterface = "eth0"\naddresses = ["192.0.2.10"]')
    for _ in range(5):
        bench.shell.stand({"192.0.2.10"})
        bench.shell.stand(frozenset())
    assert bench.host.readings == 1, "once, for what an earlier process may have left"


def test_who_has_no_routes_is_not_woken_by_those_of_others() -> None:
    async def story() -> None:
        bench = Bench('[vip.web]\ninterface = "eth0"\naddresses = ["192.0.2.10"]')
        async with bench.running():
            bench.shell.stand({"192.0.2.10"})
            assert not bench.host.listened_to
            bench.shell.reconfigure(entries(STATIC + VIPS))
            everything = sorted(bench.shown())
            assert len(everything) == 3
            bench.host.remove_by_hand(*bench.host.entries)
            await until_so(lambda: sorted(bench.shown()) == everything)

    asyncio.run(story())


def test_a_reload_touches_what_differs_alone() -> None:
    bench = Bench()
    bench.shell.stand(WEB | MAIL)
    before = {name(entry): entry for entry in bench.host.entries}
    bench.shell.reconfigure(
        entries(VIPS.replace("198.18.2.0/24 dev eth0", "198.18.2.0/24 dev eth0 metric 5"))
    )
    after = {name(entry): entry for entry in bench.host.entries}
    assert after.keys() == before.keys()
    assert [which for which in after if after[which] is not before[which]] == ["198.18.2.0/24"]


def test_what_somebody_removes_is_back() -> None:
    async def story() -> None:
        bench = Bench()
        bench.shell.stand(WEB)
        everything = sorted(bench.shown())
        async with bench.running():
            bench.host.remove_by_hand(*bench.host.entries)
            assert bench.shown() == []
            await until_so(lambda: sorted(bench.shown()) == everything)

    asyncio.run(story())


def test_what_somebody_removes_again_and_again_is_left_out_for_a_while() -> None:
    async def story() -> None:
        bench = Bench()
        bench.shell.stand(WEB)
        async with bench.running():
            victim = next(entry for entry in bench.host.entries if name(entry) == "198.18.2.0/24")
            for _ in range(REMOVALS_BEFORE_A_PAUSE - 1):
                bench.host.remove_by_hand(victim)
                await until_so(lambda: victim in bench.host.entries)
            readings = bench.host.readings
            bench.host.remove_by_hand(victim)
            await until_so(lambda: bench.host.readings > readings)
            assert victim not in bench.host.entries
            bench.host.change_link()
            readings = bench.host.readings
            await until_so(lambda: bench.host.readings > readings)
            assert victim not in bench.host.entries
            assert len(bench.host.entries) == 2, "the others stay"
            bench.now_s += PAUSE_S
            bench.host.change_link()
            await until_so(lambda: victim in bench.host.entries)

    asyncio.run(story())


def test_what_is_refused_is_told_once_and_comes_when_it_can(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        bench = Bench()
        route = entries(VIPS).vips["web"][1].routes[0]
        bench.host.refusals[route] = "Network is unreachable"
        with caplog.at_level(logging.ERROR):
            bench.shell.stand(WEB)
            assert bench.shown() == ["198.18.2.0/24", "rule 100"], "it keeps no other back"
            async with bench.running():
                readings = bench.host.readings
                bench.host.change_link()
                await until_so(lambda: bench.host.readings > readings)
                bench.host.refusals.clear()
                bench.host.change_link()
                await until_so(lambda: "198.18.1.0/24" in bench.shown())
        told = [record for record in caplog.records if "Network is unreachable" in record.getMessage()]
        assert len(told) == 1

    asyncio.run(story())


def test_where_a_reading_takes_long_nobody_waits_for_one() -> None:
    async def story() -> None:
        bench = Bench()

        def takes_long() -> None:
            bench.now_s += 0.5

        bench.host.at_a_reading = takes_long
        bench.shell.stand(frozenset())
        bench.shell.stand(WEB)
        bench.shell.stand(WEB | MAIL)
        assert bench.host.readings == 1
        assert len(bench.host.entries) == 4
        bench.shell.stand(WEB)
        assert bench.shown() == ["198.18.1.0/24", "198.18.2.0/24", "rule 100"]
        async with bench.running():
            bench.now_s += 100.0
            bench.host.remove_by_hand(*bench.host.entries)
            await until_so(lambda: len(bench.host.entries) == 3)
        bench.shell.stand(frozenset())
        assert bench.shown() == []

    asyncio.run(story())


@pytest.mark.slow
def test_a_reading_that_is_older_than_a_change_counts_for_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        bench = Bench(STATIC + VIPS)
        bench.shell.stand(frozenset())
        loop = asyncio.get_running_loop()

        async def stands() -> None:
            bench.shell.stand(WEB)

        def meanwhile() -> None:
            if threading.current_thread() is not threading.main_thread():
                bench.host.at_a_reading = lambda: None
                asyncio.run_coroutine_threadsafe(stands(), loop).result()

        bench.host.at_a_reading = meanwhile
        async with bench.running():
            bench.host.change_link()
            await until_so(lambda: "198.18.2.0/24" in bench.shown())
            readings = bench.host.readings
            await until_so(lambda: bench.host.readings > readings)
        assert "removed by somebody else" not in caplog.text

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
