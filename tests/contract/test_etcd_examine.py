"""What etcd's operator is told to do: with real servers where they can be brought so far, else from facts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.etcd_channel import Login
from backends.etcd_examine import LONG_HISTORY, MemberFacts, examine, judge
from backends.etcd_settings import EtcdSettings, addresses
from backends.store import Advice, Committed, Transaction, Unknown
from tests.contract.benches import etcd_client
from tests.contract.calls import PATIENCE_S, commit
from tests.contract.certificates import Authority
from tests.contract.etcd_server import EtcdServer, ServerTls
from tests.contract.event_loop import on_loop

GIB = 1024**3
HEALTHY = MemberFacts("http://a:2379", 1, 100, True, size=GIB, size_in_use=GIB, quota=2 * GIB)


def told(*facts: MemberFacts, keeps_history: bool = False) -> list[str]:
    return [advice.text for advice in judge(facts, keeps_history=keeps_history)]


def test_healthy_members_want_nothing() -> None:
    assert told(HEALTHY, replace(HEALTHY, where="http://b:2379", quota=0)) == []


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (replace(HEALTHY, size=1_730_000_000, size_in_use=1_700_000_000), "80 % of its quota"),
        (replace(HEALTHY, size=2_100_000_000, size_in_use=2_000_000_000), "95 % of its quota"),
        (replace(HEALTHY, size=1_730_000_000, quota=0), "80 % of etcd's default quota of 2 GiB"),
    ],
    ids=["its own quota", "nearly full", "quota not told"],
)
def test_space_that_runs_out_is_told_with_the_steps(fact: MemberFacts, said: str) -> None:
    (text,) = told(fact)
    assert text.startswith("http://a:2379 uses ")
    assert said in text
    assert "etcdctl compaction" in text


def test_free_pages_want_a_defragmentation_alone() -> None:
    (text,) = told(replace(HEALTHY, size=2_000_000_000, size_in_use=100_000_000))
    assert "etcdctl defrag" in text
    assert "compaction" not in text


@pytest.mark.parametrize("quota", [8 * GIB, -1], ids=["a larger quota", "no quota"])
def test_a_quota_that_is_far_away_or_off_is_no_matter(quota: int) -> None:
    assert told(replace(HEALTHY, size=3 * GIB, size_in_use=3 * GIB, quota=quota)) == []


def test_the_text_stays_the_same_while_the_figures_move_a_little() -> None:
    sizes = (1_850_000_000, 1_870_000_000)
    assert len({text for size in sizes for text in told(replace(HEALTHY, size=size, size_in_use=size))}) == 1


def test_a_full_store_is_told_once_and_not_each_member_again() -> None:
    full = replace(HEALTHY, size=2 * GIB, alarms=("NOSPACE",))
    (text,) = told(full, replace(full, where="http://b:2379"))
    for step in ("etcdctl compaction", "etcdctl defrag", "etcdctl alarm disarm"):
        assert step in text


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (replace(HEALTHY, alarms=("CORRUPT",)), "etcdctl alarm list"),
        (replace(HEALTHY, where="http://b:2379", has_leader=False), "http://b:2379 has no leader"),
        (
            replace(HEALTHY, where="http://b:2379", cluster_id=2),
            "http://b:2379 belongs to another etcd cluster",
        ),
    ],
    ids=["corrupt", "no leader", "another cluster"],
)
def test_members_that_do_not_fit_together(fact: MemberFacts, said: str) -> None:
    (text,) = told(HEALTHY, fact)
    assert said in text


@pytest.mark.etcd
@on_loop
async def test_a_full_server_is_told_of_by_its_alarm(tmp_path: Path) -> None:
    with EtcdServer(tmp_path, flags=("--quota-backend-bytes=2000000",)) as server:
        async with etcd_client(EtcdSettings((server.url,))) as store:
            fill = Transaction(puts={"/fill": bytes(200_000)})
            revision = 0
            async with asyncio.timeout(PATIENCE_S):
                while isinstance(answer := await store.commit(fill, timeout_s=PATIENCE_S), Committed):
                    revision = answer.revision
            assert isinstance(answer, Unknown)
            advice = await store.examine("/fill", timeout_s=PATIENCE_S)
            assert isinstance(advice, tuple)
            (one,) = advice
            assert "refuses every write" in one.text
            # The steps are the right ones: after them it takes writes again, and nothing is left to say.
            for words in (("compaction", str(revision)), ("defrag",), ("alarm", "disarm")):
                server.etcdctl(*words)
            await commit(store, puts={"/fill": b""})
            assert await store.examine("/fill", timeout_s=PATIENCE_S) == ()


@pytest.mark.etcd
@on_loop
async def test_history_that_nobody_compacts_is_noticed(tmp_path: Path) -> None:
    with EtcdServer(tmp_path) as server:
        settings = EtcdSettings((server.url,))
        async with etcd_client(settings) as store:
            for _ in range(12):
                last = await commit(store, puts={"/vips/a": b"1"})

        async def asked() -> tuple[Advice, ...] | Unknown:
            login = Login(None, None)
            return await examine(addresses(settings), login, "/vips/", timeout_s=PATIENCE_S, long_history=10)

        first = await asked()
        assert isinstance(first, tuple)
        (one,) = first
        assert one.text.startswith(f"etcd keeps more than {LONG_HISTORY} revisions")
        server.etcdctl("compaction", str(last.revision - 5))
        assert await asked() == ()


@pytest.mark.etcd
@on_loop
async def test_a_member_that_is_not_there_is_named(shared_etcd: EtcdServer, prefix: str) -> None:
    nowhere = "http://127.0.0.1:1"
    async with etcd_client(EtcdSettings((nowhere, shared_etcd.url))) as store:
        advice = await store.examine(prefix, timeout_s=PATIENCE_S)
    assert isinstance(advice, tuple)
    (one,) = advice
    assert one.text.startswith(nowhere)
    assert "take it out of the endpoints" in one.text


@pytest.mark.etcd
@on_loop
async def test_a_member_whose_certificate_is_not_accepted_is_named_too(
    shared_etcd: EtcdServer, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    own = authority.sign("server")
    tls = ServerTls(authority.ca_file, own.cert_file, own.key_file)
    with EtcdServer(tmp_path / "etcd", tls=tls) as encrypted:
        async with etcd_client(EtcdSettings((shared_etcd.url, encrypted.url))) as store:
            advice = await store.examine("/", timeout_s=PATIENCE_S)
    assert isinstance(advice, tuple)
    (one,) = advice
    assert one.text.startswith(encrypted.url)
    assert "check ca_file" in one.text


@pytest.mark.etcd
@on_loop
async def test_a_connection_that_ends_at_once_is_said_in_words(shared_etcd: EtcdServer) -> None:
    encrypted = shared_etcd.url.replace("http:", "https:")
    async with etcd_client(EtcdSettings((encrypted,))) as store:
        answer = await store.read("/", timeout_s=PATIENCE_S)
    assert isinstance(answer, Unknown)
    assert not answer.why.endswith(": ")


@pytest.mark.etcd
@on_loop
async def test_servers_of_two_clusters_are_told_apart(shared_etcd: EtcdServer, tmp_path: Path) -> None:
    with EtcdServer(tmp_path) as stranger:
        async with etcd_client(EtcdSettings((shared_etcd.url, stranger.url))) as store:
            advice = await store.examine("/", timeout_s=PATIENCE_S)
    assert isinstance(advice, tuple)
    assert [f"{stranger.url} belongs to another etcd cluster" in one.text for one in advice] == [True]


@pytest.mark.etcd
@on_loop
async def test_whom_the_store_does_not_know_gets_unknown(tmp_path: Path) -> None:
    with EtcdServer(tmp_path) as server:
        for words in (("user", "add", "root:r"), ("user", "grant-role", "root", "root"), ("auth", "enable")):
            server.etcdctl(*words)
        wrong = "not r"
        async with etcd_client(EtcdSettings((server.url,), username="root", password=wrong)) as store:
            answer = await store.examine("/", timeout_s=PATIENCE_S)
    assert isinstance(answer, Unknown)
    assert answer.actor == "user"
