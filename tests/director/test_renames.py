"""A reload that only calls things otherwise: states of checks and machine survive it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from tests.director.test_director import Bench, plan, real_server
from tests.kernel_segment.segment import until_so
from vipkeeper.director.long_work import LongWork
from vipkeeper.director.renames import former_names, renamed_checks
from vipkeeper.model.balancing import BalancingPlan, CheckKey, FileAsk, ServicePlan, WatchedFile
from vipkeeper.model.ipvs import AddressKey, MarkKey, Service, ServiceKey, Transport

ONE, OTHER, THIRD = AddressKey(Transport.TCP, "192.0.2.80", 80), MarkKey(7), MarkKey(8)
LABEL = "tcp_check it"


def service(name: str, *keys: ServiceKey) -> ServicePlan:
    return ServicePlan(name, keys, Service("rr"), (real_server("a", "10.0.0.1", checked=True),))


@pytest.mark.parametrize(
    ("after", "former"),
    [
        pytest.param(
            (service("web", ONE), service("mail", OTHER)), {"web": "web", "mail": "mail"}, id="same"
        ),
        pytest.param(
            (service("shop", ONE), service("mail", OTHER)), {"shop": "web", "mail": "mail"}, id="new"
        ),
        pytest.param(
            (service("mail", ONE), service("web", OTHER)), {"mail": "web", "web": "mail"}, id="swap"
        ),
        pytest.param((service("web", THIRD),), {"web": "web"}, id="moved"),
        pytest.param((service("shop", ONE), service("web", THIRD)), {"shop": "web"}, id="named after it"),
        pytest.param((service("shop", THIRD),), {}, id="another"),
        pytest.param((service("shop", OTHER, ONE),), {}, id="two that became one"),
    ],
)
def test_keys_say_which_it_was_and_then_the_name(
    after: tuple[ServicePlan, ...], former: dict[str, str]
) -> None:
    assert former_names((service("web", ONE), service("mail", OTHER)), after) == former


def test_a_group_is_the_same_in_another_order() -> None:
    assert former_names((service("web", ONE, OTHER),), (service("shop", OTHER, ONE),)) == {"shop": "web"}


def test_checks_follow_both_names() -> None:
    before, after = service("web", ONE), service("shop", ONE)
    (real,) = after.real_servers
    after = msgspec.structs.replace(after, real_servers=(msgspec.structs.replace(real, name="b"),))
    was, now = CheckKey("web", "a", LABEL), CheckKey("shop", "b", LABEL)
    assert renamed_checks({"shop": "web"}, (before,), (after,)) == {was: now}
    assert renamed_checks({"web": "web"}, (before,), (before,)) == {}


def renamed(wanted: BalancingPlan, virtual: str, **reals: str) -> BalancingPlan:
    (one,) = wanted.services
    servers = tuple(
        msgspec.structs.replace(real, name=reals.get(real.name, real.name)) for real in one.real_servers
    )
    new = msgspec.structs.replace(one, name=virtual, real_servers=servers)
    return msgspec.structs.replace(wanted, services=(new,))


async def states(bench: Bench) -> dict[str, str]:
    (shown,) = (await bench.director.report(LongWork())).virtual_servers
    return {real.name: real.checks[0].state for real in shown.real_servers}


@pytest.mark.parametrize(
    ("virtual", "reals"),
    [("shop", {}), ("web", {"dead": "old"}), ("shop", {"dead": "alive", "alive": "dead"})],
    ids=["virtual server", "real server", "all, two exchanged"],
)
def test_who_is_renamed_stays_as_it_is(tmp_path: Path, virtual: str, reals: dict[str, str]) -> None:
    (tmp_path / "well").write_text("0")

    async def story() -> None:
        bench = Bench(tmp_path)
        bench.new_process()
        async with bench.running():
            dead, alive = real_server("dead", "127.0.0.1", 1, checked=True), real_server("alive", "192.0.2.2")
            (check,) = dead.checks
            reads = msgspec.structs.replace(check, ask=FileAsk("well", 0), reach=None)
            alive = msgspec.structs.replace(alive, checks=(reads,))
            files = {"well": WatchedFile(str(tmp_path / "well"))}
            wanted = msgspec.structs.replace(plan(dead, alive), track_files=files)
            bench.director.follow(wanted)
            await until_so(lambda: bench.serving == ["192.0.2.2"])
            await asyncio.sleep(0)
            bench.ipvs.applied.clear()
            bench.told.clear()
            bench.director.follow(renamed(wanted, virtual, **reals))
            assert await states(bench) == {
                reals.get("dead", "dead"): "down",
                reals.get("alive", "alive"): "up",
            }
            await bench.until_checked(more_than=(await bench.director.report(LongWork())).checks_run)
            assert (bench.ipvs.applied, bench.told) == ([], [])
            (tmp_path / "well").write_text("1")
            await until_so(lambda: bench.serving == [])
            assert [change.virtual_server for change in bench.told] == [virtual] * 2

    asyncio.run(story())
