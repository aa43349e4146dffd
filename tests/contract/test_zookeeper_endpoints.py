"""Several servers: which is asked, and how fast the next one is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, aclosing

import pytest

from backends.store import Committed, Snapshot, Transaction, Unknown
from backends.zookeeper import ZookeeperStore
from backends.zookeeper_settings import ZookeeperSettings, addresses
from tests.contract.bad_servers import refusing_server, silent_server, unreachable_server
from tests.contract.benches import zookeeper_client
from tests.contract.calls import PATIENCE_S, commit, established, eventually, lost, read, values
from tests.contract.event_loop import on_loop
from tests.contract.zookeeper_server import ZookeeperServer
from vipkeeper.model.errors import ConfigError

pytestmark = pytest.mark.zookeeper

# What this machine may add to a deadline when it is busy.
SLACK_S = 3.0


def _settings(*endpoints: str) -> ZookeeperSettings:
    return ZookeeperSettings(tuple(endpoint.removeprefix("http://") for endpoint in endpoints))


async def _try_commit(store: ZookeeperStore, key: str, timeout_s: float) -> object:
    return await store.commit(Transaction(puts={key: b"1"}), timeout_s=timeout_s)


@on_loop
async def test_a_refused_connection_costs_no_attempt(shared_zookeeper: ZookeeperServer, prefix: str) -> None:
    good = shared_zookeeper.endpoint
    with refusing_server() as gone:
        async with zookeeper_client(_settings(gone, gone, good)) as store:
            assert isinstance(await _try_commit(store, prefix + "a", PATIENCE_S), Committed)
            assert good in store.describe()
        async with zookeeper_client(_settings(gone, good)) as store:
            assert (await read(store, prefix)).records[0].key == prefix + "a"


@on_loop
async def test_nobody_listens_anywhere(prefix: str) -> None:
    with refusing_server() as first, refusing_server() as second:
        async with zookeeper_client(_settings(first, second)) as store:
            for answer in (
                await store.read(prefix, timeout_s=PATIENCE_S),
                await _try_commit(store, prefix, PATIENCE_S),
            ):
                assert isinstance(answer, Unknown)
                assert first.removeprefix("http://") in answer.why
                assert second.removeprefix("http://") in answer.why


DEAD = pytest.mark.parametrize("dead_server", [silent_server, unreachable_server])


@DEAD
@on_loop
async def test_a_dead_endpoint_costs_a_commit_one_attempt(
    dead_server: Callable[[], AbstractContextManager[str]], shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    with dead_server() as dead:
        async with zookeeper_client(_settings(dead, shared_zookeeper.endpoint)) as store:
            began_s = time.monotonic()
            missed = await _try_commit(store, prefix + "a", 0.3)
            assert isinstance(missed, Unknown)
            assert dead.removeprefix("http://") in missed.why
            assert "connecting" in missed.why
            assert time.monotonic() - began_s < 0.3 + SLACK_S
            for _ in range(3):
                assert isinstance(await _try_commit(store, prefix + "b", PATIENCE_S), Committed)
            assert shared_zookeeper.endpoint in store.describe()


@DEAD
@on_loop
async def test_a_read_asks_the_next_endpoint_while_the_first_is_silent(
    dead_server: Callable[[], AbstractContextManager[str]], shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    with dead_server() as dead:
        async with zookeeper_client(_settings(dead, dead, shared_zookeeper.endpoint)) as store:
            began_s = time.monotonic()
            assert isinstance(await store.read(prefix, timeout_s=PATIENCE_S), Snapshot)
            assert time.monotonic() - began_s < PATIENCE_S / 4  # two hedges are 0.16 s
            assert shared_zookeeper.endpoint in store.describe()


@DEAD
@on_loop
async def test_a_watch_leaves_a_dead_endpoint(
    dead_server: Callable[[], AbstractContextManager[str]], shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    with dead_server() as dead:
        async with zookeeper_client(_settings(dead, shared_zookeeper.endpoint)) as store:
            first = await lost(store.watch(prefix, after_revision=1, heartbeat_s=0.5))
            assert dead.removeprefix("http://") in first.why
            start = (await read(store, prefix)).revision
            watch = store.watch(prefix, after_revision=start, heartbeat_s=PATIENCE_S)
            async with aclosing(watch):
                await established(watch)


@on_loop
async def test_one_of_two_servers_freezes_and_comes_back(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    """The endpoint that answers stays in use: the other may come and go without being asked."""
    with silent_server() as other, ExitStack() as stack:
        async with zookeeper_client(_settings(shared_zookeeper.endpoint, other)) as store:
            await commit(store, puts={prefix + "a": b"1"})
            stack.callback(shared_zookeeper.thaw)
            shared_zookeeper.freeze()
            assert isinstance(await _try_commit(store, prefix + "b", 0.2), Unknown)
            assert other.removeprefix("http://") in store.describe()
            assert isinstance(await _try_commit(store, prefix + "b", 0.2), Unknown)
            shared_zookeeper.thaw()
            for _ in range(3):
                await commit(store, puts={prefix + "c": b"1"})
            assert (await values(store, prefix))[prefix + "a"] == b"1"


@on_loop
async def test_an_attempt_too_short_for_a_connection_still_leads_to_one(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    """Connecting goes on behind the attempts: a session may take longer than the shortest of them."""
    async with zookeeper_client(_settings(shared_zookeeper.endpoint)) as store:

        async def works() -> bool:
            return isinstance(await _try_commit(store, prefix + "a", 0.002), Committed)

        shortest = await _try_commit(store, prefix + "a", 0.0001)
        assert isinstance(shortest, Unknown)
        await eventually(works)


@on_loop
async def test_a_reading_longer_than_its_time_goes_on_for_the_next(
    shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    keys = [f"{prefix}{number:04}" for number in range(2000)]
    async with (
        zookeeper_client(_settings(shared_zookeeper.endpoint)) as writer,
        zookeeper_client(_settings(shared_zookeeper.endpoint)) as store,
    ):
        for start in range(0, len(keys), 100):
            await commit(writer, puts=dict.fromkeys(keys[start : start + 100], bytes(2500)))

        async def has_read_all() -> bool:
            snapshot = await store.read(prefix, timeout_s=0.05)
            return isinstance(snapshot, Snapshot) and len(snapshot.records) == len(keys)

        assert not await has_read_all()
        await eventually(has_read_all)


@on_loop
async def test_commits_do_not_wait_for_a_long_reading(shared_zookeeper: ZookeeperServer, prefix: str) -> None:
    keys = [f"{prefix}{number:04}" for number in range(2000)]
    async with zookeeper_client(_settings(shared_zookeeper.endpoint)) as writer:
        for start in range(0, len(keys), 100):
            await commit(writer, puts=dict.fromkeys(keys[start : start + 100], bytes(2500)))
    async with zookeeper_client(_settings(shared_zookeeper.endpoint)) as store:
        version = (await commit(store, puts={prefix + "lease": b""})).versions[prefix + "lease"]
        reading = asyncio.ensure_future(read(store, prefix))
        began_s = last_s = time.monotonic()
        longest_s = 0.0
        while not reading.done():
            renewal = await commit(store, compares={prefix + "lease": version}, puts={prefix + "lease": b""})
            version = renewal.versions[prefix + "lease"]
            now_s = time.monotonic()
            longest_s, last_s = max(longest_s, now_s - last_s), now_s
        assert len((await reading).records) == len(keys) + 1
        print(f"the longest commit took {longest_s:.3f} s of {last_s - began_s:.3f} s")
        assert longest_s < (last_s - began_s) / 4


def test_endpoints_may_be_short_and_end_with_a_chroot() -> None:
    settings = _settings("10.0.0.1", "zk.example:1234", "[2001:db8::1]", "[::1]:99/ha/vips/")
    found, chroot = addresses(settings)
    assert [str(address) for address in found] == [
        "10.0.0.1:2181",
        "zk.example:1234",
        "[2001:db8::1]:2181",
        "[::1]:99",
    ]
    assert chroot == "/ha/vips"
    assert addresses(_settings("a", "b"))[1] == ""


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        (ZookeeperSettings(()), "no endpoint"),
        (ZookeeperSettings(("zk://10.0.0.1",)), "not reached with a URL"),
        (ZookeeperSettings((":2181",)), "no host"),
        (ZookeeperSettings(("10.0.0.1/ha", "10.0.0.2")), "only the last"),
        (ZookeeperSettings(("10.0.0.1/a//b",)), "is no path"),
        (ZookeeperSettings(("10.0.0.1:many",)), "10.0.0.1:many"),
        (ZookeeperSettings(("10.0.0.1:70000",)), "70000"),
        (ZookeeperSettings(("10.0.0.1",), cert_file="a.pem"), "key_file"),
        (ZookeeperSettings(("10.0.0.1",), username="keeper"), "password"),
        (ZookeeperSettings(("10.0.0.1",), ca_file="/nonexistent"), "/nonexistent"),
        (ZookeeperSettings(("10.0.0.1",), cert_file="/none.pem", key_file="/none.key"), "/none.pem"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: ZookeeperSettings, mistake: str) -> None:
    with pytest.raises(ConfigError, match=mistake):
        addresses(settings)


def test_a_password_is_not_shown() -> None:
    secret = "only for zookeeper"  # noqa: S105  nobody uses it
    assert secret not in repr(ZookeeperSettings(("a",), username="u", password=secret))
