"""What ZooKeeper's operator is told to do, by real servers or from facts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.store import Advice, Unknown
from backends.zookeeper_examine import MUCH_STORED, ServerFacts, judge
from backends.zookeeper_settings import ZookeeperSettings
from tests.contract.bad_servers import babbling_server, refusing_server, silent_server
from tests.contract.benches import zookeeper_client
from tests.contract.calls import PATIENCE_S
from tests.contract.event_loop import on_loop
from tests.contract.zookeeper_server import ZookeeperServer

LEADER = ServerFacts("a:2181", "leader", (3, 8), tick_ms=500, sync_limit=5, stored=100 * 1024**2)
FOLLOWER = replace(LEADER, where="b:2181", mode="follower")

# What servers say, as 3.8.0 prints it.
SERVES = "Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\nMode: %s\n"
LOOKS_FOR_A_LEADER = "This ZooKeeper instance is not currently serving requests\n"
FORBIDDEN = "srvr is not executed because it is not in the whitelist.\n"


def told(*facts: ServerFacts, listed: int = 3) -> list[str]:
    return [advice.text for advice in judge(facts, listed=listed)]


async def examined(*endpoints: str, timeout_s: float = PATIENCE_S) -> tuple[Advice, ...] | Unknown:
    async with zookeeper_client(ZookeeperSettings(endpoints)) as store:
        return await store.examine("/", timeout_s=timeout_s)


async def advice_for(*endpoints: str, timeout_s: float = PATIENCE_S) -> list[str]:
    answer = await examined(*endpoints, timeout_s=timeout_s)
    assert isinstance(answer, tuple), answer
    return [advice.text for advice in answer]


@asynccontextmanager
async def saying(text: str) -> AsyncGenerator[str, None]:
    async with babbling_server(text.encode()) as url:
        yield url.removeprefix("http://")


def test_healthy_servers_want_nothing() -> None:
    assert told(LEADER, FOLLOWER, replace(FOLLOWER, where="c:2181", mode="observer")) == []


def test_what_a_server_does_not_tell_is_no_advice() -> None:
    assert told(ServerFacts("a:2181", "leader"), ServerFacts("b:2181", "follower")) == []


def test_a_server_that_stands_alone_on_purpose_is_no_matter() -> None:
    assert told(replace(LEADER, mode="standalone"), listed=1) == []


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (replace(FOLLOWER, mode=""), "b:2181 has no leader and can serve nobody"),
        (replace(FOLLOWER, mode="read-only"), "b:2181 has no leader and can serve nobody"),
        (
            replace(FOLLOWER, mode="standalone"),
            "b:2181 runs standalone, with data of its own, and 3 endpoints",
        ),
        (replace(FOLLOWER, mode="leader"), "a:2181 and b:2181 each say that they lead"),
        (replace(FOLLOWER, version=(3, 5)), "b:2181 is ZooKeeper 3.5 and cannot serve vipkeeper"),
        (replace(FOLLOWER, stored=MUCH_STORED), "autopurge.purgeInterval=1"),
    ],
    ids=["no leader", "read-only", "standalone among others", "two leaders", "too old", "much stored"],
)
def test_what_has_to_be_done(fact: ServerFacts, said: str) -> None:
    (text,) = told(LEADER, fact)
    assert said in text


def test_an_ensemble_that_notices_late_is_told_once_for_all_servers() -> None:
    sample = {"tick_ms": 2000, "sync_limit": 5}
    (text,) = told(replace(LEADER, **sample), replace(FOLLOWER, **sample))
    assert text.startswith("a:2181, b:2181: a leader that hangs or is cut off is replaced only after 10 s ")
    assert "set tickTime=500" in text


@pytest.mark.parametrize("sync_limit", [2, 5])
def test_the_settings_that_the_advice_names_are_quick_enough(sync_limit: int) -> None:
    tick_ms = {2: 2000, 5: 500}[sync_limit]
    assert told(replace(LEADER, tick_ms=tick_ms, sync_limit=sync_limit)) == []


@pytest.mark.zookeeper
@on_loop
async def test_the_disk_of_a_real_server_is_read(tmp_path: Path) -> None:
    with ZookeeperServer(tmp_path, settings="4lw.commands.whitelist=srvr,conf\n") as server:
        assert await advice_for(server.endpoint) == []
        # Logs and snapshots are in one directory and count once: half as much again is not enough.
        big = tmp_path / "data" / "version-2" / "snapshot.big"
        for size, count in ((MUCH_STORED * 3 // 4, 0), (MUCH_STORED, 1)):
            with big.open("wb") as file:
                file.truncate(size)
            texts = await advice_for(server.endpoint)
            assert len(texts) == count
    assert texts[0].startswith(f"{server.endpoint}: logs and snapshots take more than 2 GiB")


@pytest.mark.zookeeper
@on_loop
async def test_standalone_servers_are_no_ensemble(shared_zookeeper: ZookeeperServer, tmp_path: Path) -> None:
    with ZookeeperServer(tmp_path) as other:
        texts = await advice_for(shared_zookeeper.endpoint, other.endpoint)
    assert [text.partition(", ")[0] for text in texts] == [
        f"{server.endpoint} runs standalone" for server in (shared_zookeeper, other)
    ]


@pytest.mark.zookeeper
@on_loop
async def test_a_server_that_is_not_there_is_named(shared_zookeeper: ZookeeperServer) -> None:
    with refusing_server() as refusing, silent_server() as silent:
        gone = [url.removeprefix("http://") for url in (refusing, silent)]
        texts = await advice_for(gone[0], shared_zookeeper.endpoint, gone[1], timeout_s=2.0)
    named = [text for text in texts if text.endswith("make it serve again, or take it out of the endpoints")]
    assert [text.partition(": ")[0] for text in named] == gone


@on_loop
async def test_a_server_that_tells_nothing_does_not_hide_the_others() -> None:
    async with saying(FORBIDDEN) as forbidden, saying(LOOKS_FOR_A_LEADER) as lost:
        (text,) = await advice_for(forbidden, lost)
    assert text.startswith(f"{lost} has no leader")


@on_loop
async def test_servers_that_tell_nothing_are_unknown_with_what_to_do() -> None:
    async with saying(FORBIDDEN) as first, saying(FORBIDDEN) as second:
        answer = await examined(first, second)
    assert isinstance(answer, Unknown)
    assert answer.actor == "operator"
    assert "4lw.commands.whitelist=srvr,conf" in answer.why


@pytest.mark.parametrize("text", ["", "HTTP/1.1 400 Bad Request\r\n\r\n", "\0\xff" * 70_000])
@on_loop
async def test_other_servers_are_told_apart(text: str) -> None:
    async with saying(text) as stranger, saying(SERVES % "leader") as leader:
        (advice,) = await advice_for(stranger, leader)
    assert advice.startswith(f"{stranger}: asking how the server is: the answer is not ZooKeeper's")


@on_loop
async def test_a_server_that_talks_without_end_is_left() -> None:
    async with babbling_server(bytes(200_000), closes=False) as url:
        answer = await examined(url.removeprefix("http://"))
    assert isinstance(answer, Unknown)
    assert "the answer is not ZooKeeper's" in answer.why
